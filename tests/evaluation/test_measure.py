from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from xrayscan.evaluation.by_threshold import at_threshold, decision_curve, threshold_table
from xrayscan.evaluation.counting import counts_of, measures
from xrayscan.evaluation.measure import MeasureOptions, measure
from xrayscan.evaluation.sample import Sample


def sample_of(probabilities: list[float], positives: list[int]) -> Sample:
    patients = tuple(f"p{n}" for n in range(len(positives)))
    return Sample(
        np.array(probabilities, np.float64),
        np.array(positives, np.bool_),
        patients,
        ("NORMAL", "PNEUMONIA"),
    )


def simulated(seed: int, count: int = 160, *, ties: bool = False) -> Sample:
    rng = np.random.default_rng(seed)
    positives = rng.random(count) < 0.4
    probabilities = 1 / (1 + np.exp(-rng.normal(2.0 * positives - 1, 1.2)))
    patients = tuple(str(each) for each in rng.integers(0, count // 2, count))
    return Sample(np.round(probabilities, 1 if ties else 6), positives, patients)


def numbers(facts: Any) -> Iterator[float]:
    if isinstance(facts, dict):
        for value in facts.values():
            yield from numbers(value)
    elif isinstance(facts, list):
        for value in facts:
            yield from numbers(value)
    elif isinstance(facts, float):
        yield facts


def reasons(facts: Any) -> set[str]:
    if isinstance(facts, dict):
        own = {facts["why"]} if "why" in facts else set()
        return own.union(*(reasons(value) for value in facts.values()))
    return set().union(*(reasons(value) for value in facts)) if isinstance(facts, list) else set()


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_measure_against_scikit_learn(seed: int, ties: bool) -> None:
    from sklearn import metrics as sk

    sample = simulated(seed, ties=ties)
    truth, scores = sample.positives, sample.probabilities
    called = scores >= 0.5
    facts = measure(sample, MeasureOptions(0.5))
    at = facts["at_threshold"]
    positive_ratio, negative_ratio = sk.class_likelihood_ratios(truth, called)
    expected = {
        "sensitivity": sk.recall_score(truth, called),
        "specificity": sk.recall_score(~truth, ~called),
        "ppv": sk.precision_score(truth, called),
        "npv": sk.precision_score(~truth, ~called),
        "accuracy": sk.accuracy_score(truth, called),
        "f1": sk.f1_score(truth, called),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, called),
        "matthews": sk.matthews_corrcoef(truth, called),
        "likelihood_ratio_positive": positive_ratio,
        "likelihood_ratio_negative": negative_ratio,
    }
    for name, value in expected.items():
        assert at[name]["value"] == pytest.approx(value, abs=1e-6), name
        low, high = at[name]["interval"]
        assert low <= at[name]["value"] <= high, name
    assert at["confusion"] == sk.confusion_matrix(truth, called).tolist()
    assert facts["ranking"]["auc"]["value"] == pytest.approx(sk.roc_auc_score(truth, scores))
    precision = sk.average_precision_score(truth, scores)
    assert facts["ranking"]["average_precision"]["value"] == pytest.approx(precision, abs=1e-6)
    fixed = facts["ranking"]["sensitivity_at_specificity_0.9"]["value"]
    false, true, _ = sk.roc_curve(truth, scores, drop_intermediate=False)
    assert fixed == pytest.approx(true[false <= 0.1 + 1e-12].max(), abs=1e-6)
    fixed = facts["ranking"]["specificity_at_sensitivity_0.9"]["value"]
    assert fixed == pytest.approx((1 - false)[true >= 0.9 - 1e-12].max(), abs=1e-6)


def test_a_table_by_hand_with_bayes() -> None:
    """Of 100 positives 90 called, of 200 negatives 20; prevalence elsewhere 1 in 100."""
    counts = np.array([180.0, 20, 10, 90])
    found = measures(counts, prevalence=0.01)
    assert found["likelihood_ratio_positive"] == pytest.approx(9)
    assert found["likelihood_ratio_negative"] == pytest.approx(1 / 9)
    assert found["youden"] == pytest.approx(0.8)
    assert found["f1"] == pytest.approx(180 / 210)
    assert found["ppv_at_prevalence"] == pytest.approx(0.009 / (0.009 + 0.099))
    assert found["npv_at_prevalence"] == pytest.approx(0.891 / (0.891 + 0.001))
    root = math.sqrt(110 * 100 * 200 * 190)
    assert found["matthews"] == pytest.approx((90 * 180 - 20 * 10) / root)


def test_counts_of_a_resample() -> None:
    called, positives = np.array([True, False, True]), np.array([True, True, False])
    assert counts_of(called, positives).tolist() == [0, 1, 1, 1]
    assert counts_of(called, positives, np.array([0, 0, 2])).tolist() == [0, 1, 0, 2]


CASES = {
    "nothing at all": ([], []),
    "positives only": ([0.2, 0.6, 0.9], [1, 1, 1]),
    "negatives only": ([0.2, 0.6, 0.9], [0, 0, 0]),
    "three patients": ([0.2, 0.6, 0.9], [0, 1, 1]),
    "one film": ([0.7], [1]),
    "all equal": ([0.5] * 8, [0, 1] * 4),
    "told apart without error": ([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [0, 0, 0, 1, 1, 1]),
    "certain and wrong": ([1.0, 1.0, 0.0, 0.0], [0, 0, 1, 1]),
    "none called": ([0.1, 0.2, 0.3, 0.4], [0, 1, 0, 1]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_poor_sample_gives_sentences_and_no_nan(name: str) -> None:
    facts = measure(sample_of(*CASES[name]), MeasureOptions(0.5, {"youden": 0.4}, 0.05))
    text = json.dumps(facts, allow_nan=False)
    assert all(math.isfinite(value) for value in numbers(json.loads(text)))
    assert all(why.endswith(".") for why in reasons(facts))


def test_the_sentences() -> None:
    facts = measure(sample_of(*CASES["positives only"]), MeasureOptions(0.5))
    why = "All films scored (3) are PNEUMONIA: it takes films of both classes."
    assert facts["ranking"] == {"why": why}
    assert facts["at_threshold"]["specificity"]["why"] == "No film is NORMAL."
    assert facts["at_threshold"]["sensitivity"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    facts = measure(sample_of(*CASES["all equal"]), MeasureOptions(0.5))
    assert facts["ranking"]["auc"]["value"] == 0.5
    assert "equal" in facts["ranking"]["auc"]["why_no_delong"]
    assert "equal" in facts["calibration"]["slope"]["why"]
    assert facts["at_threshold"]["npv"]["why"] == "No film was called negative."
    facts = measure(sample_of(*CASES["told apart without error"]), MeasureOptions(0.5))
    assert facts["ranking"]["auc"]["value"] == 1
    assert facts["ranking"]["auc"]["interval"] is None
    assert "no finite slope" in facts["calibration"]["slope"]["why"]
    ratio = facts["at_threshold"]["likelihood_ratio_positive"]
    assert ratio["value"] is None
    assert "nothing to divide by" in ratio["why"]


@pytest.mark.parametrize(("mistakes", "there"), [(2, False), (10, True)])
def test_a_ratio_that_few_errors_bound_has_no_interval(mistakes: int, there: bool) -> None:
    """Of 100 negatives 2 called: one resample in seven has none, and the ratio no upper limit."""
    said = [0.9] * 90 + [0.1] * 10 + [0.9] * mistakes + [0.1] * (100 - mistakes)
    facts = measure(sample_of(said, [1] * 100 + [0] * 100), MeasureOptions(0.5))
    ratio = facts["at_threshold"]["likelihood_ratio_positive"]
    assert ratio["value"] == pytest.approx(0.9 / (mistakes / 100))
    assert (ratio["interval"] is not None) is there
    assert there or ratio["why"].endswith("or errors.")


def test_a_slope_that_many_resamples_do_not_have_has_no_interval() -> None:
    """One film of 60 on the wrong side: without it the line is upright."""
    probabilities = [*np.linspace(0.05, 0.4, 30), 0.35, *np.linspace(0.6, 0.95, 29)]
    facts = measure(sample_of(probabilities, [0] * 30 + [1] * 30), MeasureOptions(0.5))
    for name in ("slope", "intercept"):
        assert facts["calibration"][name]["value"] is not None
        assert facts["calibration"][name]["interval"] is None


def test_the_sample_of_nothing_says_so() -> None:
    facts = measure(sample_of([], []), MeasureOptions(0.5))
    assert facts["ranking"] == facts["calibration"] == {"why": "No film was scored."}
    assert facts["thresholds"] == facts["decision_curve"] == []


def test_thresholds_are_listed_with_their_names_rising() -> None:
    rows = measure(simulated(1), MeasureOptions(0.42, {"sens=0.95": 0.17}))["thresholds"]
    values = [row["threshold"] for row in rows]
    assert values == sorted(values)
    assert {row["name"] for row in rows} == {"", "in use", "sens=0.95"}
    sensitivities = [row["sensitivity"]["value"] for row in rows]
    assert sensitivities == sorted(sensitivities, reverse=True)


def test_tables_by_hand() -> None:
    """At 0.2, of 4 positives 3 are called and of 6 negatives 2: a miss counts as four alarms."""
    said = [0.9, 0.8, 0.2, 0.1, 0.7, 0.2, 0.1, 0.1, 0.1, 0.1]
    sample = sample_of(said, [1] * 4 + [0] * 6)
    (row,) = (row for row in threshold_table(sample, {"own": 0.2}) if row["name"] == "own")
    expected = {"sensitivity": 3 / 4, "specificity": 4 / 6, "ppv": 3 / 5, "npv": 4 / 5}
    for name, value in expected.items():
        assert row[name]["value"] == pytest.approx(value, abs=1e-6), name
    assert (row["f1"], row["youden"]) == pytest.approx((6 / 9, 5 / 12), abs=1e-6)
    assert row["called_positive_per_1000"] == 500
    curve = decision_curve(sample)
    (point,) = (point for point in curve if point["threshold"] == 0.2)
    assert point["model"] == pytest.approx((3 - 2 / 4) / 10)
    assert point["all"] == pytest.approx((4 - 6 / 4) / 10)
    assert point["none"] == 0


@pytest.mark.slow
def test_bootstrap_intervals_cover_the_true_f1() -> None:
    """Calls right in 85 of 100 positives and 90 of 100 negatives, half of each: F1 is known."""
    true_f1 = 2 * 0.85 / (2 * 0.85 + 0.1 + 0.15)
    rng = np.random.default_rng(4)
    runs, held = 300, 0
    for _ in range(runs):
        positives = np.arange(200) < 100
        right = rng.random(200) < np.where(positives, 0.85, 0.9)
        called = np.where(right, positives, ~positives)
        sample = Sample(called.astype(float), positives, tuple(str(n) for n in range(200)))
        low, high = at_threshold(sample, called)["f1"]["interval"]
        held += low <= true_f1 <= high
    assert 0.92 <= held / runs <= 0.98
