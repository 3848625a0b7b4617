from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from xrayscan.errors import UsageError
from xrayscan.evaluation.bootstrap import (
    Interval,
    auc_interval,
    chosen_threshold_interval,
    distance_interval,
    interval,
    intervals,
    resamples,
    threshold_intervals,
)
from xrayscan.evaluation.metrics import auc, reliability
from xrayscan.scoring.thresholds import RULES, operating_curve

fixed = settings(max_examples=60)
patient_lists = st.lists(
    st.sampled_from(["a", "b", "c\udc80", "d e", "", "é"]), min_size=1, max_size=30
)


def simulated(
    rng: np.random.Generator, patients: int, shared: float = 1.0
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Films of patients: positives are 1.5 higher, a patient's films share a normal deviation."""
    sizes = rng.integers(1, 8, patients)
    owner = np.repeat(np.arange(patients), sizes)
    positives = rng.random(patients) < 0.5
    own = rng.normal(0, shared, patients)[owner] + rng.normal(0, 1, len(owner))
    return own + 1.5 * positives[owner], positives[owner], [str(each) for each in owner]


@fixed
@given(patient_lists, st.integers(0, 5))
def test_patients_are_drawn_whole(patients: list[str], seed: int) -> None:
    films_of = Counter(patients)
    drawn = list(resamples(patients, 20, seed))
    assert len(drawn) == 20
    for films in drawn:
        times = Counter(films.tolist())
        by_patient = {
            name: {times[i] for i, owner in enumerate(patients) if owner == name}
            for name in films_of
        }
        assert all(len(each) == 1 for each in by_patient.values())  # all films equally often
        assert sum(each.pop() for each in by_patient.values()) == len(films_of)


def test_every_patient_has_the_same_chance() -> None:
    patients = ["few"] + ["many"] * 9 + ["some"] * 3
    drawn = Counter(
        patients[film]
        for films in resamples(patients, 4000)
        for film in films
        if film in (0, 1, 10)
    )
    assert all(abs(count - 4000) < 250 for count in drawn.values()), drawn


def test_the_seed_decides() -> None:
    def all_films(seed: int) -> list[list[int]]:
        return [films.tolist() for films in resamples(list("aabbccdd"), 5, seed)]

    assert all_films(1) == all_films(1)
    assert all_films(1) != all_films(2)


def test_agrees_with_scipy_where_every_film_is_a_patient() -> None:
    values = np.random.default_rng(3).exponential(size=200)
    found = interval(lambda films: float(values[films].mean()), [str(i) for i in range(200)], 5000)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(4)
    ).confidence_interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.012)


def test_the_same_film_again_is_no_further_evidence() -> None:
    """Each film ten times over, as films of its patient, changes nothing."""
    scores, positives, patients = simulated(np.random.default_rng(1), 60)
    once = auc_interval(scores, positives, patients, 200)
    again = auc_interval(
        scores.repeat(10), positives.repeat(10), list(np.repeat(patients, 10)), 200
    )
    assert once is not None
    assert again is not None
    assert (again.low, again.high) == pytest.approx((once.low, once.high))


NOTHING_TO_SAY = {
    "no film": ([], lambda films: 1.0),
    "one patient": (["a", "a", "a"], lambda films: 1.0),
    "never a value": (["a", "b", "c"], lambda films: math.nan),
    "a value in fewer than half": (
        list("abcdef"),
        lambda films: 1.0 if films[0] == 0 else math.nan,
    ),
}


@pytest.mark.parametrize("case", NOTHING_TO_SAY.values(), ids=NOTHING_TO_SAY)
def test_no_interval_where_nothing_can_be_said(case: tuple) -> None:
    patients, statistic = case
    assert interval(statistic, patients, 100) is None


def test_resamples_without_a_value_are_left_out() -> None:
    found = interval(lambda films: math.nan if films[0] == 0 else 2.0, list("abcdef"), 100)
    assert found == Interval(2.0, 2.0)


@pytest.mark.parametrize(
    ("share", "there"), [(0.0, True), (0.01, True), (0.05, False), (0.3, False), (1.0, False)]
)
def test_resamples_without_a_limit_are_not_left_out(share: float, there: bool) -> None:
    """Where more than 25 in 1,000 have none, neither has the upper end."""
    values = iter([math.inf] * round(1000 * share) + [1.0, 2.0] * 500)
    found = intervals(lambda films: {"ratio": next(values)}, list("abcdef"))
    assert ("ratio" in found) is there
    assert not there or found["ratio"] == Interval(1.0, 2.0)


@pytest.mark.parametrize("rule", RULES)
def test_intervals_lie_about_what_was_measured(rule: str) -> None:
    scores, positives, patients = simulated(np.random.default_rng(2), 250)
    probabilities = NormalDist().cdf
    scores = np.array([probabilities(score) for score in scores])
    point = operating_curve(scores, positives).by_rule(rule)
    found = threshold_intervals(scores, positives, patients, point.threshold)
    assert list(found) == ["sensitivity", "specificity"]
    assert found["sensitivity"].low < point.sensitivity < found["sensitivity"].high
    assert found["specificity"].low < point.specificity < found["specificity"].high
    chosen = chosen_threshold_interval(rule, scores, positives, patients)
    assert chosen is not None
    assert chosen.low <= point.threshold <= chosen.high
    assert chosen.low < chosen.high


def test_no_error_seen_is_not_no_error() -> None:
    """Where every resample gives 1 or 0, the exact interval of so many patients stands in."""
    positives = np.array([True] * 30 + [False] * 20)
    patients = [str(film // 2) for film in range(50)]
    perfect = threshold_intervals(positives.astype(float), positives, patients, 0.5)
    hopeless = threshold_intervals(1 - positives.astype(float), positives, patients, 0.5)
    for name, count in (("sensitivity", 15), ("specificity", 10)):
        for found, right in ((perfect[name], count), (hopeless[name], 0)):
            exact = stats.binomtest(right, count).proportion_ci(method="exact")
            assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize("positive", [True, False])
def test_a_missing_class_has_no_rate(positive: bool) -> None:
    positives = np.full(6, positive)
    found = threshold_intervals(np.linspace(0, 1, 6), positives, list("abcdef"), 0.5)
    assert list(found) == ["sensitivity" if positive else "specificity"]


def test_a_threshold_between_separated_classes_moves_only_between_their_edges() -> None:
    probabilities = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9] * 5)
    patients = [str(film) for film in range(30)]
    found = chosen_threshold_interval("youden", probabilities, probabilities > 0.5, patients)
    assert found is not None
    assert 0.4 < found.low <= 0.5 <= found.high < 0.6


def test_of_few_patients_some_resamples_lack_a_class() -> None:
    """They choose no threshold, and end nothing."""
    probabilities = np.array([0.1, 0.2, 0.8, 0.9])
    found = chosen_threshold_interval("youden", probabilities, probabilities > 0.5, list("abcd"))
    assert found is not None
    assert 0.4 < found.low <= 0.5 <= found.high < 0.6


def test_an_unknown_rule_is_a_fault_of_usage() -> None:
    with pytest.raises(UsageError, match="not a rule"):
        chosen_threshold_interval("best", np.array([0.1, 0.9] * 9), np.array([0, 1] * 9) > 0,
                                  [str(film) for film in range(18)])  # fmt: skip


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """95 % of the intervals hold the true AUC; drawn film by film, many fewer would."""
    rng = np.random.default_rng(0)
    truth = NormalDist().cdf(1.5 / 2)  # difference of two films: mean 1.5, variance 2 (1 + 1)
    sets = 400
    covered = naive = 0
    for _ in range(sets):
        scores, positives, patients = simulated(rng, 120)
        found = auc_interval(scores, positives, patients, 400)
        alone = auc_interval(scores, positives, [str(film) for film in range(len(scores))], 400)
        assert found is not None
        assert alone is not None
        covered += found.low <= truth <= found.high
        naive += alone.low <= truth <= alone.high
    assert 0.91 <= covered / sets <= 0.98, covered / sets
    assert naive / sets < 0.85, naive / sets


def test_a_thousand_resamples_are_quick() -> None:
    """Once per measure and fit; the limit is generous, a curve per resample would exceed it."""
    import time

    scores, positives, patients = simulated(np.random.default_rng(5), 200)
    auc(scores, positives)  # imports
    start = time.perf_counter()
    auc_interval(scores, positives, patients)
    assert time.perf_counter() - start < 5


# -- a mean distance -----------------------------------------------------------------------------


@pytest.mark.parametrize(("true", "steepness"), [(0.0, 1.0), (0.0993, 0.5)])
def test_the_interval_of_a_calibration_error_holds_estimate_and_truth(
    true: float, steepness: float
) -> None:
    """Percentiles hold the estimate in 74 of 100 samples, and a true error of 0 in none."""
    rng = np.random.default_rng(4)
    patients = [str(n) for n in range(300)]
    runs, own, held = 60, 0, 0
    for _ in range(runs):
        said = np.round(rng.beta(0.7, 0.7, 300), 6).clip(1e-6, 1 - 1e-6)
        positives = rng.random(300) < 1 / (1 + (1 / said - 1) ** steepness)

        def error(films: np.ndarray) -> float:
            return reliability(said[films], positives[films]).error  # noqa: B023

        found = distance_interval(error, patients, 200)
        assert found is not None
        own += found.low <= error(np.arange(300)) <= found.high
        held += found.low <= true <= found.high
    assert own == runs
    assert held / runs >= 0.88


def test_a_distance_of_nothing() -> None:
    assert distance_interval(lambda films: 0.2, ["a", "a"]) is None
    assert distance_interval(lambda films: 0.7, ["a", "b"]) == Interval(0.7, 0.7)


@pytest.mark.parametrize("turned", [False, True], ids=["all right", "all wrong"])
def test_an_auc_without_error_has_no_interval(turned: bool) -> None:
    probabilities = np.linspace(0.1, 0.9, 8)
    positives = (probabilities > 0.5) ^ turned
    assert auc_interval(probabilities, positives, [str(film) for film in range(8)]) is None
