"""The examples do what they say, as far as a machine without their schedulers can tell."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

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

    from xrayscan.cli import app

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
