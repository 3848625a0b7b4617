"""Memory and time of runs over many small files, the first and the second.

Usage:
    python -m benchmarks.night [--counts 10000 100000]

Prints a table for docs. Films are links to a few drawn ones, so that the disk measures nothing.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

_DISTINCT = 50
_SIDE = 96
_PER_FOLDER = 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """A run: seconds of wall time, and the most memory of its main process, MiB."""

    seconds: float
    memory: float


def draw(folder: Path) -> list[Path]:
    """Draw the films that all others are links to: small, grey, each its own."""
    folder.mkdir()
    drawn = []
    for seed in range(_DISTINCT):
        rng = np.random.default_rng(seed)
        coarse = rng.uniform(20, 235, (6, 6)).astype(np.float32)
        film = cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
        path = folder / f"{seed}.jpg"
        cv2.imwrite(str(path), np.clip(film, 0, 255).astype(np.uint8))
        drawn.append(path)
    return drawn


def link(drawn: list[Path], folder: Path, count: int) -> None:
    """Make ``count`` films of some drawn an hour ago."""
    then = time.time() - 3600
    for path in drawn:
        os.utime(path, (then, then))
    for number in range(count):
        place = folder / f"{number // _PER_FOLDER:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06}.jpg").hardlink_to(drawn[number % len(drawn)])


def measure(films: Path, table: Path) -> Measured:
    """Run ``predict`` over a folder, in a process of its own."""
    code = (
        "import resource, sys; from xrayscan.cli.app import app\n"
        "try: app(sys.argv[1:], prog_name='xrayscan')\n"
        "except SystemExit: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    arguments = ["predict", str(films), "--csv", str(table), "--admission", "off", "--quiet"]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return Measured(time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    counts = parser.parse_args().counts
    print("| films | first run | second run | ratio | memory, first | memory, second |")
    print("|---|---|---|---|---|---|")
    for count in counts:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            link(draw(folder / "drawn"), folder / "films", count)
            first, second = (measure(folder / "films", folder / "p.csv") for _ in range(2))
        print(
            f"| {count:,} | {first.seconds:.1f} s | {second.seconds:.1f} s "
            f"| {first.seconds / second.seconds:.0f} | {first.memory:.0f} MiB "
            f"| {second.memory:.0f} MiB |",
            flush=True,
        )
    readers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nLargest process of all, readers included: {readers:.0f} MiB.")


if __name__ == "__main__":
    main()
