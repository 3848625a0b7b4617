"""Grey scales: the value of white where a file does not declare it, and colour as grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.records import Reason

Grey = NDArray[np.uint8] | NDArray[np.uint16]
# ITU-R BT.601 luma, as libjpeg and Pillow use it: grey pictures stored as RGB stay the same.
LUMA = np.array([0.299, 0.587, 0.114])
STRETCHED = 65_535  # white, where the file declares none


def significant_peak(maximum: int) -> int:
    """Value of white for data of unknown depth: the smallest usual depth that holds the maximum.

    Scanners store 10, 12 or 14 bits in 16 without saying so.
    """
    return next(2**bits - 1 for bits in (8, 10, 12, 14, 16) if maximum < 2**bits)


def depth_peak(pixels: Grey) -> int:
    """Value of white for pixels of 8 bits, or of unknown depth within 16."""
    return 255 if pixels.dtype == np.uint8 else significant_peak(int(pixels.max()))


def stretch(
    values: NDArray[np.float32], counted: NDArray[np.bool_] | None = None
) -> NDArray[np.uint16]:
    """Map values of no declared range to 0..65535 between their 0.5th and 99.5th percentile.

    Percentiles, not extremes: one dead pixel or a burnt-in marker must not set the contrast.

    Args:
        values: any shape.
        counted: which of them are film; all where not given, or where none is.
    """
    film = values[counted] if counted is not None and counted.any() else values
    finite = film[np.isfinite(film)]
    if finite.size == 0:
        raise ScanError(Reason.DAMAGED, f"holds no finite grey value; {COPY_AGAIN}")
    low, high = np.percentile(finite, (0.5, 99.5))
    clipped = np.clip(np.nan_to_num(values, nan=low), low, high)
    unit: NDArray[np.float32] = (clipped - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.rint(unit * STRETCHED).astype(np.uint16)
