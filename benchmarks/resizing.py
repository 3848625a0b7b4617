"""What a radiograph's two smaller copies cost, beside OpenCV's area averaging throughout.

Usage:
    python -m benchmarks.resizing

Drawn films, CPU time in turns, shortest of 15. The copies are those of ``predict``: 224 pixels for
the network, 512 for the page.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np

from tests.films import draw_film
from xrayscan.intake.resize import network_input, viewing_copy
from xrayscan.records import Radiograph

_TIMES = 15
_SIZES = ((1300, 1000), (2048, 2500), (600, 520))
_NETWORK, _VIEW = 224, 512


def main() -> None:
    cv2.setNumThreads(1)
    print("| film | network input, ms | by area, ms | viewing copy, ms | by area, ms |")
    print("|---|---|---|---|---|")
    for width, height in _SIZES:
        film = draw_film(1, width=width, height=height)
        radiograph = Radiograph(film, 255, "PNG")
        view = viewing_copy(radiograph, _VIEW).shape
        works: list[Callable[[], object]] = [
            lambda radiograph=radiograph: network_input(radiograph, _NETWORK),  # type: ignore[misc]
            lambda film=film: _by_area(film.astype(np.float32), (_NETWORK, _NETWORK)),  # type: ignore[misc]
            lambda radiograph=radiograph: viewing_copy(radiograph, _VIEW),  # type: ignore[misc]
            lambda film=film, view=view: _by_area(film, view),  # type: ignore[misc]
        ]
        shortest = [min(column) for column in zip(*_rounds(works), strict=True)]
        cells = " | ".join(f"{1000 * seconds:.2f}" for seconds in shortest)
        print(f"| {width} x {height} | {cells} |")


def _rounds(works: list[Callable[[], object]]) -> list[list[float]]:
    return [[_seconds(work) for work in works] for _ in range(_TIMES)]


def _by_area(film: np.ndarray, shape: tuple[int, ...]) -> None:
    cv2.resize(film, shape[::-1], interpolation=cv2.INTER_AREA)


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
