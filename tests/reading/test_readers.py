"""Files that hang or crash their decoder, and films that do not fit: one row each."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from tests.films import draw_film, jpeg_bytes
from tests.test_pipeline import CARD, PlantedModel
from xrayscan.assessing import AssessOptions, Assessor
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import DiscoveryOptions, discover
from xrayscan.reading import processes
from xrayscan.reading.readers import readers
from xrayscan.reading.scans import Reading, ReadOptions, read_scan
from xrayscan.reading.shared_arrays import SharedArrays
from xrayscan.records import Assessment, Reason, Scan, Status
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.model import Scored


def planted(scan: Scan, options: ReadOptions) -> Reading:
    """Does to the process what a file's name says."""
    name = Path(scan.name).stem
    tried = Path(f"{scan.location}.tried")
    again = tried.exists()
    tried.touch()
    if name == "abort" or (name == "stopped" and not again):
        os.abort()
    if name == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "exit":
        os._exit(3)
    if name == "hang":
        time.sleep(600)
    if name == "large" or (name == "crowded" and not again):
        raise MemoryError
    return read_scan(scan, options)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    return folder


def rows(films: Path, names: tuple[str, ...], **options: object) -> dict[str, Assessment]:
    for seed, name in enumerate(names):
        (films / f"{name}.jpg").write_bytes(jpeg_bytes(np.maximum(draw_film(seed=seed), 8)))
    model = options.pop("model", PlantedModel())
    read = ReadOptions(CARD.input_size, 2, **options)  # type: ignore[arg-type]
    decision = Decision(0.5, CARD.zones, CARD.positive, CARD.negative)
    chosen = AssessOptions(read, decision, "none", Admission.OFF, batch_size=3)
    found = discover([str(films)], DiscoveryOptions()).scans
    assessor = Assessor(model, chosen, planted)  # type: ignore[arg-type]
    assessed = [row for batch in assessor.batches(found) for row, _ in batch]
    assert [row.scan for row in assessed] == list(found), "each once, in order"
    return {Path(row.scan.name).stem: row for row in assessed}


GOOD = ("0", "1", "2", "x", "y", "z")


@pytest.mark.parametrize("name", ["abort", "segfault", "exit"])
def test_a_crash_costs_one_row(films: Path, name: str) -> None:
    found = rows(films, (*GOOD, name), time_limit=60)
    assert found[name].status is Status.UNREADABLE
    assert found[name].reason is Reason.DECODER
    assert "crashed twice" in found[name].detail
    assert {found[good].status for good in GOOD} == {Status.SCORED}


def test_a_hang_costs_one_row_and_its_time(films: Path) -> None:
    started = time.monotonic()
    found = rows(films, (*GOOD, "hang"), time_limit=3)
    assert time.monotonic() - started < 60
    assert found["hang"].reason is Reason.DECODER
    assert (
        found["hang"].detail
        == "its decoder did not end within 3 s; open it elsewhere, save it anew"
    )
    assert {found[good].status for good in GOOD} == {Status.SCORED}


def test_a_reader_that_was_stopped_from_outside_costs_nothing(films: Path) -> None:
    found = rows(films, (*GOOD, "stopped"), time_limit=60)
    assert {row.status for row in found.values()} == {Status.SCORED}


@pytest.mark.parametrize("time_limit", [0, 60], ids=["threads", "processes"])
def test_a_film_that_does_not_fit_is_tried_again_with_fewer_beside_it(
    films: Path, time_limit: float
) -> None:
    found = rows(films, (*GOOD, "crowded", "large"), time_limit=time_limit)
    assert found["crowded"].status is Status.SCORED
    assert found["large"].reason is Reason.TOO_LARGE
    assert "does not fit into memory" in found["large"].detail


def test_processes_read_what_threads_read(films: Path) -> None:
    (films / "cut.jpg").write_bytes(jpeg_bytes(draw_film(seed=1))[:-2000])
    (films / "text.jpg").write_text("no film")
    apart = rows(films, GOOD, time_limit=60)
    together = rows(films, GOOD)
    for name, row in apart.items():
        other = together[name]
        assert (row.status, row.reason, row.detail, row.sha256, row.probability) == (
            other.status,
            other.reason,
            other.detail,
            other.sha256,
            other.probability,
        )


@pytest.mark.parametrize("has_shared_memory", [True, False])
def test_pixels_come_whole_from_processes(
    films: Path, monkeypatch: pytest.MonkeyPatch, *, has_shared_memory: bool
) -> None:
    for seed in range(7):
        shape = {"width": 200 + 90 * seed, "height": 700 - 80 * seed}
        (films / f"{seed}.jpg").write_bytes(jpeg_bytes(draw_film(seed=seed, **shape)))
    if not has_shared_memory:
        monkeypatch.setattr(processes, "SharedArrays", _no_memory)
    options = ReadOptions(224, 2, time_limit=60)
    found = discover([str(films)], DiscoveryOptions()).scans
    with readers(options, threading.Semaphore(2)) as submit:
        begun = [submit(scan) for scan in found]
        apart = [each.result() for each in begun]
    for scan, reading in zip(found, apart, strict=True):
        here = read_scan(scan, options)
        assert reading.row == here.row
        np.testing.assert_array_equal(reading.pixels, here.pixels)
        np.testing.assert_array_equal(reading.view, here.view)


def _no_memory(size: int) -> NoReturn:
    raise OSError("none here")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems send pixels")
def test_pixels_do_not_go_through_the_pipe(films: Path) -> None:
    (films / "film.jpg").write_bytes(jpeg_bytes(draw_film(seed=1)))
    (scan,) = discover([str(films)], DiscoveryOptions()).scans
    options = ReadOptions(224, 1)
    memory = SharedArrays(10**6)
    reading, placed = processes._read_apart(read_scan, scan, options, memory.address)
    assert reading.pixels is None
    assert reading.view is None
    assert placed is not None
    np.testing.assert_array_equal(memory.copies(placed)[0], read_scan(scan, options).pixels)
    memory.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no list of open files")
def test_readers_leave_no_open_memory_behind(films: Path) -> None:
    (films / "film.jpg").write_bytes(jpeg_bytes(draw_film(seed=1)))
    (scan,) = discover([str(films)], DiscoveryOptions()).scans
    with readers(ReadOptions(224, 2, time_limit=60), threading.Semaphore(2)) as submit:
        assert submit(scan).result().pixels is not None
        assert _open_memory()
    assert _open_memory() == []


def _open_memory() -> list[str]:
    targets = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
    return [each for each in targets if "memfd:xrayscan" in each]


@pytest.mark.parametrize("fits", [1, 2])
def test_a_batch_that_does_not_fit_is_halved_for_good(films: Path, fits: int) -> None:
    sizes: list[int] = []

    class Small(PlantedModel):
        def score(self, pixels: np.ndarray, cam: str) -> Iterator[Scored]:
            sizes.append(len(pixels))
            if len(pixels) > fits:
                raise MemoryError
            return super().score(pixels, cam)

    found = rows(films, tuple(f"{number:02}" for number in range(12)), model=Small())
    assert {row.status for row in found.values()} == {Status.SCORED}
    assert max(sizes[-3:]) <= fits


def test_a_single_film_that_cannot_be_scored_ends_the_run(films: Path) -> None:
    class Smallest(PlantedModel):
        def score(self, pixels: np.ndarray, cam: str) -> Iterator[Scored]:
            raise MemoryError

    with pytest.raises(MemoryError):
        rows(films, GOOD, model=Smallest())


class _Counted(threading.Semaphore):
    """Cores that know how many were taken at once at most."""

    def __init__(self, cores: int) -> None:
        super().__init__(cores)
        self.left = self.least = cores
        self._counting = threading.Lock()

    def acquire(self, *given: object, **named: object) -> bool:
        taken = super().acquire(*given, **named)  # type: ignore[arg-type]
        with self._counting:
            self.left -= taken
            self.least = min(self.least, self.left)
        return taken

    __enter__ = acquire

    def release(self, n: int = 1) -> None:
        with self._counting:
            self.left += n
        super().release(n)


@pytest.mark.parametrize("time_limit", [0, 60], ids=["threads", "processes"])
def test_each_film_takes_a_core_while_it_is_read_and_gives_it_back(
    films: Path, time_limit: float
) -> None:
    model = PlantedModel()
    model.cores = counted = _Counted(1)
    rows(films, (*GOOD, "exit" if time_limit else "0"), model=model, time_limit=time_limit)
    assert (counted.left, counted.least) == (1, 0)


def test_readers_that_are_left_early_stop(films: Path) -> None:
    for name in ("hang", "hang2", "later"):
        (films / f"{name}.jpg").write_bytes(b"")
    found = discover([str(films)], DiscoveryOptions()).scans
    started = time.monotonic()
    with readers(ReadOptions(64, 1, time_limit=300), threading.Semaphore(1), planted) as submit:
        begun = [submit(scan) for scan in found]
        time.sleep(1.5)  # the first one hangs by now
    assert time.monotonic() - started < 60
    for reading in begun:
        with pytest.raises(CancelledError):
            reading.result()


def _told_signals(scan: Scan, options: ReadOptions) -> Reading:
    assert {signal.SIGINT, signal.SIGHUP} <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return read_scan(scan, options)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not forked")
def test_a_terminals_signals_are_not_for_readers(films: Path) -> None:
    """One that Ctrl-C killed while it started broke the pool, and the run with it."""
    (films / "0.jpg").write_bytes(jpeg_bytes(draw_film(seed=0)))
    (scan,) = discover([str(films)], DiscoveryOptions()).scans
    with readers(ReadOptions(64, 1, 60), threading.Semaphore(1), _told_signals) as submit:
        assert submit(scan).result().pixels is not None
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
