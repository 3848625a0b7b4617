from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.scoring.engine import Scores
from xrayscan.scoring.thresholds import OperatingCurve, operating_curve
from xrayscan.training.card_facts import _thinned, measured

fixed = settings(derandomize=True, deadline=None, max_examples=150)


def scores_of(probabilities: list[float], heat: float = 0.5) -> Scores:
    """Films with set probabilities; their strongest heat rises film by film."""
    count = len(probabilities)
    maps = np.zeros((count, 4, 4), np.float32)
    maps[:, 1, 2] = heat * np.arange(count)
    flat = np.zeros((count, 3), np.float32)
    probability = np.array(probabilities, np.float32)
    return Scores(probability, flat, flat, {"gradcam": maps, "gradcam++": 2 * maps})


def labels(text: str) -> np.ndarray:
    return np.array([letter == "1" for letter in text])


def test_measured_by_hand() -> None:
    facts = measured(scores_of([0.1, 0.2, 0.6, 0.4, 0.8, 0.9]), labels("000111"))
    # 0.6 is the one negative above a positive (0.4): 8 of 9 pairs are in order, 5 of 6 films right
    assert facts["results"]["auc"] == pytest.approx(8 / 9, abs=1e-4)
    assert facts["results"]["accuracy"] == pytest.approx(5 / 6, abs=1e-4)
    assert facts["thresholds"]["sens=0.95"] == pytest.approx(
        {"threshold": 0.3, "sensitivity": 1.0, "specificity": 2 / 3}
    )
    assert facts["thresholds"]["spec=0.95"] == pytest.approx(
        {"threshold": 0.7, "sensitivity": 2 / 3, "specificity": 1.0}
    )
    assert facts["zones"] == pytest.approx({"review": 0.3, "positive": 0.7})
    assert facts["operating_curve"]["prevalence"] == 0.5
    assert json.loads(json.dumps(facts)) == facts


def test_heat_scales_look_at_positives_only() -> None:
    facts = measured(scores_of([0.9, 0.8, 0.1, 0.2]), labels("1100"))
    # the positives' strongest are 0 and 0.5
    assert facts["heat"]["scale"]["gradcam"] == pytest.approx(0.495)
    assert facts["heat"]["scale"]["gradcam++"] == pytest.approx(0.99)


def test_no_heat_at_all_is_drawn_as_none() -> None:
    facts = measured(scores_of([0.9, 0.8, 0.1, 0.2], heat=0.0), labels("1100"))
    assert facts["heat"]["scale"] == {"gradcam": 1.0, "gradcam++": 1.0}


def test_zones_where_the_classes_part() -> None:
    facts = measured(scores_of([0.1, 0.2, 0.8, 0.9]), labels("0011"))
    assert facts["zones"] == pytest.approx({"review": 0.5, "positive": 0.5})


@st.composite
def curves(draw: st.DrawFn) -> OperatingCurve:
    steps = draw(st.sampled_from([5, 1000]))
    films = draw(
        st.lists(st.tuples(st.integers(0, steps), st.booleans()), min_size=2, max_size=40).filter(
            lambda films: len({positive for _, positive in films}) == 2
        )
    )
    probabilities, positives = (np.array(column) for column in zip(*films, strict=True))
    return operating_curve(probabilities / steps, positives)


@fixed
@given(curves(), st.floats(0, 1))
def test_a_thinned_curve_loses_nothing(curve: OperatingCurve, aim: float) -> None:
    """Every rule finds a point as good as on the whole curve, and it is one of the curve's."""
    points = np.array(_thinned(curve))
    thin = OperatingCurve(*points.T, curve.prevalence)
    whole = set(zip(curve.thresholds, curve.sensitivity, curve.specificity, strict=True))
    assert {tuple(point) for point in points} <= whole
    assert (np.diff(points[:, 0]) < 0).all()
    assert thin.youden() == curve.youden()
    assert thin.f1() == curve.f1()
    assert thin.at_sensitivity(aim).specificity == curve.at_sensitivity(aim).specificity
    assert thin.at_specificity(aim).sensitivity == curve.at_specificity(aim).sensitivity


@fixed
@given(curves())
def test_a_thinned_curve_has_both_ends(curve: OperatingCurve) -> None:
    points = _thinned(curve)
    assert points[0][1:] == (0.0, 1.0)
    assert points[-1][1:] == (1.0, 0.0)


@fixed
@given(curves())
def test_a_thinned_curve_has_only_corners_between(curve: OperatingCurve) -> None:
    """No point of the whole curve is as good as a corner in both ways, and better in one."""
    for _, sensitivity, specificity in _thinned(curve)[1:-1]:
        as_good = (curve.sensitivity >= sensitivity) & (curve.specificity >= specificity)
        better = (curve.sensitivity > sensitivity) | (curve.specificity > specificity)
        assert not (as_good & better).any()
