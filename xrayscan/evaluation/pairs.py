"""Two models on the same films: do their calls differ by more than chance?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class McNemar:
    """Films on which one of two is right and the other wrong.

    Attributes:
        only_first: films that the first alone gets right.
        only_second: films that the second alone gets right.
        p: two-sided and exact; 1 where there is no such film.
    """

    only_first: int
    only_second: int
    p: float


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """Test whether two are right equally often (McNemar 1947), by the exact binomial distribution.

    Args:
        first: (N,) True where the first is right.
        second: (N,) True where the second is.
    """
    from scipy.stats import binomtest

    one, other = int((first & ~second).sum()), int((second & ~first).sum())
    p = float(binomtest(one, one + other).pvalue) if one + other else 1.0
    return McNemar(one, other, p)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p values for being several (Holm 1979); those that are None stay so."""
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = highest
    return adjusted
