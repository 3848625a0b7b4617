"""``predict`` on two worker processes of a Dask cluster against ``predict`` without one.

Usage:
    python -m benchmarks.cluster FOLDER [--films 384] [--repeats 3] [--workers 2]

Prints a table for benchmarks/results.md. The ways run in turns, each time anew; start-up is what
passes until the first batch is recorded, the rate is that of the films after the first quarter,
when all workers have begun. CPU time is that of all processes of a run meanwhile: with other work
beside it, it says more than the rate.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_WAYS = ("local", "dask")


@dataclass(frozen=True, slots=True)
class Measured:
    """A run: seconds to its first batch, films a second, CPU seconds a film, seconds of all."""

    start: float
    rate: float
    cpu: float
    whole: float


def repeat(folder: Path, count: int, into: Path) -> None:
    """Copy films over and over until there are ``count``."""
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".jpeg", ".jpg", ".dcm"))
    into.mkdir()
    for number in range(count):
        film = found[number % len(found)]
        shutil.copyfile(film, into / f"{number:05}{film.suffix}")


def measure(films: Path, out: Path, engine: str, workers: int) -> Measured:
    """Run ``predict`` with report, in a process of its own, and listen to it."""
    command = [sys.executable, "-m", "xrayscan", "predict", str(films), "--engine", engine]
    command += ["--workers", str(workers), "--csv", f"{out}.csv", "--report", f"{out}.html"]
    begun = time.perf_counter()
    progress: list[tuple[float, int, float]] = []
    with subprocess.Popen(
        [*command, "--json", "--fresh"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "progress":
                now = time.perf_counter() - begun
                progress.append((now, event["done"], cpu_seconds(process.pid)))
    whole = time.perf_counter() - begun
    last, done, spent_then = progress[-1]
    since, had, spent = next(each for each in progress if each[1] >= done / 4)
    rate = (done - had) / (last - since)
    return Measured(progress[0][0], rate, (spent_then - spent) / (done - had), whole)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all that it has started, so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--films", type=int, default=384)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    runs: dict[str, list[Measured]] = {way: [] for way in _WAYS}
    with tempfile.TemporaryDirectory() as place:
        repeat(given.folder, given.films, Path(place) / "films")
        for _ in range(given.repeats):
            for way in _WAYS:
                runs[way].append(
                    measure(Path(place) / "films", Path(place) / way, way, given.workers)
                )
    print("| engine | films/s | CPU a film, ms | first batch, s | all, s |")
    print("|---|---|---|---|---|")
    medians = {way: _medians(runs[way]) for way in _WAYS}
    for way, found in medians.items():
        cpu = 1000 * found.cpu
        print(f"| {way} | {found.rate:.1f} | {cpu:.1f} | {found.start:.1f} | {found.whole:.1f} |")
    here, there = (medians[way] for way in _WAYS)
    ratios = [b.rate / a.rate for a, b in zip(*runs.values(), strict=True)]
    print(f"\ndask / local: {there.rate / here.rate:.2f} of the rate (by repeat", end=" ")
    print(f"{', '.join(f'{each:.2f}' for each in ratios)});", end=" ")
    print(f"{here.cpu / there.cpu:.2f} by CPU time;", end=" ")
    print(f"{here.whole / there.whole:.2f} with start-up and {given.films} films.")


def _medians(runs: list[Measured]) -> Measured:
    return Measured(
        statistics.median(run.start for run in runs),
        statistics.median(run.rate for run in runs),
        statistics.median(run.cpu for run in runs),
        statistics.median(run.whole for run in runs),
    )


if __name__ == "__main__":
    main()
