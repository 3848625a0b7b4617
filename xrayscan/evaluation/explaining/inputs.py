"""One film as the network sees it, and as a person does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError, ScanError
from xrayscan.intake.read import read_radiograph
from xrayscan.intake.resize import network_input, viewing_copy
from xrayscan.reading.scans import VIEW_SIDE
from xrayscan.scoring.model import ScoringModel


@dataclass(frozen=True, slots=True)
class Seen:
    """A film.

    Attributes:
        pixels: (S, S) float32, 0..255, what the network gets.
        view: (h, w) uint8, for people.
    """

    pixels: NDArray[np.float32]
    view: NDArray[np.uint8]


def seen(model: ScoringModel, location: str) -> Seen:
    """Read a film, turned upright where that is certain, as ``predict`` does.

    Raises:
        DataError: it cannot be read.
    """
    try:
        radiograph = read_radiograph(location)
    except ScanError as fault:
        raise DataError(f"{location}: {fault.detail}") from None
    pixels = network_input(radiograph, model.card.input_size)
    view = viewing_copy(radiograph, VIEW_SIDE)
    found = model.posture(pixels)
    if found.is_certain:
        return Seen(found.posture.undone(pixels), found.posture.undone(view))
    return Seen(pixels, view)


def evenly(total: int, count: int) -> list[int]:
    """Choose ``count`` of ``total`` places, all where there are fewer, as far apart as can be."""
    places = np.linspace(0, total - 1, count).round()
    return sorted({int(place) for place in places})
