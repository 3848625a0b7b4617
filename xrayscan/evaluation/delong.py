"""The AUC's variance and the paired test of two AUCs, without resampling (DeLong et al. 1988).

Films of one patient resemble each other, so that what they contribute is summed by patient before
its spread is taken (Obuchowski 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.bootstrap import Interval
from xrayscan.scoring.wilson import Z

METHOD = "DeLong et al. 1988"
CLUSTERED = "DeLong et al. 1988, by patient, Obuchowski 1997"


@dataclass(frozen=True, slots=True)
class Areas:
    """AUCs of several scores on the same films.

    Attributes:
        values: (M,) 0..1.
        covariance: (M, M) of the values; NaN where a class has films of one patient.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def interval(self, index: int = 0) -> Interval | None:
        """Give the normal interval, cut to 0..1; None where no variance can be seen."""
        variance = float(self.covariance[index, index])
        if not variance > np.finfo(np.float64).eps:  # NaN, too
            return None
        value, half = float(self.values[index]), Z * variance**0.5
        return Interval(max(0.0, value - half), min(1.0, value + half))


@dataclass(frozen=True, slots=True)
class Difference:
    """How two AUCs on the same films differ.

    Attributes:
        value: the first less the second.
        interval: of 95 %; None where no variance can be seen.
        p: two-sided; 1 where the two order all films alike, None where it cannot be told.
    """

    value: float
    interval: Interval | None
    p: float | None


def areas(
    scores: Sequence[NDArray[np.float64]], positives: NDArray[np.bool_], patients: Sequence[str]
) -> Areas:
    """Compute AUCs with their covariance, in N log N by midranks (Sun and Xu 2014, algorithm 2).

    Args:
        scores: M of (N,), of any scale.
        positives: (N,) True for the positive class; both classes occur.
        patients: (N,) whose film each one is; where all differ, the covariance is DeLong's.
    """
    pairs = [_components(each, positives) for each in scores]
    of_positives = np.stack([upper for upper, _ in pairs])
    of_negatives = np.stack([lower for _, lower in pairs])
    values = of_positives.mean(axis=1)
    _, codes = np.unique(np.asarray(patients, np.str_), return_inverse=True)
    upper = _by_patient(of_positives - values[:, None], codes[positives], codes.max() + 1)
    lower = _by_patient(of_negatives - values[:, None], codes[~positives], codes.max() + 1)
    counts = [len(np.unique(codes[side])) for side in (positives, ~positives)]
    return Areas(values, _covariance(upper, lower, counts))


def difference(found: Areas, first: int, second: int) -> Difference:
    """Test whether two of the AUCs differ (DeLong et al. 1988, eq. 5)."""
    value = float(found.values[first] - found.values[second])
    cov = found.covariance
    variance = float(cov[first, first] + cov[second, second] - 2 * cov[first, second])
    if np.isnan(variance):
        return Difference(value, None, None)
    if variance <= np.finfo(np.float64).eps:
        return Difference(value, None, 1.0 if value == 0 else None)
    error = variance**0.5
    p = 2 * NormalDist().cdf(-abs(value) / error)
    return Difference(value, Interval(value - Z * error, value + Z * error), p)


def _components(
    scores: NDArray[np.float64], positives: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each positive the share of negatives below it, for each negative of positives above."""
    from scipy.stats import rankdata

    upper, lower = scores[positives], scores[~positives]
    both = rankdata(scores)
    above = (both[positives] - rankdata(upper)) / len(lower)
    below = 1 - (both[~positives] - rankdata(lower)) / len(upper)
    return np.asarray(above, np.float64), np.asarray(below, np.float64)


def _by_patient(
    components: NDArray[np.float64], codes: NDArray[np.int64], patients: int
) -> NDArray[np.float64]:
    """Means over films, (M, n), as sums over patients, (M, patients)."""
    sums = [np.bincount(codes, row, patients) for row in components]
    return np.asarray(np.stack(sums) / components.shape[1], np.float64)


def _covariance(
    upper: NDArray[np.float64], lower: NDArray[np.float64], counts: Sequence[int]
) -> NDArray[np.float64]:
    """Of the areas, (M, M), by what each patient adds to them (Obuchowski 1997).

    Args:
        upper: (M, patients) deviations by positive films.
        lower: (M, patients) by negative films.
        counts: patients with positive and with negative films.
    """
    models, everyone = upper.shape
    if min(counts) < 2:
        return np.full((models, models), np.nan)
    # patients with films of both classes, 0 where each has one film
    both = _unbiased(everyone) * (upper @ lower.T)
    own = _unbiased(counts[0]) * (upper @ upper.T) + _unbiased(counts[1]) * (lower @ lower.T)
    return np.asarray(own + both + both.T, np.float64)


def _unbiased(count: int) -> float:
    return count / (count - 1)
