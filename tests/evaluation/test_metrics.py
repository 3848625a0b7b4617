from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.evaluation import metrics
from xrayscan.scoring.thresholds import operating_curve

fixed = settings(max_examples=100)


def labels(text: str) -> np.ndarray:
    return np.array([letter == "1" for letter in text])


@st.composite
def labelled_sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of both classes, often tied."""
    steps = draw(st.sampled_from([2, 10, 10**6]))
    films = draw(
        st.lists(st.tuples(st.integers(0, steps), st.booleans()), min_size=2, max_size=50).filter(
            lambda films: len({positive for _, positive in films}) == 2
        )
    )
    probabilities, positives = (np.array(column) for column in zip(*films, strict=True))
    return probabilities / steps, positives


AUCS = {
    "separated": ([0.1, 0.2, 0.8, 0.9], "0011", 1.0),
    "upside down": ([0.8, 0.9, 0.1, 0.2], "0011", 0.0),
    "all tied": ([0.5, 0.5, 0.5], "001", 0.5),
    "one tie across": ([0.1, 0.5, 0.5, 0.9], "0011", 7 / 8),
    "one pair turned": ([0.1, 0.2, 0.6, 0.4, 0.8, 0.9], "000111", 8 / 9),
}


@pytest.mark.parametrize("case", AUCS.values(), ids=AUCS)
def test_auc_by_hand(case: tuple) -> None:
    probabilities, positives, expected = case
    assert metrics.auc(np.array(probabilities), labels(positives)) == pytest.approx(expected)


@pytest.mark.parametrize("positives", ["000", "111", ""], ids=["negatives", "positives", "empty"])
def test_one_class_has_no_auc(positives: str) -> None:
    assert np.isnan(metrics.auc(np.linspace(0, 1, len(positives)), labels(positives)))


@fixed
@given(labelled_sets())
def test_agrees_with_scikit_learn(films: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.metrics import average_precision_score, f1_score, precision_score, roc_auc_score

    probabilities, positives = films
    curve = operating_curve(probabilities, positives)
    assert metrics.auc(*films) == pytest.approx(roc_auc_score(positives, probabilities))
    assert metrics.average_precision(curve) == pytest.approx(
        average_precision_score(positives, probabilities)
    )
    for place, threshold in enumerate(curve.thresholds):
        called = probabilities >= threshold
        assert metrics.f1(curve)[place] == pytest.approx(f1_score(positives, called))
        assert metrics.precision(curve)[place] == pytest.approx(
            precision_score(positives, called, zero_division=1)
        )


@fixed
@given(labelled_sets())
def test_the_rules_find_the_peaks(films: tuple[np.ndarray, np.ndarray]) -> None:
    curve = operating_curve(*films)
    for values, point in (
        (metrics.f1(curve), curve.f1()),
        (metrics.youden(curve), curve.youden()),
    ):
        at = int(np.flatnonzero(curve.thresholds == point.threshold)[0])
        assert values[at] == pytest.approx(values.max())


@fixed
@given(labelled_sets(), st.integers(1, 20))
def test_reliability_loses_no_film(films: tuple[np.ndarray, np.ndarray], bins: int) -> None:
    probabilities, positives = films
    found = metrics.reliability(probabilities, positives, bins)
    assert found.count.sum() == len(probabilities)
    assert found.count.max() - found.count.min() <= 1
    assert (np.diff(found.confidence) >= 0).all()
    assert found.frequency @ found.count == pytest.approx(positives.sum())


@fixed
@given(labelled_sets(), st.randoms(use_true_random=False))
def test_films_of_one_probability_have_no_order(
    films: tuple[np.ndarray, np.ndarray], chance: Random
) -> None:
    probabilities, positives = films
    order = chance.sample(range(len(positives)), len(positives))
    again = metrics.reliability(probabilities[order], positives[order])
    assert again.error == pytest.approx(metrics.reliability(*films).error)


def test_calibration_error_by_hand_with_ties() -> None:
    """Half of the films at one half are positive: whatever their order, nothing is wrong."""
    halves = np.full(100, 0.5)
    assert metrics.reliability(halves, np.arange(100) >= 50).error == pytest.approx(0)
    found = metrics.reliability(np.array([0.2, 0.2, 0.2, 0.2, 0.6]), labels("00011"))
    assert found.error == pytest.approx(0.8 * 0.05 + 0.2 * 0.4)


def test_confusion_by_hand() -> None:
    counts = metrics.confusion(called=labels("0011101"), labels=labels("0001111"))
    assert counts.tolist() == [[2, 1], [1, 3]]
    assert metrics.confusion(labels("1"), labels("1")).tolist() == [[0, 0], [0, 1]]
    three = metrics.confusion(np.array([0, 2, 2, 1]), np.array([0, 2, 1, 1]), 3)
    assert three.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert metrics.confusion(np.array([0]), np.array([1]), 3).tolist() == [
        [0] * 3,
        [1, 0, 0],
        [0] * 3,
    ]
