"""What the report shows: bounded lists in order of urgency, gathered while the run goes on."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, count, groupby
from operator import attrgetter
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from xrayscan.cells import path_text
from xrayscan.records import (
    PROBABILITY_BINS,
    Assessment,
    HeatMap,
    Scan,
    Status,
    Zone,
    probability_bin,
)
from xrayscan.reporting.pictures import DrawnFilm, draw
from xrayscan.reporting.rows import row_json

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


@dataclass(frozen=True, slots=True)
class HeatTest:
    """A film's heat map to be tested on the film, if it is shown.

    Attributes:
        heat_map: the map and its film.
        answer: says of maps, several at once, whether they are reliable; None where it cannot tell.
    """

    heat_map: HeatMap
    answer: Callable[[Sequence[HeatMap]], Sequence[bool | None]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A film as the report shows it.

    Attributes:
        film: (H, W) uint8.
        heat: (h, w) float32, 0..1; None without heat maps.
        test: of the heat map; made only of films that are among the most urgent when their batch
            is drawn, as it costs more than scoring. None where there is to be none.
    """

    film: NDArray[np.uint8]
    heat: NDArray[np.float32] | None
    test: HeatTest | None = None


class _Shortlist(Generic[T]):
    """The most urgent of any number of items; of equals, the earlier ones."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[Urgency, int, T]] = []
        self._arrivals = count()

    def add(self, urgency: Urgency, make: Callable[[], T]) -> T | None:
        """Take an item if it is urgent enough; only then is it made.

        Returns:
            The item that had to go for it.
        """
        key = (urgency, -next(self._arrivals))
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, (*key, make()))
        elif self._heap and key > self._heap[0][:2]:
            return heapq.heapreplace(self._heap, (*key, make()))[-1]
        return None

    def items(self) -> list[T]:
        # no two arrivals are the same: items are never compared
        return [item for _, _, item in sorted(self._heap, reverse=True)]


@dataclass(slots=True, eq=False)
class _Shown:
    """A film that is shown with a picture, or that an earlier report may have one of.

    Attributes:
        key: what its picture is found by.
        scan: of its file; None where it cannot have a picture: what is refused when it is read
            never had one.
        picture: until it is drawn.
        drawn: None until then, and without a picture.
    """

    key: str
    scan: Scan | None
    picture: Picture | None
    drawn: DrawnFilm | None = None


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
        self._undrawn: list[_Shown] = []
        self._totals = Counter[Section]()
        self._bins = [0] * PROBABILITY_BINS

    def add(self, assessment: Assessment, picture: Picture | None) -> None:
        """Take one row.

        Args:
            assessment: the row.
            picture: drawn by ``draw`` if its film is among the most urgent. None where there is
                none, and for a row taken over from an earlier run, whose report may have one.
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
            gone = films.add(urgency, lambda: self._show(assessment, picture))
            if gone is not None:
                gone.picture = None

    def draw(self) -> None:
        """Test and draw what was added since; all of a batch at once, which is faster."""
        shown = [(each, each.picture) for each in self._undrawn if each.picture is not None]
        self._undrawn = []
        tests = [None if picture.heat is None else picture.test for _, picture in shown]
        for (each, picture), reliable in zip(shown, _answers(tests), strict=True):
            each.drawn = draw(picture.film, picture.heat, reliable)
            each.picture = None

    def rows(self) -> list[bytes]:
        """The rows as JSON, the most urgent first."""
        return self._rows.items()

    def films(self, earlier: Mapping[str, DrawnFilm]) -> Iterator[tuple[str, DrawnFilm]]:
        """Yield key and pictures of the films shown with one, the most urgent first.

        Args:
            earlier: by key, the pictures that an earlier report has.
        """
        self.draw()
        for shown in chain(self._worklist_films.items(), self._other_films.items()):
            drawn = shown.drawn or earlier.get(shown.key)
            if drawn is not None:
                yield shown.key, drawn

    def unpictured(self, films: Mapping[str, DrawnFilm]) -> list[Scan]:
        """The films that are shown, could have a picture and have none here, each once.

        Args:
            films: by key, as ``films`` yields them.
        """
        shown = chain(self._worklist_films.items(), self._other_films.items())
        return list(
            {each.key: each.scan for each in shown if each.scan and each.key not in films}.values()
        )

    def total(self, section: Section) -> int:
        """How many rows the run had for a section, shown or not."""
        return self._totals[section]

    @property
    def histogram(self) -> tuple[int, ...]:
        """Scored films by probability, in ``PROBABILITY_BINS`` bins of equal width from 0 to 1."""
        return tuple(self._bins)

    def _show(self, row: Assessment, picture: Picture | None) -> _Shown:
        # whatever the model has looked at has a distance, and could be drawn
        scan = None if row.embedding_distance is None else row.scan
        shown = _Shown(film_key(row), scan, picture)
        if picture is not None:
            self._undrawn.append(shown)
        return shown

    def _section(self, row: Assessment) -> Section:
        if row.status is not Status.SCORED:
            return Section(row.status.value)
        urgent = row.label == self._positive_label or row.zone in (Zone.REVIEW, Zone.POSITIVE)
        return Section.WORKLIST if urgent else Section.NEGATIVE


def film_key(row: Assessment) -> str:
    """What a film's picture is found by: its content, however many files have it."""
    return row.sha256 or path_text(row.scan.name)


def _answers(tests: Sequence[HeatTest | None]) -> Iterator[bool | None]:
    """What tests say, in their order; of None, None."""
    made = [test for test in tests if test is not None]
    alike = groupby(made, key=attrgetter("answer"))
    said = chain.from_iterable(answer([test.heat_map for test in each]) for answer, each in alike)
    return (None if test is None else next(said) for test in tests)
