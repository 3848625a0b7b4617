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
        p: two-sided and exact, by patient; 1 where there is no such film.
    """

    only_first: int
    only_second: int
    p: float


def mcnemar(
    first: NDArray[np.bool_], second: NDArray[np.bool_], patients: Sequence[str]
) -> McNemar:
    """Test whether two are right equally often, patient by patient.

    Where the two do not differ, a patient's films that the first alone gets right, less those that
    the second alone does, might as well have the other sign: the share of all changes of signs
    whose sum is as far from 0 (Fisher 1935, 21). With one film a patient that is the exact binomial
    test of McNemar 1947; with many patients, that of Yang et al. 2010. Where patients have unlike
    numbers of films, Durkalski et al. 2003 give each patient the same weight instead.

    Args:
        first: (N,) True where the first is right.
        second: (N,) True where the second is.
        patients: (N,) whose film each one is.
    """
    one, other = int((first & ~second).sum()), int((second & ~first).sum())
    _, codes = np.unique(np.asarray(patients, np.str_), return_inverse=True)
    sums = np.bincount(codes, first.astype(np.int64) - second).astype(np.int64)
    return McNemar(one, other, _sign_changes(sums))


def _sign_changes(sums: NDArray[np.int64]) -> float:
    """How often sums whose signs are drawn anew add up to something as far from 0."""
    from scipy.stats import binom

    chances = np.ones(1)  # of the total, from its lowest to its highest in steps of 2
    sizes, counts = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    for size, count in zip(sizes, counts, strict=True):
        drawn = np.zeros(size * count + 1)
        drawn[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, drawn)
    totals = 2 * np.arange(len(chances)) - (len(chances) - 1)
    return min(1.0, float(chances[np.abs(totals) >= abs(int(sums.sum()))].sum()))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p values for being several (Holm 1979); those that are None stay so."""
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = highest
    return adjusted
