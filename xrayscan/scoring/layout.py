"""Where a film is light and where it is dark: what tells how it lies, and much of what it is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 16  # cells; with 12 or 24 postures are told no better (docs/admission.md)
WIDTH = SIDE * SIDE

_FLAT = 1e-3  # grey levels, added to the spread: a picture of one shade has no layout


def layout(pixels: NDArray[np.float32] | NDArray[np.uint8]) -> NDArray[np.float32]:
    """Reduce films to mean greys of a grid, whatever their brightness and contrast.

    Args:
        pixels: (B, S, S) uint8 or float32, 0..255.

    Returns:
        (B, WIDTH) float32, each film with mean 0 and standard deviation 1; the negative of a film
        has the negative of its layout.
    """
    cells = [
        # one by one as float32: of many films at once that would be four times as much
        cv2.resize(film.astype(np.float32, copy=False), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for film in pixels
    ]
    return np.stack([(cell - cell.mean()).ravel() / (cell.std() + _FLAT) for cell in cells])
