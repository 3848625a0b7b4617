"""What a film looks like, in a few bits: so that it is known again in another file."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

Looks = NDArray[np.uint8]  # (N, LOOK_BYTES): a film a row

# A perceptual hash of 12 x 12 low frequencies. Among 5,216 films of children and 3,207 of adults no
# two of different patients were nearer than 11 of 143 bits; the same film compressed again (JPEG
# quality 40), resized to 150 pixels and back, or at another gamma (0.8) stayed within 10, and films
# of full size within 5 of their copies of 224 pixels.
_HASH_SIDE = 12
NEAR_BITS = 10
_HASHED_SIDE = 64  # pixels; the low frequencies of the film at this size
_BITS = _HASH_SIDE**2 - 1
LOOK_BYTES = -(-_BITS // 8)
NO_LOOK = np.zeros(LOOK_BYTES, np.uint8)  # of a film that could not be read: half of a film's are 1
_ROWS = 512  # compared at once


def look_of(pixels: NDArray[np.uint8]) -> Looks:
    """Hash what a film shows, not how it is stored.

    The signs of the low DCT frequencies against their median (Zauner 2010, 3.2.1), without the
    mean grey.

    Args:
        pixels: (H, W) uint8; squeezed to a square.

    Returns:
        (LOOK_BYTES,) the 143 bits.
    """
    small = cv2.resize(pixels, (_HASHED_SIDE, _HASHED_SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:_HASH_SIDE, :_HASH_SIDE].ravel()[1:]
    return np.packbits(low > np.median(low))


def looks_of(films: Iterable[NDArray[np.uint8]]) -> Looks:
    """The looks of films, in their order."""
    return stacked([look_of(film) for film in films])


def stacked(looks: list[Looks]) -> Looks:
    """Any number of looks as rows, none as well."""
    return np.stack(looks) if looks else np.zeros((0, LOOK_BYTES), np.uint8)


def nearest(mine: Looks, theirs: Looks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find for each film the one of others that looks most like it.

    Args:
        mine: (N, LOOK_BYTES).
        theirs: (M, LOOK_BYTES), one at least.

    Returns:
        (N,) which one, and (N,) in how many bits they differ; those within ``NEAR_BITS`` are the
        same film.
    """
    signs = _signs(theirs)
    found = [np.zeros((0, 2), np.intp)]
    for start in range(0, len(mine), _ROWS):
        # distances come from products of +1 and -1
        bits = (_BITS - _signs(mine[start : start + _ROWS]) @ signs.T) / 2
        places = bits.argmin(axis=1)
        found.append(np.column_stack([places, bits[np.arange(len(bits)), places].astype(np.intp)]))
    which, apart = np.concatenate(found).T
    return which, apart


def _signs(looks: Looks) -> NDArray[np.float32]:
    return np.unpackbits(looks, axis=1, count=_BITS).astype(np.float32) * 2 - 1
