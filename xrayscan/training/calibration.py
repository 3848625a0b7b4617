"""Calibration: making a score mean what it says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fit_temperature(logits: NDArray[np.float64], positives: NDArray[np.bool_]) -> float:
    """Find the temperature T that makes sigmoid(logit / T) most likely (Guo et al. 2017, 4.2).

    Args:
        logits: (N,) raw logits.
        positives: (N,) True for the positive class.

    Returns:
        T between 0.05 and 20.

    """
    from scipy.optimize import minimize_scalar

    signs = np.where(positives, 1.0, -1.0)

    def negative_log_likelihood(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signs * logits / np.exp(log_temperature)).mean())

    bounds = (np.log(0.05), np.log(20.0))
    return float(
        np.exp(minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded").x)
    )


def expected_calibration_error(
    probabilities: NDArray[np.float64], positives: NDArray[np.bool_], bins: int = 15
) -> float:
    """Mean distance of confidence from frequency over equally filled bins (Naeini et al. 2015).

    Args:
        probabilities: (N,) P(positive), 0..1.
        positives: (N,) True for the positive class.
        bins: number of bins; fewer where there are fewer films.

    """
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [len(part) * abs(probabilities[part].mean() - positives[part].mean()) for part in parts]
    return float(sum(gaps) / len(order))
