from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.evaluation.calibration import targets
from xrayscan.evaluation.isotonic import fit_isotonic


def test_by_hand() -> None:
    """Two steps: log odds -2 and 0 with no positive, 1 and 3 with positives only."""
    found = fit_isotonic(np.array([-2.0, 0, 1, 3]), np.array([False, False, True, True]))
    _, (first, low), (second, high), _ = found.curve
    assert (first, second) == (-1, 2)
    assert (low, high) == pytest.approx((-np.log(3), np.log(3)))  # a quarter and three quarters
    assert float(found.moved(0.5)) == pytest.approx(0)
    outside = found.moved(np.array([-11, 12]))  # ten beyond either step
    assert outside == pytest.approx([low - 1, high + 1])


def test_the_steps_are_those_of_isotonic_regression() -> None:
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(1)
    logits = rng.normal(size=500)
    positives = rng.random(500) < 1 / (1 + np.exp(-logits))
    steps = IsotonicRegression().fit_transform(logits, targets(positives))
    curve = fit_isotonic(logits, positives).curve
    levels = [1 / (1 + np.exp(-level)) for _, level in curve[1:-1]]
    np.testing.assert_allclose(levels, np.unique(steps.round(9)))


@given(
    st.lists(st.tuples(st.integers(-80, 80), st.booleans()), min_size=4, max_size=60).filter(
        lambda films: len({positive for _, positive in films}) == 2
    )
)
def test_films_that_were_apart_stay_apart(films: list[tuple[int, bool]]) -> None:
    tenths, positives = (np.array(column) for column in zip(*films, strict=True))
    logits = np.unique(tenths) / 10
    moved = fit_isotonic(tenths / 10, positives).moved(logits)
    assert (np.diff(moved) > 0).all()
    assert (np.abs(moved) < 20).all(), "nothing is certain"


def test_where_positives_become_rarer_nothing_is_changed() -> None:
    falling = fit_isotonic(np.array([0.0, 1, 2, 3]), np.array([True, True, False, False]))
    assert falling.changes_nothing
