from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from xrayscan.evaluation.probabilities import (
    brier,
    calibration_in_the_large,
    calibration_line,
    net_benefit,
)
from xrayscan.scoring.log_odds import log_odds


def drawn(seed: int, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are too extreme by a factor of 1.8, and too high."""
    rng = np.random.default_rng(seed)
    true = rng.normal(-0.5, 1.4, count)
    positives = rng.random(count) < 1 / (1 + np.exp(-true))
    return np.round(1 / (1 + np.exp(-(1.8 * true + 0.6))), 6), positives


@pytest.mark.parametrize("seed", range(4))
def test_brier_against_scikit_learn(seed: int) -> None:
    from sklearn.metrics import brier_score_loss

    probabilities, positives = drawn(seed)
    expected = brier_score_loss(positives, probabilities)
    assert brier(probabilities, positives) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_calibration_line_against_statsmodels(seed: int) -> None:
    probabilities, positives = drawn(seed)
    design = sm.add_constant(log_odds(probabilities))
    fitted = sm.GLM(positives.astype(float), design, family=sm.families.Binomial()).fit()
    found = calibration_line(probabilities, positives)
    assert found is not None
    assert (found.intercept, found.slope) == pytest.approx(tuple(fitted.params), abs=1e-6)
    assert 0.3 < found.slope < 0.9  # too extreme, as they were made


@pytest.mark.parametrize("seed", range(4))
def test_calibration_in_the_large_against_statsmodels(seed: int) -> None:
    probabilities, positives = drawn(seed)
    fitted = sm.GLM(
        positives.astype(float),
        np.ones((len(positives), 1)),
        family=sm.families.Binomial(),
        offset=log_odds(probabilities),
    ).fit()
    found = calibration_in_the_large(probabilities, positives)
    assert found == pytest.approx(float(fitted.params[0]), abs=1e-6)


def test_where_there_is_no_line() -> None:
    probabilities = np.array([0.1, 0.2, 0.8, 0.9])
    positives = np.array([False, False, True, True])
    assert calibration_line(probabilities, positives) is None  # told apart without error
    assert calibration_line(probabilities, ~positives) is None
    assert calibration_line(probabilities, np.ones(4, np.bool_)) is None
    assert calibration_line(np.full(4, 0.3), np.array([True, False, True, False])) is None
    assert calibration_in_the_large(probabilities, np.ones(4, np.bool_)) is None


def test_equal_probabilities_are_off_by_what_is_missing() -> None:
    """Half are positive where a quarter was said: logit(1/2) - logit(1/4) = log 3."""
    found = calibration_in_the_large(np.full(4, 0.25), np.array([True, False, True, False]))
    assert found == pytest.approx(np.log(3))


def test_net_benefit_by_hand() -> None:
    """Ten films, at 0.2: 3 of 4 positives called, 2 of 6 negatives: 0.3 - 0.2 * 0.25."""
    probabilities = np.array([0.9, 0.5, 0.2, 0.1, 0.6, 0.3, 0.1, 0.1, 0.05, 0.0])
    positives = np.arange(10) < 4
    assert net_benefit(probabilities, positives, 0.2) == pytest.approx(0.25)
    everyone = net_benefit(np.ones(10), positives, 0.2)
    assert everyone == pytest.approx(0.4 - 0.6 * 0.25)
    assert net_benefit(np.zeros(10), positives, 0.2) == 0
