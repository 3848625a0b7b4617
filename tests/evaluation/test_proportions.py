from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from xrayscan.evaluation.proportions import CLUSTERED, WILSON, design_effect, proportion
from xrayscan.scoring.wilson import wilson


def test_films_of_patients_of_their_own_are_taken_as_they_are() -> None:
    hits = np.array([True] * 7 + [False] * 13)
    found = proportion(hits, np.ones(20, np.bool_), [str(n) for n in range(20)], "")
    low, high = proportion_confint(7, 20, method="wilson")
    assert (found.value, found.count, found.total, found.method) == (0.35, 7, 20, WILSON)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))


def test_a_patient_whose_films_agree_counts_once() -> None:
    """Every patient's films twice over: the interval of the patients, not of the films."""
    hits = np.repeat(np.array([True] * 7 + [False] * 13), 2)
    patients = np.repeat(np.arange(20).astype(str), 2)
    # variance of the clustered share is 20 / 19 times that of 20 films
    assert design_effect(hits, patients) == pytest.approx(2 * 20 / 19)
    found = proportion(hits, np.ones(40, np.bool_), patients.tolist(), "")
    effective = 20 * 19 / 20
    expected = wilson(0.35 * effective, effective)
    assert found.method == CLUSTERED
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("hits", "patients", "effect"),
    [
        pytest.param("111111111111", "aaaabbbbcccc", 4, id="all hit"),
        pytest.param("000000000000", "aaaabbbbcccc", 4, id="none hit"),
        pytest.param("10", "aa", 2, id="one patient"),
        # variance 2 / 1 * 2 * 0.5^2 / 4^2, of 4 films 0.25 * 0.75 / 4
        pytest.param("1000", "aabb", 4 / 3, id="two patients"),
        pytest.param("1010", "aabb", 1, id="films differ more than patients"),
    ],
)
def test_how_many_films_count_as_one(hits: str, patients: str, effect: float) -> None:
    found = design_effect(np.array([hit == "1" for hit in hits]), np.array(list(patients)))
    assert found == pytest.approx(effect)


def test_nothing_to_count_is_a_sentence() -> None:
    none = np.zeros(3, np.bool_)
    found = proportion(none, none, ["a", "b", "c"], "No film is positive.")
    assert found.facts() == {
        "value": None,
        "interval": None,
        "count": 0,
        "of": 0,
        "why": "No film is positive.",
    }


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.6, 0.9])
def test_clustered_intervals_cover_the_true_share(share: float) -> None:
    """Patients with one to five films that resemble each other: about 95 of 100 intervals hold."""
    rng = np.random.default_rng(3)
    held = 0
    runs = 1500
    for _ in range(runs):
        own = rng.beta(4 * share, 4 * (1 - share), 80)
        owner = np.repeat(np.arange(80), rng.integers(1, 6, 80))
        hits = rng.random(len(owner)) < own[owner]
        found = proportion(hits, np.ones_like(hits), [str(each) for each in owner], "").interval
        assert found is not None
        held += found.low <= share <= found.high
    assert 0.93 <= held / runs <= 0.97
