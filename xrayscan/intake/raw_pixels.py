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
_PLACES = np.arange(16)  # along a run where it is looked at first
_NOISE = 0.25  # of the grey range: mean step between neighbours in random bytes is a third
_FIRST = 32  # bytes of a stretch that are looked at first
_SUSPECT = 0.12  # of the grey range: so few of them can make as little of random bytes
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
    apart = _STANDS_OUT * spread
    starts, ends = _runs(flat, -(-(_SECTOR - _SLACK) // flat.itemsize))
    inside = starts >= width
    starts, ends = starts[inside], ends[inside]
    # most runs go on in the row above, which a few of their pixels tell
    places = starts[:, None] + np.minimum(ends - starts, width)[:, None] * _PLACES // _PLACES.size
    steps = np.abs(flat[places - width].astype(np.float32) - flat[starts, None])
    lone = np.mean(steps > apart, axis=1) > _MOSTLY / 2
    for start, end in zip(starts[lone].tolist(), ends[lone].tolist(), strict=True):
        if not _may_be_lost(start, end, width, flat):
            continue
        sides = [flat[start - width : min(end, start + width) - width]]
        if end < flat.size:  # else the rest of the file was lost
            sides.append(flat[max(start, end - width) + width : end + width])
        shade = float(flat[start])
        if all(np.mean(np.abs(side - shade) > apart) > _MOSTLY for side in sides if side.size):
            return True
    return False


def _runs(flat: NDArray[Any], least: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find runs of one value, of at least so many pixels: where each starts and ends.

    Looks at eight pixels at once: runs that are long hold whole words without a change.
    """
    changes = np.ones(-(-(flat.size + 1) // 8) * 8, bool)  # between a pixel and the one before it
    np.not_equal(flat[1:], flat[:-1], out=changes[1 : flat.size])
    calm = np.concatenate(([False], changes.view(np.uint64) == 0, [False]))
    edges = np.flatnonzero(calm[1:] != calm[:-1])
    firsts, lasts = edges[::2], edges[1::2]  # words
    long = lasts - firsts >= (least - 1) // 8 - 1
    firsts, lasts = firsts[long] * 8, lasts[long] * 8
    around = np.arange(8)
    # the last change before, the first one behind; there always is one within a word
    starts = firsts - 1 - changes[firsts[:, None] - 1 - around].argmax(axis=1)
    ends = lasts + changes[lasts[:, None] + around].argmax(axis=1)
    enough = ends - starts >= least
    return starts[enough], ends[enough]


def _may_be_lost(start: int, end: int, width: int, flat: NDArray[Any]) -> bool:
    """Lines within one row have to be as long as sectors are; longer runs not as wide as rows."""
    if end == flat.size:
        return start % width != 0
    if start // width == (end - 1) // width:
        return ((end - start) * flat.itemsize + _SLACK) % _SECTOR <= 2 * _SLACK
    return start % width != 0 and end % width != 0


def _has_noise(pixels: NDArray[Any], spread: int) -> bool:
    """Whether there is a stretch where no pixel has to do with those beside, above and below it."""
    width = pixels.shape[1]
    stretch = _SECTOR // (2 * pixels.dtype.itemsize)  # half a sector: one lies wholly inside it
    count = (pixels.size - 2 * width) // stretch
    flat = pixels.reshape(-1)
    inner = flat[width : width + count * stretch].reshape(count, stretch)
    neighbours = [
        flat[width + shift : width + shift + count * stretch].reshape(count, stretch)
        for shift in (-1, -width, width)
    ]
    # the first pixels of each stretch tell which ones are worth a look at all of them
    few = _FIRST // pixels.dtype.itemsize
    beginnings = np.ascontiguousarray(inner[:, :few])
    first = [_means(beginnings, each[:, :few]) for each in neighbours]
    if np.median(first[0]) >= _CALM * spread:
        return False
    suspects = np.flatnonzero(np.min(first, axis=0) > _SUSPECT * spread)
    limit = _NOISE * spread
    return any(
        all(_means(inner[[place]], each[[place]])[0] > limit for each in neighbours)
        for place in suspects.tolist()
    )


def _means(some: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float32]:
    """Mean step between pixels, (N, M) each, by row."""
    steps = cv2.absdiff(np.ascontiguousarray(some), np.ascontiguousarray(others))
    means: NDArray[np.float32] = np.einsum("nm->n", steps.astype(np.float32)) / steps.shape[1]
    return means
