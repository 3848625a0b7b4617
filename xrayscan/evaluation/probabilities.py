"""Whether probabilities mean what they say: Brier, calibration line, net benefit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrayscan.scoring.log_odds import log_odds

_STEPS = 50  # Newton's method on two parameters needs about ten
_CONVERGED = 1e-9
_STEEPEST = 100.0  # a slope beyond this is a line that only the number format stops from rising


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """logit P(positive) = intercept + slope * logit(probability) (Cox 1958).

    Attributes:
        slope: 1 where calibrated; below 1 the probabilities are too extreme.
        intercept: 0 where calibrated, at that slope.
    """

    slope: float
    intercept: float


def brier(probabilities: NDArray[np.float64], positives: NDArray[np.bool_]) -> float:
    """Mean squared distance of probability and outcome (Brier 1950), 0..1; lower is better."""
    return float(np.mean((probabilities - positives) ** 2))


def calibration_line(
    probabilities: NDArray[np.float64], positives: NDArray[np.bool_]
) -> CalibrationLine | None:
    """Fit calibration's slope and intercept by maximum likelihood (Cox 1958; Van Calster 2019).

    Args:
        probabilities: (N,) 0..1.
        positives: (N,) True for the positive class.

    Returns:
        None where there is no such line: one class only, all probabilities equal, or classes that
        some threshold tells apart without error.
    """
    x = log_odds(probabilities)
    if positives.all() or not positives.any() or np.ptp(x) == 0:
        return None
    if x[positives].min() >= x[~positives].max() or x[positives].max() <= x[~positives].min():
        return None
    design = np.stack([np.ones_like(x), x])
    fitted = _newton(design, positives, np.zeros_like(x))
    if fitted is None or abs(fitted[1]) > _STEEPEST:
        return None
    return CalibrationLine(slope=float(fitted[1]), intercept=float(fitted[0]))


def calibration_in_the_large(
    probabilities: NDArray[np.float64], positives: NDArray[np.bool_]
) -> float | None:
    """Fit the intercept at slope 1: above 0, positives are more frequent than said (Cox 1958).

    Returns:
        In log odds; None where only one class occurs.
    """
    if positives.all() or not positives.any():
        return None
    offset = log_odds(probabilities)
    fitted = _newton(np.ones((1, len(offset))), positives, offset)
    return None if fitted is None else float(fitted[0])


def net_benefit(
    probabilities: NDArray[np.float64], positives: NDArray[np.bool_], threshold: float
) -> float:
    """True positives per film less false ones at the exchange rate of the threshold.

    NB = TP / N - FP / N * t / (1 - t) (Vickers and Elkin 2006).

    Args:
        probabilities: (N,) 0..1.
        positives: (N,) True for the positive class.
        threshold: t, from 0 to below 1.
    """
    called = probabilities >= threshold
    true = float((called & positives).mean())
    false = float((called & ~positives).mean())
    return true - false * threshold / (1 - threshold)


def _newton(
    design: NDArray[np.float64], positives: NDArray[np.bool_], offset: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Maximum likelihood of a logistic regression, (K,) for a (K, N) design, by Newton's method.

    Its own few lines, as a bootstrap asks a thousand times; tested against statsmodels.
    """
    weights = np.zeros(len(design))
    best = _log_likelihood(weights, design, positives, offset)
    for _ in range(_STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(offset + weights @ design, -500, 500)))
        information = (design * (fitted * (1 - fitted))) @ design.T
        try:
            step = np.linalg.solve(information, design @ (positives - fitted))
        except np.linalg.LinAlgError:
            return None
        gained = _log_likelihood(weights + step, design, positives, offset)
        while gained < best - _CONVERGED and np.abs(step).max() > _CONVERGED:
            step = step / 2  # Newton's step can overshoot where the line is steep
            gained = _log_likelihood(weights + step, design, positives, offset)
        weights, best = weights + step, gained
        if np.abs(step).max() < _CONVERGED:
            return np.asarray(weights, np.float64)
    return None


def _log_likelihood(
    weights: NDArray[np.float64],
    design: NDArray[np.float64],
    positives: NDArray[np.bool_],
    offset: NDArray[np.float64],
) -> float:
    line = offset + weights @ design
    return float((positives * line - np.logaddexp(0, line)).sum())
