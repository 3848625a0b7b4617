"""Measures of probabilities against labels, one pure function each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrayscan.scoring.thresholds import OperatingCurve

RELIABILITY_BINS = 15


def auc(probabilities: NDArray[np.float64], positives: NDArray[np.bool_]) -> float:
    """Area under the ROC: how often a positive lies above a negative, ties counting half.

    By rank sums (Hanley and McNeil 1982), which is some ten times faster than by way of the curve;
    a bootstrap asks a thousand times.

    Args:
        probabilities: (N,) of any scale.
        positives: (N,) True for the positive class.

    Returns:
        0..1; NaN where only one class occurs.
    """
    from scipy.stats import rankdata

    positive_count = int(positives.sum())
    pairs = positive_count * (positives.size - positive_count)
    if not pairs:
        return float("nan")
    rank_sum = rankdata(probabilities)[positives].sum()
    return float((rank_sum - positive_count * (positive_count + 1) / 2) / pairs)


def confusion(
    called: NDArray[np.integer | np.bool_], labels: NDArray[np.integer | np.bool_], classes: int = 2
) -> NDArray[np.int64]:
    """Count films by class and by what they were called.

    Args:
        called: (N,) index of the class that each film was called; with two, True for positive.
        labels: (N,) index of the class that it is.
        classes: how many there are, K.

    Returns:
        (K, K): rows are the classes, columns what they were called, negative first.
    """
    cells = classes * labels.astype(np.int64) + called.astype(np.int64)
    return np.bincount(cells, minlength=classes**2).astype(np.int64).reshape(classes, classes)


def precision(curve: OperatingCurve) -> NDArray[np.float64]:
    """Share of true positives among the films called positive, at the set's prevalence.

    Returns:
        (K,) 0..1, by threshold; 1 where no film is called positive.
    """
    true = curve.sensitivity * curve.prevalence
    called = true + (1 - curve.specificity) * (1 - curve.prevalence)
    return np.divide(true, called, out=np.ones_like(true), where=called > 0)


def f1(curve: OperatingCurve) -> NDArray[np.float64]:
    """F1 = 2 TP / (2 TP + FP + FN) by threshold, (K,) 0..1."""
    true = curve.sensitivity * curve.prevalence
    called = true + (1 - curve.specificity) * (1 - curve.prevalence)
    return np.asarray(2 * true / (called + curve.prevalence), np.float64)


def youden(curve: OperatingCurve) -> NDArray[np.float64]:
    """Sensitivity + specificity - 1 by threshold (Youden 1950), (K,) -1..1."""
    return np.asarray(curve.sensitivity + curve.specificity - 1, np.float64)


def average_precision(curve: OperatingCurve) -> float:
    """Mean precision over the recall gained, without interpolation (as scikit-learn has it)."""
    return float(np.sum(np.diff(curve.sensitivity) * precision(curve)[1:]))


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often films of like probability are positive, in bins of like size.

    Attributes:
        confidence: (K,) mean probability of each bin, 0..1, rising.
        frequency: (K,) share of positives in it, 0..1.
        count: (K,) films in it.
    """

    confidence: NDArray[np.float64]
    frequency: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of the two (Naeini et al. 2015), 0..1."""
        gaps = np.abs(self.confidence - self.frequency)
        return float(np.average(gaps, weights=self.count))


def reliability(
    probabilities: NDArray[np.float64],
    positives: NDArray[np.bool_],
    bins: int = RELIABILITY_BINS,
) -> Reliability:
    """Sort films into equally filled bins by probability.

    Films of one probability count with their share of positives each, so that where a bin ends
    among them does not hang on their order.

    Args:
        probabilities: (N,) P(positive), 0..1; at least one.
        positives: (N,) True for the positive class.
        bins: number of bins; fewer where there are fewer films.
    """
    order = np.argsort(probabilities, kind="stable")
    _, ties, sizes = np.unique(probabilities, return_inverse=True, return_counts=True)
    shares = (np.bincount(ties, positives) / sizes)[ties]
    parts = np.array_split(order, min(bins, len(order)))
    return Reliability(
        np.array([probabilities[part].mean() for part in parts]),
        np.array([shares[part].mean() for part in parts]),
        np.array([len(part) for part in parts], np.int64),
    )
