"""Damage in pictures that were stored without any coding: nothing but the pixels can tell it.

A sector that was zeroed or overwritten lies in the file's order: it begins and ends somewhere in a
row, and what is above and below it goes on without it. Lines, frames and labels do not look like
that. What is overwritten by other parts of the same film cannot be found.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.integrity import COPY_AGAIN, MIN_SIDE, grey_spread
from xrayscan.records import Reason

_SECTOR = 512  # bytes; the least that a drive or a share loses
_SLACK = 8  # bytes by which a run can be longer or shorter, by chance or where words are split
_STANDS_OUT = 0.04  # of the grey range: how far a run's shade is from what lies above and below it
_MOSTLY = 0.9  # of the pixels above and below
_NOISE = 0.25  # of the grey range: mean step between neighbours in random bytes is a third
_CALM = 0.06  # the same in a film; pictures that are restless all over are not judged by it


def check_raw_pixels(pixels: NDArray[Any], format: str) -> None:
    """Refuse an uncompressed picture with a sector that was zeroed or overwritten.

    Args:
        pixels: (H, W) as stored, in the file's order; 8 or 16 bits.
        format: for the message.

    Raises:
        ScanError: one was found.
    """
    if pixels.ndim != 2 or pixels.dtype.itemsize > 2 or min(pixels.shape) < MIN_SIDE:
        return
    spread = max(1, grey_spread(pixels))
    if _has_lost_run(pixels, spread):
        found = "zeroed"
    elif _has_noise(pixels, spread):
        found = "overwritten"
    else:
        found = ""
    if found:
        detail = f"a part of its picture was {found}; {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, format)


def _has_lost_run(pixels: NDArray[Any], spread: int) -> bool:
    """Whether a run of one shade begins and ends in the middle of rows that know nothing of it."""
    flat, width = pixels.ravel(), pixels.shape[1]
    edges = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1], True])
    long = np.flatnonzero(np.diff(edges) * flat.itemsize >= _SECTOR - _SLACK)
    apart = _STANDS_OUT * spread
    for start, end in zip(edges[long].tolist(), edges[long + 1].tolist(), strict=True):
        if start < width or not _may_be_lost(start, end, width, flat):
            continue
        sides = [flat[start - width : min(end, start + width) - width]]
        if end < flat.size:  # else the rest of the file was lost
            sides.append(flat[max(start, end - width) + width : end + width])
        shade = float(flat[start])
        if all(np.mean(np.abs(side - shade) > apart) > _MOSTLY for side in sides if side.size):
            return True
    return False


def _may_be_lost(start: int, end: int, width: int, flat: NDArray[Any]) -> bool:
    """Lines within one row have to be as long as sectors are; longer runs not as wide as rows."""
    if end == flat.size:
        return start % width != 0
    if start // width == (end - 1) // width:
        return ((end - start) * flat.itemsize + _SLACK) % _SECTOR <= 2 * _SLACK
    return start % width != 0 and end % width != 0


def _has_noise(pixels: NDArray[Any], spread: int) -> bool:
    """Whether there is a stretch where no pixel has to do with those beside, above and below it."""
    flat, width = pixels.reshape(1, -1), pixels.shape[1]
    stretch = _SECTOR // (2 * pixels.dtype.itemsize)  # half a sector: one lies wholly inside it
    inner = flat[:, width:-width]
    beside, above, below = (
        _means(cv2.absdiff(inner, flat[:, width + shift : flat.size - width + shift]), stretch)
        for shift in (-1, -width, width)
    )
    limit = _NOISE * spread
    calm = np.median(beside) < _CALM * spread
    return bool(calm and ((beside > limit) & (above > limit) & (below > limit)).any())


def _means(steps: NDArray[Any], stretch: int) -> NDArray[np.float64]:
    """Mean of each whole stretch of (1, N) steps."""
    whole = steps[0, : steps.size // stretch * stretch].reshape(-1, stretch)
    return np.asarray(whole.mean(axis=1, dtype=np.float32), np.float64)
