"""Films on both sides of a split: found before training, by what they show."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.read import read_content
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
    return _surest(
        training.films,
        other.films,
        (
            (Leak.BYTES, _equal(training.sha256, other.sha256)),
            (Leak.PIXELS, _equal(_pixel_keys(training), _pixel_keys(other))),
            (Leak.NEAR, _near(training.pixels, other.pixels)),
            (Leak.PATIENT, _equal(_patients(training.films), _patients(other.films))),
        ),
    )


def find_plain_leaks(
    training: DecodedFilms, other: Sequence[LabelledFilm], workers: int
) -> tuple[LeakedFilm, ...]:
    """Find leaks as ``find_leaks`` does, but by bytes and patients alone, and decode nothing.

    Args:
        training: films to learn from.
        other: films to measure on; files are read only where one to learn from has the same size.
        workers: threads.
    """
    sizes = {_size(film) for film in training.films}
    with ThreadPoolExecutor(workers) as pool:
        files = list(pool.map(lambda film: _sha256(film) if _size(film) in sizes else "", other))
    return _surest(
        training.films,
        other,
        (
            (Leak.BYTES, _equal(training.sha256, files)),
            (Leak.PATIENT, _equal(_patients(training.films), _patients(other))),
        ),
    )


def _surest(
    training: Sequence[LabelledFilm],
    other: Sequence[LabelledFilm],
    signs: Iterable[tuple[Leak, Iterable[tuple[int, int]]]],
) -> tuple[LeakedFilm, ...]:
    """Take each training film's first sign; pairs are of places in the two sequences."""
    found: dict[int, LeakedFilm] = {}
    for kind, pairs in signs:
        for mine, theirs in pairs:
            found.setdefault(mine, LeakedFilm(kind, training[mine], other[theirs]))
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


def _patients(films: Sequence[LabelledFilm]) -> list[str]:
    return [film.patient for film in films]


def _size(film: LabelledFilm) -> int:
    """Of the film's file in bytes; -1 where nothing can be said."""
    try:
        return os.stat(film.location).st_size  # noqa: PTH116  # paths stay strings
    except OSError:
        return -1


def _sha256(film: LabelledFilm) -> str:
    """Of the film's file; "" of what cannot be read, which is no film to measure on either."""
    try:
        return read_content(film.location).sha256
    except ScanError:
        return ""
