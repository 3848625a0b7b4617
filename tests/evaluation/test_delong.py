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


def alone(count: int) -> list[str]:
    """Patients with one film each."""
    return [str(number) for number in range(count)]


def by_pairs(scores: np.ndarray, positives: np.ndarray) -> tuple[float, float]:
    """AUC and variance, pair by pair as DeLong et al. 1988 write them (eq. 3 and 4)."""
    upper, lower = scores[positives], scores[~positives]
    psi = (upper[:, None] > lower) + 0.5 * (upper[:, None] == lower)
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return float(psi.mean()), float(v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01))


def test_the_published_areas_and_errors() -> None:
    found = areas([SCORE, ALBUMIN, PROTEIN], HELPED, alone(43))
    np.testing.assert_allclose(found.values, [0.7258, 0.7366, 0.6478], atol=5e-5)
    errors = np.sqrt(np.diag(found.covariance))
    np.testing.assert_allclose(errors, [0.1028, 0.0927, 0.1000], atol=5e-5)


def test_the_published_paired_comparison() -> None:
    """Total protein against the K-G score: -0.0780, chi-square 0.5554, p = 0.4561."""
    found = difference(areas([SCORE, ALBUMIN, PROTEIN], HELPED, alone(43)), 2, 0)
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
    found = areas([scores], positives, alone(60))
    value, variance = by_pairs(scores, positives)
    assert found.values[0] == pytest.approx(roc_auc_score(positives, scores), abs=1e-12)
    assert found.values[0] == pytest.approx(value, abs=1e-12)
    assert found.covariance[0, 0] == pytest.approx(variance, rel=1e-9)


def test_what_has_no_spread_has_no_interval() -> None:
    positives = np.array([True, True, False, False])
    for scores in ([0.5] * 4, [0.9, 0.8, 0.1, 0.2]):
        assert areas([np.array(scores)], positives, alone(4)).interval() is None
    single = areas([np.array([0.9, 0.1, 0.2])], np.array([True, False, False]), alone(3))
    assert single.values[0] == 1
    assert single.interval() is None


def test_the_same_order_does_not_differ() -> None:
    found = areas([ALBUMIN, 2 * ALBUMIN - 1], HELPED, alone(43))
    assert difference(found, 0, 1).p == 1
    assert difference(found, 0, 1).value == 0


def test_a_difference_without_spread_has_no_p() -> None:
    positives = np.array([True, True, False, False])
    found = areas([np.array([4.0, 3, 2, 1]), np.array([1.0, 2, 3, 4])], positives, alone(4))
    told = difference(found, 0, 1)
    assert (told.value, told.interval, told.p) == (1, None, None)


@pytest.mark.slow
def test_intervals_cover_the_true_area() -> None:
    """Normal scores one apart: the true AUC is Phi(1 / sqrt 2), and 95 of 100 intervals hold it."""
    rng = np.random.default_rng(8)
    positives = np.arange(120) < 50
    runs = 3000
    found = [
        areas([rng.normal(positives, 1)], positives, alone(120)).interval() for _ in range(runs)
    ]
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
        p = difference(areas(pair, positives, alone(120)), 0, 1).p
        wrong += p is not None and p < 0.05
    assert 0.035 <= wrong / runs <= 0.065


def test_an_interval_stays_within_0_and_1() -> None:
    scores = np.array([0.9, 0.8, 0.3, 0.4, 0.1, 0.2])
    positives = np.array([True, True, True, False, False, False])
    found = areas([scores], positives, alone(6)).interval()
    assert isinstance(found, Interval)
    assert found.high == 1


# -- several films of a patient -------------------------------------------------------------------


def by_patients(scores: np.ndarray, positives: np.ndarray, patients: np.ndarray) -> float:
    """The AUC's variance patient by patient as Obuchowski 1997 writes it."""
    upper, lower = scores[positives], scores[~positives]
    psi = (upper[:, None] > lower) + 0.5 * (upper[:, None] == lower)
    area, m, n = psi.mean(), len(upper), len(lower)
    everyone = sorted(set(patients))
    above = {each: psi[patients[positives] == each].mean(axis=1) - area for each in everyone}
    below = {each: psi[:, patients[~positives] == each].mean(axis=0) - area for each in everyone}
    of_both = [sum(len(part[each]) > 0 for each in everyone) for part in (above, below)]
    s10, s01 = (
        count / (count - 1) / films * sum(part[each].sum() ** 2 for each in everyone)
        for count, films, part in zip(of_both, (m, n), (above, below), strict=True)
    )
    total = len(everyone)
    s11 = total / (total - 1) * sum(above[each].sum() * below[each].sum() for each in everyone)
    return float(s10 / m + s01 / n + 2 * s11 / (m * n))


@pytest.mark.parametrize("seed", range(4))
def test_against_the_sums_over_patients(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positives = rng.random(80) < 0.4
    patients = rng.integers(0, 30, 80).astype(str)
    scores = np.round(rng.normal(positives, 1), 1 if seed % 2 else 6)
    found = areas([scores, scores**3], positives, patients.tolist())
    expected = by_patients(scores, positives, patients)
    np.testing.assert_allclose(found.covariance, np.full((2, 2), expected), rtol=1e-9)


def test_films_twice_say_no_more_than_once() -> None:
    """Obuchowski 1997: copies of a patient's films change nothing, as if they were one."""
    once = areas([ALBUMIN, SCORE], HELPED, alone(43))
    twice = [np.repeat(each, 2) for each in (ALBUMIN, SCORE)]
    found = areas(twice, np.repeat(HELPED, 2), np.repeat(alone(43), 2).tolist())
    np.testing.assert_allclose(found.covariance, once.covariance, rtol=1e-12)


def test_a_class_of_one_patient_shows_no_spread() -> None:
    positives = np.array([True, True, False, False])
    found = areas([np.array([0.9, 0.3, 0.1, 0.5])], positives, ["a", "a", "b", "c"])
    assert found.interval() is None


def alike(rng: np.random.Generator, patients: int, films: int) -> tuple[np.ndarray, np.ndarray]:
    """Two scores of the same AUC whose films of a patient resemble each other; (2, N), (N,)."""
    sick = rng.random(patients) < 0.5
    shared = sick + rng.normal(0, 1, patients)
    own = shared + rng.normal(0, 0.7, (2, patients))
    return np.repeat(own, films, axis=1) + rng.normal(0, 0.2, (2, patients * films)), np.repeat(
        sick, films
    )


@pytest.mark.parametrize("films", [1, 5])
def test_several_films_of_a_patient_neither_narrow_intervals_nor_find_differences(
    films: int,
) -> None:
    """60 patients, true AUC Phi(1 / sqrt(2 * 1.53)); film by film 36 % differ, 62 % cover."""
    rng = np.random.default_rng(11)
    names = np.repeat(alone(60), films).tolist()
    runs, wrong, held = 400, 0, 0
    for _ in range(runs):
        pair, positives = alike(rng, 60, films)
        found = areas(list(pair), positives, names)
        p, interval = difference(found, 0, 1).p, found.interval()
        wrong += p is not None and p < 0.05
        held += interval is not None and interval.low <= 0.716224 <= interval.high
    assert 0.02 <= wrong / runs <= 0.08
    assert 0.92 <= held / runs <= 0.98
