"""Films on both sides of a split: found before training, by what they show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.labels.films import LabelledFilm
from xrayscan.training.films.data import DecodedFilms

# A perceptual hash of 12 x 12 low frequencies. Among 5,216 films of children and 3,207 of adults no
# two of different patients were nearer than 11 of 143 bits; the same film compressed again (JPEG
# quality 40), resized to 150 pixels and back, or at another gamma (0.8) stayed within 10.
_HASH_SIDE = 12
NEAR_BITS = 10
_HASHED_SIDE = 64  # pixels; the low frequencies of the film at this size


class Leak(StrEnum):
    """How two films on both sides of a split are the same; the surest first."""

    BYTES = "identical bytes"
    PIXELS = "identical pixels"
    NEAR = "near-duplicate"
    PATIENT = "same patient"


@dataclass(frozen=True, slots=True)
class LeakedFilm:
    """A training film that is also, in the way told, on the other side."""

    kind: Leak
    training: LabelledFilm
    other: LabelledFilm

    def __str__(self) -> str:
        return f"{self.kind}: {self.training.location} and {self.other.location}"


def find_leaks(training: DecodedFilms, other: DecodedFilms) -> tuple[LeakedFilm, ...]:
    """Find the training films that are also among the others, each by its surest sign.

    Args:
        training: films to learn from.
        other: films to choose or to measure on.

    Returns:
        At most one finding per training film, in the order of the training films.
    """
    found: dict[int, LeakedFilm] = {}
    for kind, pairs in (
        (Leak.BYTES, _equal(training.sha256, other.sha256)),
        (Leak.PIXELS, _equal(_pixel_keys(training), _pixel_keys(other))),
        (Leak.NEAR, _near(training.pixels, other.pixels)),
        (Leak.PATIENT, _equal(_patients(training), _patients(other))),
    ):
        for mine, theirs in pairs:
            leak = LeakedFilm(kind, training.films[mine], other.films[theirs])
            found.setdefault(mine, leak)
    return tuple(found[index] for index in sorted(found))


def perceptual_hash(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Hash what a film shows, not how it is stored.

    The signs of the low DCT frequencies against their median (Zauner 2010, 3.2.1), without the
    mean grey.

    Args:
        pixels: (S, S) uint8.

    Returns:
        (143,) bits.
    """
    small = cv2.resize(pixels, (_HASHED_SIDE, _HASHED_SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:_HASH_SIDE, :_HASH_SIDE].ravel()[1:]
    return np.asarray(low > np.median(low), np.bool_)


def _equal(mine: Sequence[object], theirs: Sequence[object]) -> Iterator[tuple[int, int]]:
    places = {key: index for index, key in reversed(list(enumerate(theirs)))}
    return ((index, places[key]) for index, key in enumerate(mine) if key in places)


def _near(mine: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Pairs of near hashes; distances come from products of +1 and -1, row by row."""
    signs = np.stack([perceptual_hash(film) for film in theirs]).astype(np.float32) * 2 - 1
    for index, film in enumerate(mine):
        sign = perceptual_hash(film).astype(np.float32) * 2 - 1
        bits = (sign.size - signs @ sign) / 2
        nearest = int(np.argmin(bits))
        if bits[nearest] <= NEAR_BITS:
            yield index, nearest


def _pixel_keys(films: DecodedFilms) -> list[bytes]:
    return [hashlib.sha256(film.tobytes()).digest() for film in films.pixels]


def _patients(films: DecodedFilms) -> list[str]:
    return [film.patient for film in films.films]
