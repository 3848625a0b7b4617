from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.scoring.recalibration import REACH, Recalibration

shares = st.floats(0, 1)


def test_nothing_said_changes_nothing() -> None:
    assert Recalibration.of_facts(None).changes_nothing
    assert Recalibration().applied(0.123456789) == 0.123456789


def test_by_hand() -> None:
    """logit(0.8) = log 4; halved and raised by log 3 it is log 6: 6 / 7."""
    assert Recalibration(2, math.log(3)).applied(0.8) == pytest.approx(6 / 7)


@given(shares, shares, st.floats(0.1, 20), st.floats(-30, 30))
def test_the_order_stays_and_the_range_holds(
    one: float, other: float, temperature: float, offset: float
) -> None:
    correction = Recalibration(temperature, offset)
    low, high = (correction.applied(each) for each in sorted((one, other)))
    assert 0 <= low <= high <= 1


CURVE = ((-REACH, -6.0), (-1.0, -2.0), (0.0, 1.0), (2.0, 1.5), (REACH, 5.0))


def test_a_curve_by_hand() -> None:
    """Half way between two points in log odds, the result is half way between theirs."""
    found = Recalibration(curve=CURVE)
    assert found.applied(1 / (1 + math.exp(0.5))) == pytest.approx(1 / (1 + math.exp(0.5)))
    assert found.applied(1 / (1 + math.exp(-1))) == pytest.approx(1 / (1 + math.exp(-1.25)))


levels = st.lists(st.floats(-8, 8), min_size=4, max_size=4, unique_by=lambda x: round(x, 3))
curves = st.tuples(levels, levels).map(
    lambda pair: (
        (-REACH, -9.0),
        *zip(*map(sorted, pair), strict=True),
        (REACH, 9.0),
    )
)
corrections = st.builds(Recalibration, st.floats(0.5, 2), st.floats(-3, 3), st.just(()) | curves)


@given(corrections, corrections, st.floats(0.001, 0.999))
def test_one_behind_another_is_one(
    first: Recalibration, second: Recalibration, probability: float
) -> None:
    together = first.then(second)
    assert together.applied(probability) == pytest.approx(
        second.applied(first.applied(probability)), abs=1e-9
    )
    assert Recalibration.of_facts(json.loads(json.dumps(together.facts()))) == together


def test_of_two_curves_in_a_row_the_level_ends_are_left_out() -> None:
    wide = Recalibration(curve=((-2.0, -2.0), (-1.0, -1.0), (0.0, 0.0), (1.0, 1.0), (2.0, 2.0)))
    narrow = Recalibration(curve=((-1.0, -3.0), (1.0, 3.0)))
    assert wide.then(narrow).curve == ((-1.0, -3.0), (0.0, 0.0), (1.0, 3.0))


@given(curves, st.lists(st.integers(1, 999), min_size=2, max_size=9, unique=True))
def test_a_curve_keeps_films_in_order_and_apart(curve, thousandths: list[int]) -> None:
    found = [Recalibration(curve=curve).applied(each / 1000) for each in sorted(thousandths)]
    assert all(one < other for one, other in pairwise(found))


@pytest.mark.parametrize(
    "curve",
    [
        [[0, 0]],
        [[0, 0], [1, 0]],
        [[0, 0], [0, 1]],
        [[0, 1], [1, 0]],
        [[0, 0], [1, math.nan]],
        [[0, 0], [1]],
        [0, 1],
    ],
    ids=["one point", "level", "upright", "falling", "no number", "half a point", "no points"],
)
def test_a_card_with_a_curve_that_does_not_rise_is_no_card(curve) -> None:
    with pytest.raises((TypeError, ValueError)):
        Recalibration.of_facts({"temperature": 1, "offset": 0, "curve": curve})


@pytest.mark.parametrize(
    ("temperature", "offset"),
    [(0, 0), (-1, 0), (math.inf, 0), (math.nan, 0), (1, math.inf), (1, math.nan)],
)
def test_a_card_with_no_temperature_or_no_offset_is_no_card(
    temperature: float, offset: float
) -> None:
    with pytest.raises(ValueError, match="recalibration"):
        Recalibration.of_facts({"temperature": temperature, "offset": offset})
