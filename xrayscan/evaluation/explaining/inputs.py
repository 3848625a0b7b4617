"""Which films are looked at, and one as the network sees it and as a person does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Seen:
    """A film.

    Attributes:
        pixels: (S, S) float32, 0..255, what the network gets.
        view: (h, w) uint8, for people.
    """

    pixels: NDArray[np.float32]
    view: NDArray[np.uint8]


def evenly(total: int, count: int) -> list[int]:
    """Choose ``count`` of ``total`` places, all where there are fewer, as far apart as can be."""
    places = np.linspace(0, total - 1, count).round()
    return sorted({int(place) for place in places})
