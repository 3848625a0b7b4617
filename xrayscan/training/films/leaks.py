"""Films on both sides of a split: found before training, by what they show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from xrayscan.labels.films import LabelledFilm
from xrayscan.scoring.looks import NEAR_BITS, looks_of, nearest
from xrayscan.training.films.data import DecodedFilms


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


def _equal(mine: Sequence[object], theirs: Sequence[object]) -> Iterator[tuple[int, int]]:
    places = {key: index for index, key in reversed(list(enumerate(theirs)))}
    return ((index, places[key]) for index, key in enumerate(mine) if key in places)


def _near(mine: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    which, apart = nearest(looks_of(mine), looks_of(theirs))
    near = np.flatnonzero(apart <= NEAR_BITS)
    return zip(near.tolist(), which[near].tolist(), strict=True)


def _pixel_keys(films: DecodedFilms) -> list[bytes]:
    return [hashlib.sha256(film.tobytes()).digest() for film in films.pixels]


def _patients(films: DecodedFilms) -> list[str]:
    return [film.patient for film in films.films]
