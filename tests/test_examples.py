"""The examples do what they say, as far as a machine without their schedulers can tell."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.test_incremental import FILMS, scans, table

__all__ = ["scans"]  # the fixture

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Where ``xrayscan`` is found by its name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "xrayscan"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m xrayscan "$@"\n')
    script.chmod(0o755)
    return folder


def as_here(text: str, bin_folder: Path, scans: Path) -> str:
    """An example with this test's places in it."""
    share = str(scans.parent)
    return text.replace("/opt/xrayscan/bin", str(bin_folder)).replace("/mnt/share", share)


def check_outputs(scans: Path) -> None:
    assert list(table(scans.parent / "results.csv")) == list(FILMS)
    assert (scans.parent / "results.html").is_file()


def test_crontab_line_runs_and_is_silent(scans: Path, bin_folder: Path) -> None:
    *_, line = (EXAMPLES / "crontab").read_text().splitlines()
    assert line.startswith("0 2 * * * ")
    command = as_here(line.split(" ", 5)[5].replace("\\%", "%"), bin_folder, scans)
    for _ in range(2):
        done = subprocess.run(command, shell=True, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    check_outputs(scans)


def test_systemd_service_runs_its_command(scans: Path, bin_folder: Path) -> None:
    service = as_here((EXAMPLES / "xrayscan.service").read_text(), bin_folder, scans)
    (start,) = [line for line in service.splitlines() if line.startswith("ExecStart=")]
    subprocess.run(shlex.split(start.partition("=")[2]), check=True)
    check_outputs(scans)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_nothing_wrong(scans: Path, bin_folder: Path, tmp_path: Path) -> None:
    for name in ("xrayscan.service", "xrayscan.timer"):
        unit = as_here((EXAMPLES / name).read_text(), bin_folder, scans)
        (tmp_path / name).write_text(unit.replace("User=xrayscan", "User=root"))
    units = [str(tmp_path / name) for name in ("xrayscan.service", "xrayscan.timer")]
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert not [line for line in done.stderr.splitlines() if "xrayscan." in line]


def test_windows_task_is_a_command_that_is_understood() -> None:
    from typer.testing import CliRunner

    from xrayscan.cli.app import app

    *_, line = (EXAMPLES / "windows-task.cmd").read_text().splitlines()
    task = line.partition('/TR "')[2].removesuffix('"')
    _, *arguments = task.split()
    done = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert r"\\server\share\scans: no such file" in done.stderr, done.output


def test_slurm_array_and_merge(scans: Path, bin_folder: Path) -> None:
    script = (EXAMPLES / "slurm-array.sh").read_text()
    results = scans.parent / "results"
    environment = os.environ | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "SCANS": str(scans),
        "RESULTS": str(results),
        "SLURM_ARRAY_TASK_COUNT": "3",
        "SLURM_CPUS_PER_TASK": "2",
    }
    for part in ("1", "2", "3"):
        subprocess.run(
            ["sh", EXAMPLES / "slurm-array.sh"],
            env=environment | {"SLURM_ARRAY_TASK_ID": part},
            check=True,
        )
    (merge,) = [line for line in script.splitlines() if "xrayscan merge" in line]
    subprocess.run(merge.lstrip("# "), shell=True, env=environment, check=True)
    assert list(table(results / "all.csv")) == list(FILMS)


@pytest.fixture
def slurm_dask() -> ModuleType:
    pytest.importorskip("dask_jobqueue", reason="needs dask-jobqueue")
    specification = importlib.util.spec_from_file_location("slurm_dask", EXAMPLES / "slurm-dask.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_slurm_jobs_are_what_was_asked_for(slurm_dask: ModuleType) -> None:
    with slurm_dask.slurm() as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH -J xrayscan", "#SBATCH --cpus-per-task=4", "#SBATCH -t 04:00:00"):
        assert line in script.splitlines()
    *_, settings, command = script.strip().splitlines()
    assert settings.startswith("export DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON='{")
    for words in ("dask_worker tcp://", "--nthreads 1 ", "--nworkers 4 ", "--lifetime 225m "):
        assert words in command


def test_dask_jobs_score(scans: Path, slurm_dask: ModuleType) -> None:
    """By the class of dask-jobqueue that runs the scripts of its jobs here."""
    from dask_jobqueue.local import LocalCluster

    cluster = LocalCluster(
        cores=1, processes=1, memory="2GB", scheduler_options={"dashboard": False}
    )
    results = scans.parent / "results.csv"
    assert slurm_dask.predict(cluster, 1, [str(scans), "--csv", str(results), "--quiet"]) == 0
    assert list(table(results)) == list(FILMS)


def test_kubernetes_parts_fit_together() -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which comes with Dask")
    parts = list(yaml.safe_load_all((EXAMPLES / "kubernetes-dask.yaml").read_text()))
    by_kind = {(part["kind"], part["metadata"]["name"]): part["spec"] for part in parts}
    service = by_kind["Service", "xrayscan-scheduler"]
    address = f"xrayscan-scheduler:{service['ports'][0]['port']}"
    scheduler, worker, run = (
        container(by_kind[kind, name])
        for kind, name in (
            ("Deployment", "xrayscan-scheduler"),
            ("Deployment", "xrayscan-worker"),
            ("Job", "xrayscan-predict"),
        )
    )
    assert scheduler["image"] == worker["image"] == run["image"]
    assert worker["volumeMounts"][0]["mountPath"] == run["volumeMounts"][0]["mountPath"]
    assert f"tcp://{address}" in worker["command"]
    assert f"dask://{address}" in run["command"]
    labels = by_kind["Deployment", "xrayscan-scheduler"]["template"]["metadata"]["labels"]
    assert service["selector"] == labels
    (policy,) = (part["spec"] for part in parts if part["kind"] == "NetworkPolicy")
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()


def test_kubernetes_commands_are_understood() -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML, which comes with Dask")
    pytest.importorskip("distributed", reason="needs Dask")
    from click.testing import CliRunner as PlainRunner
    from distributed.cli import dask_scheduler, dask_worker
    from typer.testing import CliRunner

    from xrayscan.cli.app import app

    parts = list(yaml.safe_load_all((EXAMPLES / "kubernetes-dask.yaml").read_text()))
    commands = [container(part["spec"])["command"] for part in parts if "template" in part["spec"]]
    for command, known in zip(commands, (dask_scheduler, dask_worker), strict=False):
        help_text = PlainRunner().invoke(known.main, [*command[2:], "--help"]).output
        options = {word for word in command if word.startswith("--")}
        assert all(option in help_text for option in options)
    done = CliRunner().invoke(app, [*commands[2][1:], "--dry-run"])
    assert "/films" in done.stderr, done.output


def container(specification: dict[str, Any]) -> dict[str, Any]:
    (only,) = specification["template"]["spec"]["containers"]
    return dict(only)
