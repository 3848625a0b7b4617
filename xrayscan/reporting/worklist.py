"""What the report shows: bounded lists in order of urgency, gathered while the run goes on."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from xrayscan.records import Assessment, Status

T = TypeVar("T")
Urgency = tuple[int, float]  # the higher, the more urgent: rank of the section, then probability

# Rows per section: more make a page that no one reads and a browser that crawls. The CSV has all.
ROWS_PER_SECTION = 1000


class Section(StrEnum):
    """The report's parts in the order in which they are read."""

    POSITIVE = "positive"
    NOT_ASSESSED = "not_assessed"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    NEGATIVE = "negative"


# Who gets one of the pictures first: films that a person has to look at, called positive or not.
_RANK = {Section.POSITIVE: 2, Section.NOT_ASSESSED: 1}


@dataclass(frozen=True, slots=True)
class Picture:
    """A film as the report shows it.

    Attributes:
        film: (H, W) uint8.
        heat: (h, w) float32, 0..1; None without heat maps.
    """

    film: NDArray[np.uint8]
    heat: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the report, with its picture where it has one."""

    assessment: Assessment
    picture: Picture | None


class _Shortlist(Generic[T]):
    """The most urgent of any number of items; of equals, the earlier ones."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[Urgency, int, T]] = []
        self._arrivals = count()
        self.seen = 0

    def add(self, urgency: Urgency, item: T) -> None:
        self.seen += 1
        entry = (urgency, -next(self._arrivals), item)
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, entry)
        elif self._heap and entry[:2] > self._heap[0][:2]:
            heapq.heapreplace(self._heap, entry)

    def items(self) -> list[T]:
        return [
            item for _, _, item in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)
        ]


class Worklist:
    """Gathers a run's rows for the report; its size does not grow with the run."""

    def __init__(self, positive_label: str, max_pictures: int) -> None:
        self._positive_label = positive_label
        self._sections = {section: _Shortlist[Assessment](ROWS_PER_SECTION) for section in Section}
        self._pictures = _Shortlist[tuple[str, Picture]](max_pictures)

    def add(self, assessment: Assessment, picture: Picture | None) -> None:
        """Take one row; ``picture`` is kept while its film is among the most urgent."""
        section = self._section(assessment)
        urgency = (_RANK.get(section, 0), assessment.probability or 0.0)
        self._sections[section].add(urgency, assessment)
        if picture is not None:
            self._pictures.add(urgency, (assessment.scan.name, picture))

    def sections(self) -> dict[Section, list[Entry]]:
        """The entries of each section, the most urgent first."""
        pictures = dict(self._pictures.items())
        return {
            section: [Entry(row, pictures.get(row.scan.name)) for row in shortlist.items()]
            for section, shortlist in self._sections.items()
        }

    def total(self, section: Section) -> int:
        """How many rows the run had for a section, shown or not."""
        return self._sections[section].seen

    def _section(self, row: Assessment) -> Section:
        if row.status is Status.SCORED:
            return Section.POSITIVE if row.label == self._positive_label else Section.NEGATIVE
        return Section(row.status.value)
