"""Runs on real clusters of real processes on this machine."""

from __future__ import annotations

import csv
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.films import dicom_bytes, draw_deep_film, draw_film, jpeg_bytes, png_bytes
from tests.processes import heed_signals, wait_for
from xrayscan.cluster import clusters, crew
from xrayscan.cluster.clusters import connected
from xrayscan.cluster.crew import DaskCrew
from xrayscan.cluster.in_order import InOrder
from xrayscan.cluster.terms import Terms
from xrayscan.errors import XrayscanError
from xrayscan.intake.admission import Admission
from xrayscan.job import batches as job_batches
from xrayscan.job.batches import Asked, terms_of
from xrayscan.job.choices import decision_of
from xrayscan.job.options import JobOptions, find_scans
from xrayscan.job.run import Listeners, run_job
from xrayscan.pipeline import RunHooks
from xrayscan.records import Assessment, Ending, RunSummary
from xrayscan.reporting.earlier import EarlierPictures, PictureSource
from xrayscan.resources import model_folder
from xrayscan.scoring.card import load_card

pytest.importorskip("distributed", reason="needs Dask: pip install 'xrayscan[cluster]'")

FILM = jpeg_bytes(draw_film(seed=1))
# has none of our modules, not even by the finder that editable installations add
OTHER_XRAYSCAN = """
import sys

class Nothing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith("xrayscan."):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Nothing)
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers, which some films kill."""
    from tests.cluster.poison import Poison

    with connected("dask", 2) as client:
        client.register_plugin(Poison())
        yield client


@pytest.fixture
def small_cluster() -> Iterator[Any]:
    """One worker, within this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp"
    ) as cluster:
        yield cluster


@pytest.fixture
def engine(client: Any) -> str:
    return str(client.scheduler.address)


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Named by a path that is not the workers'."""
    folder = tmp_path / "films"
    folder.mkdir()
    for seed in range(24):
        (folder / f"f{seed:02}.png").write_bytes(png_bytes(draw_film(seed=seed)))
    (folder / "cut.jpg").write_bytes(FILM[: len(FILM) // 2])
    (folder / "film.dcm").write_bytes(dicom_bytes(draw_deep_film(seed=3)))
    (folder / "letter.jpg").write_bytes(b"Dear colleague")
    Path(os.fsdecode(bytes(folder) + b"/caf\xe9.jpg")).write_bytes(FILM)
    monkeypatch.chdir(tmp_path)
    return Path("films")


def job(films: Path, table: str, engine: str, **options: Any) -> JobOptions:
    usual = {"model": "fast", "batch_size": 4, "workers": 2, "admission": Admission.OFF}
    paths = (str(films),)
    return JobOptions(paths, csv=Path(table), engine=engine, **{**usual, **options})


def run(
    options: JobOptions, hooks: RunHooks | None = None, said: list[str] | None = None
) -> RunSummary:
    def say(sentence: str) -> None:
        if said is not None:
            said.append(sentence)

    return run_job(options, Listeners(lambda total: nullcontext(hooks or RunHooks()), say))


def rows(table: str) -> list[dict[str, str]]:
    with Path(table).open(encoding="utf-8") as file:
        return [{**row, "assessed_at": ""} for row in csv.DictReader(file)]


def pictures(page: Path) -> EarlierPictures:
    """All that a page shows of films, and how far their heat maps were tested."""
    card = load_card(model_folder("fast"))
    return EarlierPictures((page,), PictureSource(card.sha256, "gradcam"))


def terms(films: Path) -> Terms:
    options = job(films, "p.csv", "dask")
    card = load_card(model_folder("fast"))
    return terms_of(Asked(options, card, decision_of(options, card)))


def test_the_same_rows_and_pictures_as_here(films: Path, engine: str) -> None:
    for where in ("local", engine):
        name = where.partition(":")[0]
        done = run(job(films, f"{name}.csv", where, report=Path(f"{name}.html")))
        assert (done.ending, done.unreadable) == (Ending.FINISHED, 2)
        facts = json.loads(Path(f"{name}.run.json").read_text())
        assert facts["options"]["engine"] == where
    assert len(rows("local.csv")) == 28
    assert rows("tcp.csv") == rows("local.csv")
    here, there = (dict(pictures(Path(page))) for page in ("local.html", "tcp.html"))
    assert here == there
    marks = [film.heat.reliable for film in here.values() if film.heat]
    assert len(marks) > 20
    assert None not in marks


def test_a_killed_worker_costs_and_doubles_nothing(films: Path, engine: str, client) -> None:
    killed: list[int] = []

    def kill(done: Sequence[Assessment]) -> None:
        if not killed:
            killed.extend(list(client.run(os.getpid).values())[:1])
            os.kill(killed[0], signal.SIGKILL)

    run(job(films, "local.csv", "local"))
    heard: list[str] = []

    def assessed(done: Sequence[Assessment]) -> None:
        heard.extend(row.scan.name for row in done)
        kill(done)

    done = run(job(films, "p.csv", engine), RunHooks(assessed=assessed))
    assert killed
    assert done.ending is Ending.FINISHED
    assert heard == [scan.name for scan in find_scans(job(films, "p.csv", engine)).scans]
    assert rows("p.csv") == rows("local.csv")


def test_a_film_that_kills_its_worker_is_one_row(films: Path, engine: str) -> None:
    run(job(films, "local.csv", "local"))
    for name in ("poison.png", "hang.png"):
        (films / name).write_bytes(png_bytes(draw_film(seed=9)))
    done = run(job(films, "p.csv", engine, time_limit=5.0))
    by_name = {row["path"]: row for row in rows("p.csv")}
    poison, hang = by_name.pop("poison.png"), by_name.pop("hang.png")
    assert (poison["status"], poison["reason"]) == ("unreadable", "decoder")
    assert "every worker that read it has died" in poison["detail"]
    assert (hang["status"], hang["reason"]) == ("unreadable", "decoder")
    assert "did not end within 5 s" in hang["detail"]
    assert done.unreadable == 4
    assert list(by_name.values()) == rows("local.csv")


def test_a_run_goes_on_with_another_engine(films: Path, engine: str) -> None:
    stop = False

    def assessed(done: Sequence[Assessment]) -> None:
        nonlocal stop
        stop = True

    first = run(job(films, "p.csv", engine), RunHooks(lambda: stop, assessed))
    assert first.ending is Ending.STOPPED
    assert 4 <= first.found - first.not_reached < 28
    second = run(job(films, "p.csv", "local"), RunHooks(lambda: stop, assessed))
    assert second.taken_over == first.found - first.not_reached
    third = run(job(films, "p.csv", engine))
    assert third.taken_over == second.found - second.not_reached > second.taken_over
    run(job(films, "local.csv", "local"))
    assert rows("p.csv") == rows("local.csv")


def test_workers_that_cannot_take_part_are_named(films: Path, client: Any) -> None:
    said: list[str] = []
    blind = replace(terms(films), folders=("/nowhere",))
    client.wait_for_workers(2, timeout=60)  # films of other tests have killed some
    with pytest.raises(
        XrayscanError, match=r"no worker can take part; tcp://127\S+ does not see /n"
    ):
        DaskCrew(client, blind, said.append)
    assert len(said) == 2
    assert all(each.endswith("; it is not used") for each in said)


def test_a_worker_that_dies_while_it_is_asked_is_not_called_unfit(
    films: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cluster.poison import die_when_asked

    client.wait_for_workers(2, timeout=60)
    monkeypatch.setattr(crew, "fault_here", die_when_asked)
    said: list[str] = []
    assert DaskCrew(client, terms(films), said.append).threads() > 0
    assert not said


def test_the_others_do_without_a_worker_that_joins_and_has_no_xrayscan(
    films: Path, small_cluster: Any, tmp_path: Path
) -> None:
    from distributed import Client

    stub = tmp_path / "other" / "xrayscan"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text(OTHER_XRAYSCAN)
    said: list[str] = []
    address = small_cluster.scheduler_address
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "4"]
    with (
        Client(address) as client,
        subprocess.Popen(
            [*command, "--no-nanny", "--no-dashboard"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(stub.parent), "PYTHONSAFEPATH": "1"},
            stderr=subprocess.DEVNULL,
        ) as other,
    ):
        ours = DaskCrew(client, terms(films), said.append)
        assert not said, "it has not come yet"
        try:
            wait_for(lambda: len(client.nthreads()) == 2)
            scans = find_scans(job(films, "p.csv", "dask")).scans
            found = [row for batch in InOrder(ours, 4, ()).batches(scans) for row, _ in batch]
        finally:
            ours.leave()
            other.kill()
    assert [row.scan for row in found] == list(scans)
    (sentence,) = said
    assert "has no such xrayscan (ModuleNotFoundError" in sentence


def test_nothing_is_left_on_workers_after_a_run(films: Path, engine: str, client: Any) -> None:
    def open_desks(dask_worker: Any) -> int:
        desks = (getattr(each, "desk", None) for each in dask_worker.plugins.values())
        return sum(desk.is_open for desk in desks if desk is not None)

    seen: list[int] = []

    def assessed(done: Sequence[Assessment]) -> None:
        seen.append(sum(client.run(open_desks).values()))

    run(job(films, "p.csv", engine), RunHooks(assessed=assessed))
    assert max(seen) > 0
    assert sum(client.run(open_desks).values()) == 0


def test_a_scheduler_that_is_not_there(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "CONNECT_S", 0.3)
    with pytest.raises(XrayscanError, match=r"--engine dask://127\.0\.0\.1:9: no Dask scheduler"):
        run(job(films, "p.csv", "dask://127.0.0.1:9"))


@pytest.mark.parametrize("whole", [False, True], ids=["its workers", "its scheduler"])
def test_a_cluster_that_is_lost_ends_the_run_with_what_is_done(
    films: Path, small_cluster: Any, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    monkeypatch.setattr(job_batches, "DaskCrew", partial(DaskCrew, wait_s=1.0))
    said: list[str] = []

    def lose(done: Sequence[Assessment]) -> None:
        if whole:
            small_cluster.close()
        else:
            small_cluster.scale(0)
            wait_for(lambda: not small_cluster.scheduler.workers)

    options = job(films, "p.csv", small_cluster.scheduler_address)
    done = run(options, RunHooks(assessed=lose), said)
    assert done.ending is Ending.WORKERS_LOST
    assert 4 <= done.found - done.not_reached < done.found
    assert len(rows("p.csv")) == done.found - done.not_reached
    assert said[-1].endswith("the connection is lost" if whole else "no workers have come")


def test_a_cluster_of_its_own_keeps_to_this_machine_and_ends_with_the_run(
    films: Path, tmp_path: Path
) -> None:
    import psutil

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for number in range(300):
        (films / f"more{number}.png").hardlink_to(films / "f01.png")
    command = [sys.executable, "-m", "xrayscan", "predict", "films", "--engine", "dask"]
    command += ["--workers", "2", "--csv", "p.csv", "--admission", "off", "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,
        env=os.environ
        | {"PYTHONPATH": str(Path(clusters.__file__).parents[2]), "TMPDIR": str(temporary)},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        next(line for line in process.stdout if '"progress"' in line)
        kept = [stat.S_IMODE(each.stat().st_mode) for each in temporary.iterdir()]
        family = psutil.Process(process.pid).children(recursive=True)
        ports = [
            each.laddr.ip
            for member in (psutil.Process(process.pid), *family)
            for each in member.net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        ]
        os.killpg(process.pid, signal.SIGINT)
        *_, summary = map(json.loads, process.stdout)
        said = process.stderr.read()
    assert set(ports) == {"127.0.0.1"}
    assert set(kept) == {0o700}
    assert not any(temporary.iterdir())
    assert process.returncode == 130
    assert summary["ending"] == "stopped"
    assert 0 < summary["not_reached"] < 328
    assert said.startswith("xrayscan: stopping after this batch"), said
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
