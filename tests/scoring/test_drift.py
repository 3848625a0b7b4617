from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xrayscan.records import DISTANCE_BINS, PROBABILITY_BINS, distance_bin
from xrayscan.scoring.drift import (
    FALSE_ALARM,
    Distribution,
    find_drift,
    largest_difference,
    smirnov,
)


def night(
    rng: np.random.Generator, films: int, shift: float = 0.0, tilt: float = 0.0
) -> Distribution:
    distances = np.clip(rng.normal(0.65 + shift, 0.12, films), 0, None)
    probabilities = np.clip(rng.beta(0.5, 1.5, films) + tilt, 0, 0.999)
    return Distribution(
        np.bincount(
            (probabilities * PROBABILITY_BINS).astype(int), minlength=PROBABILITY_BINS
        ).tolist(),
        np.bincount([distance_bin(each) for each in distances], minlength=DISTANCE_BINS).tolist(),
    )


def test_nights_like_the_others_seldom_alarm() -> None:
    """The stated rate, for a whole night of three tests, with nights of many sizes."""
    rng = np.random.default_rng(1)
    training = night(rng, 1000).distances
    alarms = 0
    for _ in range(400):
        earlier = [night(rng, int(size)) for size in rng.integers(20, 300, 10)]
        alarms += bool(find_drift(night(rng, int(rng.integers(30, 400))), training, earlier))
    # of 400 nights at 1 in 100, more than 11 come with a chance of 1 in 1,000
    assert alarms <= 11


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"shift": 0.15}, ["validation patients", "earlier nights"], id="scanner"),
        pytest.param({"shift": -0.15}, ["validation patients", "earlier nights"], id="nearer"),
        pytest.param({"tilt": 0.3}, ["probabilities are spread otherwise"], id="patients"),
        pytest.param({}, [], id="nothing"),
    ],
)
def test_what_has_changed_is_said(change: dict[str, float], words: list[str]) -> None:
    rng = np.random.default_rng(2)
    training = night(rng, 1000).distances
    earlier = [night(rng, 100) for _ in range(5)]
    said = find_drift(night(rng, 150, **change), training, earlier)
    assert len(said) == len(words)
    for sentence, word in zip(said, words, strict=True):
        assert sentence.startswith("drift: tonight's ")
        assert "further" not in sentence  # D has no direction
        assert word in sentence


@pytest.mark.parametrize("films", [0, 1, 29])
def test_few_films_tell_nothing(films: int) -> None:
    rng = np.random.default_rng(3)
    assert find_drift(night(rng, films, shift=1.0), night(rng, 900).distances, []) == ()


@pytest.mark.parametrize(("films", "earlier", "told"), [(30, 100, 3), (29, 100, 0), (30, 99, 1)])
def test_how_many_films_it_takes(films: int, earlier: int, told: int) -> None:
    rng = np.random.default_rng(3)
    before, tonight = night(rng, earlier), night(rng, films, shift=1.0, tilt=0.5)
    assert len(find_drift(tonight, night(rng, 900).distances, [before])) == told


def test_a_difference_too_small_for_a_person_s_morning_is_not_said() -> None:
    rng = np.random.default_rng(3)
    before, tonight = night(rng, 9000), night(rng, 9000, shift=0.03)
    assert smirnov(largest_difference(tonight.distances, before.distances), 9000, 9000) < 1e-6
    assert find_drift(tonight, before.distances, [before]) == ()


@pytest.mark.parametrize("recent", [30, 29])
def test_thirty_nights_are_looked_back_upon(recent: int) -> None:
    """Before them, films were others in their thousands."""
    rng = np.random.default_rng(3)
    earlier = [night(rng, 9000, shift=0.3), *(night(rng, 100) for _ in range(recent))]
    assert bool(find_drift(night(rng, 150), [], earlier)) is (recent < 30)


def test_models_without_a_reference_and_first_nights_are_no_fault() -> None:
    assert find_drift(night(np.random.default_rng(4), 100), [], []) == ()


@pytest.mark.parametrize(("first", "second"), [(40, 60), (200, 1000), (30, 30)])
def test_smirnov_agrees_with_scipy(first: int, second: int) -> None:
    """On unbinned samples, where the series is meant for; D by hand from the same samples."""
    rng = np.random.default_rng(5)
    for shift in (0.0, 0.1, 0.3):
        a, b = rng.normal(0, 1, first), rng.normal(shift, 1, second)
        reference = stats.ks_2samp(a, b, method="exact")
        mine = smirnov(float(reference.statistic), first, second)
        assert mine == pytest.approx(reference.pvalue, abs=0.06)


@pytest.mark.parametrize("difference", [0.0, 0.001, 0.02, 0.05, 0.2, 0.3, 1.0])
def test_smirnov_by_its_series(difference: float) -> None:
    """For 40 and 60 films with Stephens' correction; SciPy sums the same series."""
    reach = (24**0.5 + 0.12 + 0.11 / 24**0.5) * difference
    assert smirnov(difference, 40, 60) == pytest.approx(stats.kstwobign.sf(reach), abs=1e-9)


def of_probabilities(low: int, high: int, distances: tuple[int, int] = (0, 0)) -> Distribution:
    return Distribution((low, high), distances)


ALIKE = (500, 500)  # distances of a night that lies like the others
BY_HAND = {
    # (tonight, earlier nights, distances of validation patients, alarms); 1000 films earlier
    "chance explains it": (of_probabilities(18, 12), of_probabilities(400, 600), (), 0),
    "one test": (of_probabilities(58, 42), of_probabilities(400, 600), (), 1),
    "one of three tests": (of_probabilities(58, 42, (50, 50)), of_probabilities(400, 600, ALIKE),
                           ALIKE, 0),
    "large enough to say": (of_probabilities(5600, 4400), of_probabilities(400, 600), (), 1),
    "too small to say": (of_probabilities(5400, 4600), of_probabilities(400, 600), (), 0),
}  # fmt: skip


@pytest.mark.parametrize(
    ("tonight", "earlier", "training", "alarms"), BY_HAND.values(), ids=BY_HAND
)
def test_what_alarms_by_hand(
    tonight: Distribution, earlier: Distribution, training: tuple[int, ...], alarms: int
) -> None:
    """D = .18 of 100 and 1000 films has p = .005: less than .01, not than a third of it."""
    assert len(find_drift(tonight, training, [earlier])) == alarms


def test_difference_of_histograms() -> None:
    assert largest_difference([1, 0], [0, 1]) == 1
    assert largest_difference([2, 2], [10, 10]) == 0
    assert largest_difference([3, 1], [1, 3]) == pytest.approx(0.5)


def test_the_rate_is_stated() -> None:
    assert FALSE_ALARM == 0.01
