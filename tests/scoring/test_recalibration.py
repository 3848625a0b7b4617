from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.scoring.recalibration import Recalibration

shares = st.floats(0, 1)


def test_nothing_said_changes_nothing() -> None:
    assert Recalibration.of_facts(None).changes_nothing
    assert Recalibration().applied(0.123456789) == 0.123456789


def test_by_hand() -> None:
    """logit(0.8) = log 4; halved and raised by log 3 it is log 6: 6 / 7."""
    assert Recalibration(2, math.log(3)).applied(0.8) == pytest.approx(6 / 7)


@settings(derandomize=True)
@given(shares, shares, st.floats(0.1, 20), st.floats(-30, 30))
def test_the_order_stays_and_the_range_holds(
    one: float, other: float, temperature: float, offset: float
) -> None:
    correction = Recalibration(temperature, offset)
    low, high = (correction.applied(each) for each in sorted((one, other)))
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("temperature", [0, -1, math.inf, math.nan])
def test_a_card_with_no_temperature_is_no_card(temperature: float) -> None:
    with pytest.raises(ValueError, match="recalibration"):
        Recalibration.of_facts({"temperature": temperature, "offset": 0})
