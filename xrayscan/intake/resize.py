"""The picture at other sizes: as the network takes it, and as a person looks at it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.records import Radiograph

# To be raised whenever reading, turning or resizing comes to other pixels than before: rows of
# earlier runs are then not taken over.
PREPROCESSING = 1


def network_input(radiograph: Radiograph, size: int) -> NDArray[np.float32]:
    """Squeeze a radiograph to the network's square, as its training films were.

    Area averaging does not alias on the way down; cubic does not blur on the way up.

    Args:
        radiograph: any size.
        size: side of the square in pixels, from the model's card.

    Returns:
        (size, size) float32, 0..255.
    """
    shrinks = radiograph.width >= size and radiograph.height >= size
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    # float32 before the resize: OpenCV would round 8-bit results, and with them 16-bit precision
    squeezed = cv2.resize(radiograph.pixels.astype(np.float32), (size, size), interpolation=method)
    in_range: NDArray[np.float32] = np.clip(squeezed * np.float32(255 / radiograph.peak), 0, 255)
    return in_range


def viewing_copy(radiograph: Radiograph, longest: int) -> NDArray[np.uint8]:
    """Reduce a radiograph for display, its proportions kept.

    Args:
        radiograph: any size.
        longest: longest side of the copy in pixels; smaller radiographs keep their size.

    Returns:
        (h, w) uint8, 0..255.
    """
    factor = min(1.0, longest / max(radiograph.width, radiograph.height))
    shape = (max(1, round(radiograph.width * factor)), max(1, round(radiograph.height * factor)))
    reduced = cv2.resize(radiograph.pixels, shape, interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(reduced * (255 / radiograph.peak)), np.uint8)
