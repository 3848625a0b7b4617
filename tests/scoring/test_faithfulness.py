from __future__ import annotations

from dataclasses import astuple, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.looking import brightness, film, true_map
from xrayscan.records import HeatMap
from xrayscan.scoring.faithfulness import (
    Chance,
    Mark,
    blurred,
    learn_chance,
    mark,
    quick_marks,
    without_hottest,
)

FLAT = np.full((7, 7), 0.3, np.float32)
# What blurring fifths by chance does to ``brightness``, about.
CHANCE = Chance(intercept=0.0, slope=0.8, between=0.2, within=0.7)


@given(st.integers(16, 300), st.integers(0, 2**32 - 1))
def test_a_film_is_blurred_as_opencv_blurs(side: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).uniform(0, 255, (side, side)).astype(np.float32)
    np.testing.assert_allclose(
        blurred(pixels), cv2.GaussianBlur(pixels, (0, 0), 0.1 * side), atol=1e-3
    )


def of_film(heat: np.ndarray) -> HeatMap:
    return HeatMap(film(), heat, float(brightness(film()[None])[0]))


def quick_mark(logits, film: np.ndarray, heat: np.ndarray) -> Mark:
    (found,) = quick_marks(logits, [HeatMap(film, heat, float(logits(film[None])[0]))], CHANCE)
    return found


def unlearnt_mark(logits, film: np.ndarray, heat: np.ndarray) -> Mark:
    (found,) = quick_marks(logits, [HeatMap(film, heat, np.nan)], None)
    return found


@pytest.mark.parametrize("test", [mark, quick_mark, unlearnt_mark])
def test_the_mark_of_a_true_a_false_and_a_flat_map(test) -> None:
    true, false = (test(brightness, film(), heat) for heat in (true_map(), 1 - true_map()))
    assert (true.reliable, true.words) == (True, "test passed")
    assert true.beaten > 0.98
    assert (false.reliable, false.words) == (False, "not reliable")
    assert not test(brightness, film(), np.full((7, 7), 0.3, np.float32)).reliable


@pytest.mark.parametrize(
    ("heat", "expected", "passes"),
    [
        (true_map(), 5.0, [1]),
        (true_map(), 0.4, [1, 2]),
        (true_map(), -0.2, [1]),
        (true_map(), None, [5]),
        (FLAT, 5.0, []),
        (FLAT, None, []),
    ],
    ids=["clearly better", "open", "worse", "not learnt", "flat", "flat, not learnt"],
)
def test_a_quick_mark_takes_as_many_passes_as_it_needs(
    heat: np.ndarray, expected: float | None, passes: list[int]
) -> None:
    """Nothing is left of the logit, whatever is blurred away."""
    chance = None if expected is None else Chance(expected, 0.0, between=0.2, within=0.7)
    asked: list[int] = []

    def nothing(films: np.ndarray) -> np.ndarray:
        asked.append(len(films))
        return np.zeros(len(films))

    quick_marks(nothing, [of_film(heat)], chance)
    assert asked == passes
    quick_marks(nothing, [of_film(heat)] * 3, chance)
    assert asked == passes + [3 * each for each in passes], "all at once"


@pytest.mark.parametrize(("beaten", "reliable"), [(16, True), (15, False)])
def test_a_mark_by_hand(beaten: int, reliable: bool) -> None:
    """Four in five of twenty are enough; the first of them counts as the others do."""
    others = [1.0] * beaten + [-1.0] * (20 - beaten)
    found = mark(in_turn(0.0, *others), film(), true_map())
    assert found == Mark(beaten / 20)
    assert found.reliable is reliable


def test_a_fifth_of_the_film_is_taken_from_the_blurred_one() -> None:
    changed = without_hottest(film() + 1, np.zeros_like(film()), true_map())
    assert np.mean(changed == 0) == pytest.approx(0.2, abs=1e-3)


def test_a_map_of_a_model_that_sees_nothing_beats_none() -> None:
    assert mark(lambda films: np.zeros(len(films)), film(), true_map()) == Mark(0.0)


def test_a_mark_takes_twenty_one_passes() -> None:
    asked: list[int] = []
    mark(lambda films: asked.append(len(films)) or brightness(films), film(), true_map())
    assert asked == [21]


@pytest.mark.parametrize("chance", [CHANCE, None], ids=["learnt", "not"])
def test_quick_marks_are_those_of_each_map_alone(chance) -> None:
    """A flat map among them, which needs no pass at all."""
    maps = [of_film(heat) for heat in (true_map(), FLAT, 1 - true_map())]
    together = quick_marks(brightness, maps, chance)
    assert together == [quick_marks(brightness, [each], chance)[0] for each in maps]
    assert together[1] == Mark(0.0)
    assert quick_marks(brightness, [], chance) == []


def in_turn(*left: float):
    """A model that says these logits, film by film, in the order in which films are asked."""
    rest = list(left)
    return lambda films: np.array([rest.pop(0) for _ in films])


def test_an_unlearnt_mark_by_hand() -> None:
    """Others at 1, 2, 3, 4: mean 2.5, deviation 1.29; the map itself one deviation below."""
    others = np.array([1.0, 2, 3, 4])
    own = 2.5 - others.std(ddof=1)
    found = unlearnt_mark(in_turn(own, *others), film(), true_map())
    assert found.beaten == pytest.approx(0.8413, abs=1e-4)


@pytest.mark.parametrize(
    ("others", "reliable"), [((9.0, 9.0), True), ((-9.0, -9.0), False)], ids=["above", "below"]
)
def test_two_others_decide_where_chance_leaves_it_open(others, reliable: bool) -> None:
    """The line expects .4 more than is left: about seven in ten are beaten."""
    chance = Chance(0.4, 0.0, between=0.5, within=0.5)
    heat_map = HeatMap(film(), true_map(), 0.0)
    (found,) = quick_marks(in_turn(0.0, *others), [heat_map], chance)
    assert found.reliable is reliable


def test_what_chance_lets_expect_by_hand() -> None:
    """Line at 1 + 0.5 * 2 = 2, one other at 5.

    Variances 4 between and 1 within: the line counts 1 / (1 + 4) = .2: 4.4 is expected, with
    variance 1 + .2 * 4 = 1.8. One deviation below that is beaten by 84 %.
    """
    chance = Chance(intercept=1.0, slope=0.5, between=2.0, within=1.0)
    found = chance.beaten(4.4 - 1.8**0.5, 2.0, np.array([5.0]))
    assert found == pytest.approx(0.8413, abs=1e-4)


def test_two_others_count_by_their_mean() -> None:
    """As above with 4 and 6: the line counts 1 / (1 + 8), 14 / 3 is expected, variance 13 / 9."""
    chance = Chance(intercept=1.0, slope=0.5, between=2.0, within=1.0)
    found = chance.beaten(14 / 3 - (13 / 9) ** 0.5, 2.0, np.array([4.0, 6.0]))
    assert found == pytest.approx(0.8413, abs=1e-4)


@pytest.mark.parametrize(
    ("between", "within", "expected"),
    [(0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 0.0, 5.0)],
    ids=["neither", "films are alike", "fifths are alike"],
)
def test_chance_without_a_width(between: float, within: float, expected: float) -> None:
    """Where films do not differ the line says it, where fifths do not the other map."""
    chance, others = Chance(1.0, 0.0, between, within), np.array([5.0])
    assert chance.beaten(expected - 9, 3.0, others) == pytest.approx(1.0)
    assert chance.beaten(expected + 9, 3.0, others) == pytest.approx(0.0)
    assert (
        chance.beaten(expected - 0.01, 3.0, others)
        > 0.5
        > chance.beaten(expected + 0.01, 3.0, others)
    )


def test_without_others_the_line_says_it_all() -> None:
    """Line at 2, variance 4 + 1: one deviation below is beaten by 84 %."""
    chance = Chance(intercept=1.0, slope=0.5, between=2.0, within=1.0)
    assert chance.beaten(2 - 5**0.5, 2.0, np.empty(0)) == pytest.approx(0.8413, abs=1e-4)


NUMBERS = st.floats(-20, 20)


@given(NUMBERS, NUMBERS, NUMBERS, st.floats(0, 5), st.floats(0.01, 5), st.floats(0, 5))
def test_more_is_beaten_by_less_left(
    own: float, film: float, other: float, between: float, within: float, less: float
) -> None:
    chance = Chance(0.5, 0.6, between, within)
    before = chance.beaten(own, film, np.array([other]))
    assert 0 <= before <= chance.beaten(own - less, film, np.array([other])) <= 1


def drawn_chance(chance: Chance, films: int, seed: int) -> tuple[list[HeatMap], object]:
    """Maps and a model that does to films what a chance says, by the films' own darkest pixel."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, films)
    means = chance.intercept + chance.slope * logits + rng.normal(0, chance.between, films)
    maps = [
        HeatMap(np.full((56, 56), number, np.float32), true_map(), logits[number])
        for number in range(films)
    ]

    def model(changed: np.ndarray) -> np.ndarray:
        of = changed[:, 0, 0].round().astype(int)
        return means[of] + rng.normal(0, chance.within, len(changed))

    return maps, model


def test_a_known_chance_is_learnt() -> None:
    known = Chance(intercept=0.7, slope=0.6, between=0.6, within=0.9)
    maps, model = drawn_chance(known, 2000, seed=1)
    found = learn_chance(model, maps)
    assert found is not None
    for name in ("intercept", "slope", "between", "within"):
        assert getattr(found, name) == pytest.approx(getattr(known, name), abs=0.06), name


def test_a_chance_by_hand() -> None:
    """Ten films, as few as can be, with two fifths each: the line of means, and what is around."""
    before = np.arange(10.0)
    left = np.random.default_rng(5).normal(before[:, None] / 2, 1, (10, 2))
    slope, intercept = np.polyfit(before, left.mean(axis=1), 1)
    around = ((left.mean(axis=1) - intercept - slope * before) ** 2).sum() / 8
    within = left.var(axis=1, ddof=1).mean()
    found = learn_chance(
        in_turn(*left.ravel()), [replace(of_film(true_map()), log_odds=each) for each in before]
    )
    expected = (intercept, slope, (around - within / 2) ** 0.5, within**0.5)
    assert astuple(found) == pytest.approx(expected)


def test_each_film_teaches_by_places_of_its_own() -> None:
    asked: list[np.ndarray] = []
    learn_chance(lambda films: asked.append(films) or brightness(films), [of_film(true_map())] * 2)
    assert not np.array_equal(*asked)


def test_films_that_do_not_differ_leave_no_width_between_them() -> None:
    maps, model = drawn_chance(Chance(0.0, 1.0, 0.0, 1.0), 30, seed=2)
    found = learn_chance(model, maps)
    assert found is not None
    assert 0 <= found.between < 0.5


def test_too_few_maps_with_heat_teach_nothing() -> None:
    maps, model = drawn_chance(CHANCE, 9, seed=3)
    flat = [HeatMap(each.film, FLAT, each.log_odds) for each in maps]
    assert learn_chance(model, maps + flat) is None
    assert learn_chance(model, []) is None


@pytest.mark.parametrize(("own", "reliable"), [(-1.0, True), (0.0, False), (1.0, False)])
def test_others_that_are_all_alike(own: float, reliable: bool) -> None:
    found = unlearnt_mark(in_turn(own, 0, 0, 0, 0), film(), true_map())
    assert found.reliable is reliable


def test_maps_that_know_nothing_pass_no_oftener_than_one_in_three() -> None:
    """By chance alone: 5 in 21 for twenty other places, about one in four for four."""
    chance = np.random.default_rng(3)
    heats = chance.random((300, 7, 7)).astype(np.float32)
    noise = lambda films: chance.normal(size=len(films))  # noqa: E731
    unlearnt = np.mean([unlearnt_mark(noise, film(), heat).reliable for heat in heats])
    counted = np.mean([mark(noise, film(), heat).reliable for heat in heats])
    assert unlearnt == pytest.approx(0.25, abs=0.07)
    assert counted == pytest.approx(5 / 21, abs=0.07)


def test_where_chance_is_known_one_in_five_that_know_nothing_pass() -> None:
    maps, model = drawn_chance(CHANCE, 1500, seed=4)
    found = [each.reliable for each in quick_marks(model, maps, CHANCE)]
    assert np.mean(found) == pytest.approx(0.2, abs=0.04)
