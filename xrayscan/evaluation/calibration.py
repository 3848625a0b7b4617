"""Calibration: making a score mean what it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NO_SPREAD = 1e-6  # logits are of order 1; less than this is rounding


@dataclass(frozen=True, slots=True)
class Calibration:
    """P = sigmoid(logit / temperature + offset).

    The temperature takes back over-confidence (Guo et al. 2017, 4.2); the offset takes back that
    training gave both classes the same weight, whatever their shares (Platt 1999).
    """

    temperature: float = 1.0
    offset: float = 0.0


def fit_calibration(logits: NDArray[np.float64], positives: NDArray[np.bool_]) -> Calibration:
    """Find the most likely temperature and offset.

    Args:
        logits: (N,) raw logits.
        positives: (N,) True for the positive class.

    Returns:
        A temperature within a factor of 20 of the logits' standard deviation, and an offset that
        puts P = 1/2 within 10 standard deviations of their mean.
    """
    from scipy.optimize import minimize

    # in units of their own spread: that of a short training is a hundredth of a long one's
    mean, spread = float(logits.mean()), float(logits.std())
    if spread < _NO_SPREAD:
        spread = 1.0
    standard = (logits - mean) / spread
    labels = targets(positives)

    def negative_log_likelihood(parameters: NDArray[np.float64]) -> float:
        log_temperature, middle = parameters
        calibrated = (standard - middle) / np.exp(log_temperature)
        return float((np.logaddexp(0, calibrated) - labels * calibrated).mean())

    bounds = [(-np.log(20.0), np.log(20.0)), (-10.0, 10.0)]
    log_temperature, middle = minimize(
        negative_log_likelihood, (0.0, 0.0), bounds=bounds, method="L-BFGS-B"
    ).x
    temperature = spread * float(np.exp(log_temperature))
    return Calibration(temperature, -(mean + spread * float(middle)) / temperature)


def targets(positives: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Labels, (N,), less than 1 and more than 0: n films do not prove certainty (Platt 1999)."""
    count = int(positives.sum())
    return np.where(positives, (count + 1) / (count + 2), 1 / (len(positives) - count + 2))
