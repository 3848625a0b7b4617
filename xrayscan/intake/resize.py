"""The picture at other sizes: as the network takes it, and as a person looks at it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.records import Radiograph

Grey = NDArray[np.unsignedinteger]  # (H, W), of 8 or 16 bits

# To be raised whenever reading, turning or resizing comes to other pixels than before: rows of
# earlier runs are then not taken over.
PREPROCESSING = 3


# Pixels of films that a summed-area table is faster for (benchmarks/resizing.py), up to those whose
# sum fits into the 32 bits of OpenCV's.
_SUMMED = range(600_000, (2**31 - 1) // 255)


def network_input(radiograph: Radiograph, size: int) -> NDArray[np.float32]:
    """Squeeze a radiograph to the network's square, as its training films were.

    Area averaging does not alias on the way down; cubic does not blur on the way up.

    Args:
        radiograph: any size.
        size: side of the square in pixels, from the model's card.

    Returns:
        (size, size) float32, 0..255.
    """
    squeezed = _squeezed(radiograph.pixels, size)
    in_range: NDArray[np.float32] = np.clip(squeezed * np.float32(255 / radiograph.peak), 0, 255)
    return in_range


def viewing_copy(radiograph: Radiograph, longest: int) -> NDArray[np.uint8]:
    """Reduce a radiograph for display, its proportions kept.

    By halves, and from there by interpolation: several times as fast as area averaging throughout
    (benchmarks/resizing.py), and not to be told from it by eye.

    Args:
        radiograph: any size.
        longest: longest side of the copy in pixels; smaller radiographs keep their size.

    Returns:
        (h, w) uint8, 0..255.
    """
    factor = min(1.0, longest / max(radiograph.width, radiograph.height))
    shape = (max(1, round(radiograph.width * factor)), max(1, round(radiograph.height * factor)))
    pixels: Grey = radiograph.pixels
    while min(pixels.shape[1] / shape[0], pixels.shape[0] / shape[1]) >= 2:
        pixels = _halved(pixels)
    reduced = cv2.resize(pixels, shape, interpolation=cv2.INTER_LINEAR)
    if radiograph.peak == 255:
        return np.asarray(reduced, np.uint8)
    return np.asarray(np.rint(reduced * np.float32(255 / radiograph.peak)), np.uint8)


def _squeezed(pixels: Grey, size: int) -> NDArray[np.float32]:
    height, width = pixels.shape
    shrinks = width >= size and height >= size
    if shrinks and pixels.dtype == np.uint8 and pixels.size in _SUMMED:
        return _area_means(pixels, size)
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    # float32 before the resize: OpenCV would round 8-bit results, and with them 16-bit precision
    squeezed = cv2.resize(pixels.astype(np.float32), (size, size), interpolation=method)
    return np.asarray(squeezed, np.float32)


def _area_means(pixels: Grey, size: int) -> NDArray[np.float32]:
    """What INTER_AREA gives, in half the time: from a summed-area table (Crow 1984).

    The table of a picture whose pixels are squares of one shade is bilinear within each of them, so
    that interpolated corners give exact sums.
    """
    table = cv2.integral(pixels)  # (H + 1, W + 1) int32
    (rows, down), (columns, across) = (_corners(length, size) for length in pixels.shape)
    near = np.concatenate([rows, rows + 1]), np.concatenate([columns, columns + 1])
    sums = table[near[0]].take(near[1], axis=1).astype(np.float64)
    above, below = np.split(sums, 2)
    left, right = np.split(above + (below - above) * down[:, np.newaxis], 2, axis=1)
    corners = left + (right - left) * across
    means = np.diff(np.diff(corners, axis=0), axis=1) * (size * size / pixels.size)
    return np.asarray(means, np.float32)


def _corners(length: int, count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Where the edges of ``count`` equal parts lie: the pixel, and the share of it before them."""
    edges = np.linspace(0, length, count + 1)
    pixel = np.minimum(edges.astype(np.intp), length - 1)
    return pixel, edges - pixel


def _halved(pixels: Grey) -> Grey:
    """The means of each 2 x 2 pixels; what is left over at two sides is cut off."""
    height, width = (length // 2 for length in pixels.shape)
    whole = pixels[: height * 2, : width * 2]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA))
