"""Measures made of the four counts of a threshold: one formula each, for one sample or many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]


def counts_of(
    called: NDArray[np.bool_], positives: NDArray[np.bool_], films: NDArray[np.int64] | None = None
) -> Counts:
    """Count true negatives, false positives, false negatives and true positives, (4,).

    Args:
        called: (N,) True for films called positive.
        positives: (N,) True for the positive class.
        films: (M,) indices of a resample; None takes every film once.
    """
    cells = 2 * positives.astype(np.int64) + called
    chosen = cells if films is None else cells[films]
    return np.bincount(chosen, minlength=4).astype(np.float64)


def measures(counts: Counts, prevalence: float | None = None) -> dict[str, NDArray[np.float64]]:
    """Compute what four counts give.

    F1 = 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979); balanced accuracy is the mean of sensitivity
    and specificity (Brodersen et al. 2010); Matthews' correlation (Matthews 1975); Youden's J
    (Youden 1950); likelihood ratios sens / (1 - spec) and (1 - sens) / spec (Simel et al. 1991);
    predictive values at a prevalence by Bayes' theorem (Altman and Bland 1994).

    Args:
        counts: (..., 4) as of ``counts_of``.
        prevalence: 0..1, for the predictive values elsewhere; None leaves them out.

    Returns:
        (...) by name; NaN where a measure is not defined, infinity for an unbounded ratio.
    """
    tn, fp, fn, tp = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        sens, spec = tp / (tp + fn), tn / (tn + fp)
        # root by root: the product of the four sums overflows nothing, but loses digits
        spread = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
        found = {
            "f1": 2 * tp / (2 * tp + fp + fn),
            "balanced_accuracy": (sens + spec) / 2,
            "matthews": (tp * tn - fp * fn) / spread,
            "youden": sens + spec - 1,
            "likelihood_ratio_positive": sens / (1 - spec),
            "likelihood_ratio_negative": (1 - sens) / spec,
        }
        if prevalence is not None:
            right, wrong = sens * prevalence, (1 - spec) * (1 - prevalence)
            found["ppv_at_prevalence"] = right / (right + wrong)
            clear, missed = spec * (1 - prevalence), (1 - sens) * prevalence
            found["npv_at_prevalence"] = clear / (clear + missed)
    return found
