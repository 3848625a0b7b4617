from __future__ import annotations

import math

import numpy as np
import pytest

from xrayscan.evaluation.recalibrating import find_recalibration
from xrayscan.evaluation.sample import Sample


def simulated(count: int, temperature: float, offset: float) -> Sample:
    """Films whose log odds the model gives as (true - offset) * temperature."""
    rng = np.random.default_rng(5)
    true = rng.normal(0, 2, count)
    positives = rng.random(count) < 1 / (1 + np.exp(-true))
    said = np.round(1 / (1 + np.exp(-(true - offset) * temperature)), 6)
    return Sample(said, positives, tuple(str(n) for n in range(count)))


def test_a_model_that_is_too_sure_is_corrected() -> None:
    found = find_recalibration(simulated(800, temperature=2.5, offset=0.8))
    assert found.recalibration.temperature == pytest.approx(2.5, rel=0.2)
    assert found.recalibration.offset == pytest.approx(0.8, abs=0.25)
    assert found.after is not None
    assert found.before is not None
    assert found.after < found.before
    assert "are corrected" in found.words


def test_a_calibrated_model_is_left_alone() -> None:
    found = find_recalibration(simulated(800, temperature=1, offset=0))
    assert found.recalibration.changes_nothing
    assert "does not help on other patients" in found.words


def test_few_films_correct_nothing() -> None:
    found = find_recalibration(simulated(30, temperature=4, offset=2))
    assert found.recalibration.changes_nothing
    assert "too few" in found.words


def test_another_prevalence_shifts_the_log_odds() -> None:
    sample = simulated(800, temperature=2.5, offset=0.8)
    here, there = find_recalibration(sample), find_recalibration(sample, prevalence=0.05)
    share = sample.positive_count / len(sample)
    shift = math.log(0.05 / 0.95) - math.log(share / (1 - share))
    assert there.shift == pytest.approx(shift)
    assert there.recalibration.offset - here.recalibration.offset == pytest.approx(shift, abs=1e-5)
    assert there.recalibration.temperature == here.recalibration.temperature
