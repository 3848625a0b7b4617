"""Labelled films decoded to arrays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError, ScanError
from xrayscan.intake.read import decode, read_content
from xrayscan.intake.resize import network_input
from xrayscan.labels.films import LabelledFilm


@dataclass(frozen=True, slots=True)
class DecodedFilms:
    """Films as arrays, in the order of ``films``.

    Attributes:
        films: the films that could be read.
        pixels: (N, S, S) uint8, 0..255.
        labels: (N,) int64, index into the classes.
        sha256: of each film's file, hexadecimal.
        unreadable: (location, reason in words) of those that could not.
    """

    films: tuple[LabelledFilm, ...]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sha256: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]

    @property
    def positives(self) -> NDArray[np.bool_]:
        """(N,) True for every class but the first."""
        return np.asarray(self.labels != 0, np.bool_)

    @property
    def weights(self) -> NDArray[np.float32]:
        """(N,) how much each film counts in training, >= 0 and finite."""
        return np.array([film.weight for film in self.films], np.float32)

    @property
    def by_content(self) -> tuple[tuple[str, int, LabelledFilm], ...]:
        """Each film behind its file's sha256 and its label, as ``contradicting`` takes them."""
        pairs = zip(self.sha256, self.films, strict=True)
        return tuple((sha256, film.label, film) for sha256, film in pairs)

    @property
    def unnamed_patients(self) -> int:
        """How many films name no patient, each taken for a patient of its own."""
        return sum(not film.names_patient for film in self.films)

    def without(self, films: Collection[LabelledFilm]) -> DecodedFilms:
        """Return these films less some of them."""
        dropped = set(films)
        kept = [index for index, film in enumerate(self.films) if film not in dropped]
        return DecodedFilms(
            tuple(self.films[index] for index in kept),
            self.pixels[kept],
            self.labels[kept],
            tuple(self.sha256[index] for index in kept),
            self.unreadable,
        )


def decode_films(films: Sequence[LabelledFilm], size: int, workers: int) -> DecodedFilms:
    """Decode films through intake to uint8 squares of ``size`` pixels; list the unreadable.

    Args:
        films: one at least.
        size: side of the squares, pixels.
        workers: threads.

    Raises:
        DataError: none of the films can be read.
    """
    with ThreadPoolExecutor(workers) as pool:
        outcomes = list(pool.map(lambda film: _decode(film, size), films))
    pairs = list(zip(films, outcomes, strict=True))
    read = [(film, outcome) for film, outcome in pairs if not isinstance(outcome, str)]
    unreadable = [(film.location, words) for film, words in pairs if isinstance(words, str)]
    if not read:
        location, words = unreadable[0]
        raise DataError(
            f"none of the {len(films)} films can be read; look at the first, {location}: {words}"
        )
    return DecodedFilms(
        tuple(film for film, _ in read),
        np.stack([pixels for _, (pixels, _) in read]),
        np.array([film.label for film, _ in read], np.int64),
        tuple(sha256 for _, (_, sha256) in read),
        tuple(unreadable),
    )


def _decode(film: LabelledFilm, size: int) -> tuple[NDArray[np.uint8], str] | str:
    """The film's pixels and the sha256 of its file, or why it cannot be read."""
    try:
        content = read_content(film.location)
        radiograph = decode(content, film.location)
    except ScanError as fault:
        return fault.detail
    return np.rint(network_input(radiograph, size)).astype(np.uint8), content.sha256
