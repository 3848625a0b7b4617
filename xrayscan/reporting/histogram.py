"""The probabilities of a run in twenty bins, and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One bin as drawn.

    Attributes:
        start, end: probabilities from ``start`` to below ``end``, 0..1.
        count: films in it.
        height: 0..1; the square root of the count, so that a few films show beside thousands.
    """

    start: float
    end: float
    count: int
    height: float


def bars(counts: Sequence[int]) -> tuple[Bar, ...]:
    """Turn the counts of all bins into bars; the highest has height 1."""
    highest = max(counts, default=0) or 1
    return tuple(
        Bar(index / len(counts), (index + 1) / len(counts), count, math.sqrt(count / highest))
        for index, count in enumerate(counts)
    )
