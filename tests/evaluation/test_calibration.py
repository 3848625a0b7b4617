from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.evaluation.calibration import Calibration, fit_calibration, targets
from xrayscan.evaluation.metrics import reliability

fixed = settings(max_examples=100)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def simulated(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True logits, and labels drawn with just their probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.3, 2, count)
    return logits, rng.random(count) < sigmoid(logits)


# logits as a network gives them: true ones = given / temperature + offset
PLANTED = [
    (0.002, 0.5),
    (0.2, 0.0),
    (0.5, 1.0),
    (1.0, 0.0),
    (1.0, -1.5),
    (1.7, 0.4),
    (4.0, -0.5),
    (10.0, 2.0),
]


@pytest.mark.parametrize(("temperature", "offset"), PLANTED)
def test_recovers_a_planted_calibration(temperature: float, offset: float) -> None:
    logits, positives = simulated(20_000)
    found = fit_calibration((logits - offset) * temperature, positives)
    assert found.temperature == pytest.approx(temperature, rel=0.05)
    assert found.offset == pytest.approx(offset, abs=0.06)


@pytest.mark.parametrize(("temperature", "offset"), [(0.5, 0.0), (3.0, 0.0), (1.0, 1.5)])
def test_calibrates(temperature: float, offset: float) -> None:
    logits, positives = simulated(20_000)
    raw = (logits - offset) * temperature
    found = fit_calibration(raw, positives)
    after = sigmoid(raw / found.temperature + found.offset)
    assert reliability(sigmoid(raw), positives).error > 0.05
    assert reliability(after, positives).error < 0.015
    assert after.mean() == pytest.approx(positives.mean(), abs=2e-3)


@fixed
@given(st.integers(0, 1000), st.floats(0.3, 4), st.floats(-2, 2))
def test_no_other_calibration_is_more_likely(seed: int, temperature: float, offset: float) -> None:
    """With one film of each class added in thought, as Platt does."""
    logits, positives = simulated(200, seed)
    count = positives.sum()
    shares = np.where(positives, (count + 1) / (count + 2), 1 / (202 - count))

    def likelihood(calibration: Calibration) -> float:
        scaled = logits / calibration.temperature + calibration.offset
        return float(
            -(shares * np.logaddexp(0, -scaled) + (1 - shares) * np.logaddexp(0, scaled)).mean()
        )

    best = likelihood(fit_calibration(logits, positives))
    assert best >= likelihood(Calibration(temperature, offset)) - 1e-6
    assert best >= likelihood(Calibration()) - 1e-6


@fixed
@given(st.integers(0, 1000), st.floats(0.3, 4))
def test_temperature_scales_with_the_logits(seed: int, factor: float) -> None:
    logits, positives = simulated(200, seed)
    one, other = fit_calibration(logits, positives), fit_calibration(logits * factor, positives)
    assert other.temperature == pytest.approx(one.temperature * factor, rel=0.02)
    assert other.offset == pytest.approx(one.offset, abs=0.02)


def test_targets_by_hand() -> None:
    """Three positives say three and one more in five, one negative one in three."""
    found = targets(np.array([True, True, False, True]))
    assert found == pytest.approx([4 / 5, 4 / 5, 1 / 3, 4 / 5])


EXTREMES = {
    "all right": ([-2.0, -1.0, 1.0, 2.0], "0011"),
    "all wrong": ([2.0, 1.0, -1.0, -2.0], "0011"),
    "all logits equal": ([1.0, 1.0, 1.0, 1.0], "0001"),
    "far logits": ([-80.0, -60.0, 90.0, 70.0], "0011"),
    "only positives": ([-1.0, 0.0, 1.0, 2.0], "1111"),
    "one film": ([0.3], "1"),
}


@pytest.mark.parametrize("case", EXTREMES.values(), ids=EXTREMES)
def test_keeps_its_limits(case: tuple[list[float], str]) -> None:
    logits, positives = case
    found = fit_calibration(np.array(logits), np.array([letter == "1" for letter in positives]))
    spread = np.std(logits) or 1.0
    assert 1 / 20 - 1e-9 <= found.temperature / spread <= 20 + 1e-9
    middle = -found.offset * found.temperature  # where P = 1/2
    assert abs(middle - np.mean(logits)) <= 10 * spread + 1e-9


# (probabilities, positives, bins, error), worked out by hand
TABLES = {
    "all right and sure": ([0.0, 0.0, 1.0, 1.0], "0011", 2, 0.0),
    "all wrong and sure": ([0.0, 0.0, 1.0, 1.0], "1100", 2, 1.0),
    "one bin": ([0.2, 0.4, 0.6], "001", 1, abs(0.4 - 1 / 3)),
    "two bins": ([0.1, 0.3, 0.7, 0.9], "0011", 2, (2 * 0.2 + 2 * 0.2) / 4),
    "order is nothing": ([0.9, 0.1, 0.7, 0.3], "1010", 2, (2 * 0.2 + 2 * 0.2) / 4),
    "uneven bins": ([0.1, 0.2, 0.3, 0.8, 0.9], "00111", 2, (3 * abs(0.2 - 1 / 3) + 2 * 0.15) / 5),
    "more bins than films": ([0.25, 0.75], "01", 15, 0.25),
    "errors do not cancel": ([0.3, 0.7], "10", 2, 0.7),
}


@pytest.mark.parametrize("case", TABLES.values(), ids=TABLES)
def test_error_by_hand(case: tuple) -> None:
    probabilities, positives, bins, error = case
    labels = np.array([letter == "1" for letter in positives])
    found = reliability(np.array(probabilities), labels, bins).error
    assert found == pytest.approx(error, abs=1e-12)


@pytest.mark.parametrize(("count", "limit"), [(2_000, 0.04), (50_000, 0.008)])
def test_error_of_perfect_calibration_is_near_0(count: int, limit: float) -> None:
    logits, positives = simulated(count, seed=3)
    assert reliability(sigmoid(logits), positives).error < limit


@pytest.mark.parametrize("bias", [0.05, 0.1, 0.2])
def test_error_of_a_constant_bias_is_that_bias(bias: float) -> None:
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.1, 0.7, 50_000)
    positives = rng.random(truth.size) < truth
    assert reliability(truth + bias, positives).error == pytest.approx(bias, abs=0.01)


@fixed
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60, unique=True),
    st.integers(1, 20),
)
def test_error_is_a_share(films: list[tuple[float, bool]], bins: int) -> None:
    probabilities, positives = (np.array(column) for column in zip(*films, strict=True))
    assert 0 <= reliability(probabilities, positives, bins).error <= 1 + 1e-12


@fixed
@given(
    st.dictionaries(st.floats(0, 1), st.booleans(), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
)
def test_error_does_not_depend_on_the_order(films: dict[float, bool], random: object) -> None:
    rows = list(films.items())
    random.shuffle(rows)  # type: ignore[attr-defined]
    results = [
        reliability(*(np.array(column) for column in zip(*order, strict=True))).error
        for order in (films.items(), rows)
    ]
    assert results[0] == pytest.approx(results[1], abs=1e-12)


@pytest.mark.parametrize("count", [5, 50, 500])
def test_classes_told_apart_are_not_certain(count: int) -> None:
    """n films without a fault say that the next one is right n + 1 in n + 2 times (Laplace)."""
    logits = np.r_[np.linspace(-3, -2, count), np.linspace(2, 3, count)]
    found = fit_calibration(logits, logits > 0)
    surest = sigmoid(logits / found.temperature + found.offset)[logits > 0]
    assert surest.mean() == pytest.approx((count + 1) / (count + 2), abs=0.5 / count)
    assert surest.max() < 1
