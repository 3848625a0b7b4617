"""What the report shows: bounded lists in order of urgency, gathered while the run goes on."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, count
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from xrayscan.records import PROBABILITY_BINS, Assessment, Status, Zone, probability_bin
from xrayscan.reporting.pictures import DrawnFilm, draw
from xrayscan.reporting.rows import row_json
from xrayscan.reporting.table import path_text

T = TypeVar("T")
Urgency = tuple[int, float]  # the higher, the more urgent: rank of the section, then probability

# Rows of the page: what a browser takes in its stride, and a run can hold.
ROWS = 50_000
# Pictures of worklist films, whatever --max-overlays says: 2000 are about 50 MB of memory.
WORKLIST_PICTURES = 2000


class Section(StrEnum):
    """The report's parts in the order in which they are read."""

    WORKLIST = "worklist"
    NOT_ASSESSED = "not_assessed"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    NEGATIVE = "negative"


_INDEX = {section: index for index, section in enumerate(Section)}


def _untested() -> None:
    """Stands for a test that there is none of; by a name, so that pictures can travel."""


@dataclass(frozen=True, slots=True)
class HeatTest:
    """Tests a film's heat map on the film when it is called, and not before.

    Attributes:
        film: (S, S) float32, 0..255, as it was scored.
        heat: (h, w) float32, 0..1.
        test: given both, says whether the map is reliable; None where it cannot tell.
    """

    film: NDArray[np.float32]
    heat: NDArray[np.float32]
    test: Callable[[NDArray[np.float32], NDArray[np.float32]], bool | None]

    def __call__(self) -> bool | None:
        return self.test(self.film, self.heat)


@dataclass(frozen=True, slots=True)
class Picture:
    """A film as the report shows it.

    Attributes:
        film: (H, W) uint8.
        heat: (h, w) float32, 0..1; None without heat maps.
        is_reliable: tests the heat map on the film; asked only for films that are shown, as the
            answer costs more than scoring. None where there is none.
    """

    film: NDArray[np.uint8]
    heat: NDArray[np.float32] | None
    is_reliable: Callable[[], bool | None] = _untested


class _Shortlist(Generic[T]):
    """The most urgent of any number of items; of equals, the earlier ones."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[Urgency, int, T]] = []
        self._arrivals = count()

    def add(self, urgency: Urgency, make: Callable[[], T]) -> None:
        """Take an item if it is urgent enough; only then is it made."""
        key = (urgency, -next(self._arrivals))
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, (*key, make()))
        elif self._heap and key > self._heap[0][:2]:
            heapq.heapreplace(self._heap, (*key, make()))

    def items(self) -> list[T]:
        return [
            item for _, _, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)
        ]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A film that is shown with a picture; None for one that an earlier report may have."""

    key: str
    drawn: DrawnFilm | None


class Worklist:
    """Gathers a run's rows for the report; its size does not grow beyond that of the page."""

    def __init__(self, positive_label: str, max_pictures: int, max_rows: int | None = None) -> None:
        """Begin with nothing.

        Args:
            positive_label: name of the positive class.
            max_pictures: films shown with a picture besides those of the worklist, the most
                uncertain ones; 0 shows none at all.
            max_rows: rows of the page, 0 for a run that writes none; None takes ``ROWS``.
        """
        self._positive_label = positive_label
        self._max_rows = ROWS if max_rows is None else max_rows
        self._rows = _Shortlist[bytes](self._max_rows)
        self._worklist_films = _Shortlist[_Shown](WORKLIST_PICTURES if max_pictures else 0)
        self._other_films = _Shortlist[_Shown](max_pictures)
        self._totals = Counter[Section]()
        self._bins = [0] * PROBABILITY_BINS

    def add(self, assessment: Assessment, picture: Picture | None) -> None:
        """Take one row.

        Args:
            assessment: the row.
            picture: encoded at once if its film is among the most urgent. None where there is none,
                and for a row taken over from an earlier run, whose report may have its picture.
        """
        if not self._max_rows:
            return
        section = self._section(assessment)
        index = _INDEX[section]
        urgency = (-index, assessment.probability or 0.0)
        self._totals[section] += 1
        if assessment.probability is not None:
            self._bins[probability_bin(assessment.probability)] += 1
        self._rows.add(urgency, lambda: row_json(assessment, index))
        if assessment.status in (Status.SCORED, Status.NOT_ASSESSED):
            films = self._worklist_films if section is Section.WORKLIST else self._other_films
            films.add(urgency, lambda: _shown(assessment, picture))

    def rows(self) -> list[bytes]:
        """The rows as JSON, the most urgent first."""
        return self._rows.items()

    def films(self, earlier: Mapping[str, DrawnFilm]) -> Iterator[tuple[str, DrawnFilm]]:
        """Yield key and pictures of the films shown with one, the most urgent first.

        Args:
            earlier: by key, the pictures that an earlier report has.
        """
        for shown in chain(self._worklist_films.items(), self._other_films.items()):
            drawn = shown.drawn or earlier.get(shown.key)
            if drawn is not None:
                yield shown.key, drawn

    def total(self, section: Section) -> int:
        """How many rows the run had for a section, shown or not."""
        return self._totals[section]

    @property
    def histogram(self) -> tuple[int, ...]:
        """Scored films by probability, in ``PROBABILITY_BINS`` bins of equal width from 0 to 1."""
        return tuple(self._bins)

    def _section(self, row: Assessment) -> Section:
        if row.status is not Status.SCORED:
            return Section(row.status.value)
        urgent = row.label == self._positive_label or row.zone in (Zone.REVIEW, Zone.POSITIVE)
        return Section.WORKLIST if urgent else Section.NEGATIVE


def film_key(row: Assessment) -> str:
    """What a film's picture is found by: its content, however many files have it."""
    return row.sha256 or path_text(row.scan.name)


def _shown(row: Assessment, picture: Picture | None) -> _Shown:
    if picture is None:
        return _Shown(film_key(row), None)
    reliable = None if picture.heat is None else picture.is_reliable()
    return _Shown(film_key(row), draw(picture.film, picture.heat, reliable))
