"""A measure with its interval, or the sentence that stands where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xrayscan.evaluation.bootstrap import COUNT, Interval

BOOTSTRAP = f"bootstrap over patients, {COUNT} resamples"
UNBIASED = f"{BOOTSTRAP}, less what chance adds"
FEW = "No interval: too few patients, films of one class, or errors."
DECIMALS = 6  # as many as probabilities are written with


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measure of a sample.

    Attributes:
        value: None where the sample gives none.
        interval: of 95 %; None where the sample gives none.
        method: how the interval was found.
        count: of a proportion, how many; None for other measures.
        total: of a proportion, among how many.
        why: in a sentence, why there is no value or no interval; "" where both are there.
    """

    value: float | None
    interval: Interval | None = None
    method: str = ""
    count: int | None = None
    total: int | None = None
    why: str = ""

    def facts(self) -> dict[str, Any]:
        """As JSON holds it."""
        facts: dict[str, Any] = {"value": rounded(self.value), "interval": ends(self.interval)}
        if self.interval is not None:
            facts["interval_by"] = self.method
        if self.total is not None:
            facts |= {"count": self.count, "of": self.total}
        if self.why:
            facts["why"] = self.why
        return facts


def ends(interval: Interval | None) -> list[float | None] | None:
    """An interval as the outputs hold it: low and high."""
    return None if interval is None else [rounded(interval.low), rounded(interval.high)]


def words(value: float, interval: Sequence[float] | None) -> str:
    """A measure in text, its interval behind it where there is one."""
    within = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return f"{value:.3f}{within}"


def rounded(value: float | None) -> float | None:
    """A number as the outputs hold it."""
    return None if value is None else round(float(value), DECIMALS)


def estimated(
    value: float, interval: Interval | None, why: str, method: str = BOOTSTRAP
) -> Estimate:
    """Take a value with its bootstrap interval, as far as there are such.

    Args:
        value: NaN or infinity where there is none.
        interval: as of ``bootstrap.intervals``.
        why: the sentence where there is no value.
        method: how the interval was found.
    """
    if not math.isfinite(value):
        return Estimate(None, why=why)
    if interval is None:
        return Estimate(value, why=FEW)
    if interval.low == interval.high:
        return Estimate(value, why="No resample differs: the films do not tell a width.")
    return Estimate(value, interval, method)
