from __future__ import annotations

import numpy as np
import pytest

from xrayscan.evaluation.bootstrap import Interval
from xrayscan.evaluation.delong import areas, difference

# The data of DeLong et al. 1988: albumin, total protein, 10 less the K-G score, and whether surgery
# helped, of 49 patients; with the results that SAS prints of it (SAS/STAT User's Guide, LOGISTIC,
# "Comparing Receiver Operating Characteristic Curves").
PATIENTS = np.array(
    [
        "3.0",
        "5.8",
        "10",
        "0",
        "3.2",
        "6.3",
        "5",
        "1",
        "3.9",
        "6.8",
        "3",
        "1",
        "2.8",
        "4.8",
        "6",
        "0",
        "3.2",
        "5.8",
        "3",
        "1",
        "0.9",
        "4.0",
        "5",
        "0",
        "2.5",
        "5.7",
        "8",
        "0",
        "1.6",
        "5.6",
        "5",
        "1",
        "3.8",
        "5.7",
        "5",
        "1",
        "3.7",
        "6.7",
        "6",
        "1",
        "3.2",
        "5.4",
        "4",
        "1",
        "3.8",
        "6.6",
        "6",
        "1",
        "4.1",
        "6.6",
        "5",
        "1",
        "3.6",
        "5.7",
        "5",
        "1",
        "4.3",
        "7.0",
        "4",
        "1",
        "3.6",
        "6.7",
        "4",
        "0",
        "2.3",
        "4.4",
        "6",
        "1",
        "4.2",
        "7.6",
        "4",
        "0",
        "4.0",
        "6.6",
        "6",
        "0",
        "3.5",
        "5.8",
        "6",
        "1",
        "3.8",
        "6.8",
        "7",
        "1",
        "3.0",
        "4.7",
        "8",
        "0",
        "4.5",
        "7.4",
        "5",
        "1",
        "3.7",
        "7.4",
        "5",
        "1",
        "3.1",
        "6.6",
        "6",
        "1",
        "4.1",
        "8.2",
        "6",
        "1",
        "4.3",
        "7.0",
        "5",
        "1",
        "4.3",
        "6.5",
        "4",
        "1",
        "3.2",
        "5.1",
        "5",
        "1",
        "2.6",
        "4.7",
        "6",
        "1",
        "3.3",
        "6.8",
        "6",
        "0",
        "1.7",
        "4.0",
        "7",
        "0",
        "3.7",
        "6.1",
        "5",
        "1",
        "3.3",
        "6.3",
        "7",
        "1",
        "4.2",
        "7.7",
        "6",
        "1",
        "3.5",
        "6.2",
        "5",
        "1",
        "2.9",
        "5.7",
        "9",
        "0",
        "2.1",
        "4.8",
        "7",
        "1",
        "2.8",
        "6.2",
        "8",
        "0",
        "4.0",
        "7.0",
        "7",
        "1",
        "3.3",
        "5.7",
        "6",
        "1",
        "3.7",
        "6.9",
        "5",
        "1",
        "3.6",
        "6.6",
        "5",
        "1",
    ],
    np.float64,
).reshape(-1, 4)
ALBUMIN, PROTEIN, SCORE = PATIENTS[:, 0], PATIENTS[:, 1], 10 - PATIENTS[:, 2]
HELPED = PATIENTS[:, 3] == 1


def by_pairs(scores: np.ndarray, positives: np.ndarray) -> tuple[float, float]:
    """AUC and variance, pair by pair as DeLong et al. 1988 write them (eq. 3 and 4)."""
    upper, lower = scores[positives], scores[~positives]
    psi = (upper[:, None] > lower) + 0.5 * (upper[:, None] == lower)
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return float(psi.mean()), float(v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01))


def test_the_published_areas_and_errors() -> None:
    found = areas([SCORE, ALBUMIN, PROTEIN], HELPED)
    np.testing.assert_allclose(found.values, [0.7258, 0.7366, 0.6478], atol=5e-5)
    errors = np.sqrt(np.diag(found.covariance))
    np.testing.assert_allclose(errors, [0.1028, 0.0927, 0.1000], atol=5e-5)


def test_the_published_paired_comparison() -> None:
    """Total protein against the K-G score: -0.0780, chi-square 0.5554, p = 0.4561."""
    found = difference(areas([SCORE, ALBUMIN, PROTEIN], HELPED), 2, 0)
    assert found.value == pytest.approx(-0.0780, abs=5e-5)
    assert found.p == pytest.approx(0.4561, abs=5e-5)
    assert found.interval is not None
    half = (found.interval.high - found.interval.low) / 2
    assert (1.959964 * found.value / half) ** 2 == pytest.approx(0.5554, abs=2e-3)


@pytest.mark.parametrize("seed", range(6))
def test_against_pairs_and_scikit_learn_with_ties(seed: int) -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(seed)
    positives = rng.random(60) < 0.4
    scores = np.round(rng.normal(positives, 1), 1 if seed % 2 else 6)
    found = areas([scores], positives)
    value, variance = by_pairs(scores, positives)
    assert found.values[0] == pytest.approx(roc_auc_score(positives, scores), abs=1e-12)
    assert found.values[0] == pytest.approx(value, abs=1e-12)
    assert found.covariance[0, 0] == pytest.approx(variance, rel=1e-9)


def test_what_has_no_spread_has_no_interval() -> None:
    positives = np.array([True, True, False, False])
    for scores in ([0.5] * 4, [0.9, 0.8, 0.1, 0.2]):
        assert areas([np.array(scores)], positives).interval() is None
    alone = areas([np.array([0.9, 0.1, 0.2])], np.array([True, False, False]))
    assert alone.values[0] == 1
    assert alone.interval() is None


def test_the_same_order_does_not_differ() -> None:
    found = areas([ALBUMIN, 2 * ALBUMIN - 1], HELPED)
    assert difference(found, 0, 1).p == 1
    assert difference(found, 0, 1).value == 0


def test_a_difference_without_spread_has_no_p() -> None:
    positives = np.array([True, True, False, False])
    found = areas([np.array([4.0, 3, 2, 1]), np.array([1.0, 2, 3, 4])], positives)
    told = difference(found, 0, 1)
    assert (told.value, told.interval, told.p) == (1, None, None)


@pytest.mark.slow
def test_intervals_cover_the_true_area() -> None:
    """Normal scores one apart: the true AUC is Phi(1 / sqrt 2), and 95 of 100 intervals hold it."""
    rng = np.random.default_rng(8)
    positives = np.arange(120) < 50
    runs = 3000
    found = [areas([rng.normal(positives, 1)], positives).interval() for _ in range(runs)]
    held = sum(each is not None and each.low <= 0.7602499 <= each.high for each in found)
    assert 0.935 <= held / runs <= 0.965


@pytest.mark.slow
def test_the_test_of_equal_areas_errs_as_often_as_it_says() -> None:
    rng = np.random.default_rng(9)
    positives = np.arange(120) < 50
    runs, wrong = 2000, 0
    for _ in range(runs):
        shared = rng.normal(positives, 0.7)
        pair = [shared + rng.normal(0, 0.7, 120) for _ in range(2)]
        p = difference(areas(pair, positives), 0, 1).p
        wrong += p is not None and p < 0.05
    assert 0.035 <= wrong / runs <= 0.065


def test_an_interval_stays_within_0_and_1() -> None:
    scores = np.array([0.9, 0.8, 0.3, 0.4, 0.1, 0.2])
    found = areas([scores], np.array([True, True, True, False, False, False])).interval()
    assert isinstance(found, Interval)
    assert found.high == 1
