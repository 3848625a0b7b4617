from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.errors import UsageError
from xrayscan.records import Zone
from xrayscan.scoring.thresholds import (
    RULES,
    OperatingCurve,
    OperatingPoint,
    ZoneLimits,
    operating_curve,
    resolve_rule,
)

fixed = settings(max_examples=150)

# (probabilities, positives, thresholds, sensitivity, specificity), worked out by hand
TABLES = {
    "separated": ([0.9, 0.8, 0.2, 0.1], "1100", [1, 0.85, 0.5, 0.15, 0.05],
                  [0, 0.5, 1, 1, 1], [1, 1, 1, 0.5, 0]),
    "upside down": ([0.1, 0.9], "10", [1, 0.5, 0.05], [0, 0, 1], [1, 0, 0]),
    "tie across classes": ([0.8, 0.5, 0.5, 0.2], "1100", [1, 0.65, 0.35, 0.1],
                           [0, 0.5, 1, 1], [1, 1, 0.5, 0]),
    "tie within a class": ([0.6, 0.6, 0.4], "110", [1, 0.5, 0.2], [0, 1, 1], [1, 1, 0]),
    "all equal": ([0.4, 0.4, 0.4], "100", [1, 0.2], [0, 1], [1, 0]),
    "order of films is nothing": ([0.2, 0.9, 0.1, 0.8], "0101", [1, 0.85, 0.5, 0.15, 0.05],
                                  [0, 0.5, 1, 1, 1], [1, 1, 1, 0.5, 0]),
    "lowest is zero": ([0.6, 0.0], "10", [1, 0.3, 0], [0, 1, 1], [1, 1, 0]),
}  # fmt: skip


def labels(text: str) -> np.ndarray:
    return np.array([letter == "1" for letter in text])


@pytest.mark.parametrize("case", TABLES.values(), ids=TABLES)
def test_curve_by_hand(case: tuple) -> None:
    probabilities, positives, thresholds, sensitivity, specificity = case
    curve = operating_curve(np.array(probabilities), labels(positives))
    np.testing.assert_allclose(curve.thresholds, thresholds, atol=1e-12)
    np.testing.assert_allclose(curve.sensitivity, sensitivity, atol=1e-12)
    np.testing.assert_allclose(curve.specificity, specificity, atol=1e-12)
    assert curve.prevalence == positives.count("1") / len(positives)


@pytest.mark.parametrize("positives", ["000", "111"], ids=["only negatives", "only positives"])
def test_one_class_has_no_curve(positives: str) -> None:
    with pytest.raises(ValueError, match="both classes"):
        operating_curve(np.array([0.1, 0.5, 0.9]), labels(positives))


@st.composite
def labelled_sets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities as predictions are written (6 decimals), often tied, 0 and 1 among them."""
    steps = draw(st.sampled_from([2, 10, 10**6]))
    films = draw(
        st.lists(st.tuples(st.integers(0, steps), st.booleans()), min_size=2, max_size=40).filter(
            lambda films: len({positive for _, positive in films}) == 2
        )
    )
    probabilities = np.array([level / steps for level, _ in films])
    return probabilities, np.array([positive for _, positive in films])


def measured(films: tuple[np.ndarray, np.ndarray], threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity by counting."""
    probabilities, positives = films
    called = [float(p) >= threshold for p in probabilities]
    hits = sum(c for c, positive in zip(called, positives, strict=True) if positive)
    passed = sum(not c for c, positive in zip(called, positives, strict=True) if not positive)
    return hits / int(positives.sum()), passed / int((~positives).sum())


def every_threshold(films: tuple[np.ndarray, np.ndarray]) -> list[float]:
    """One threshold for each way in which a threshold can part the films, falling."""
    return [np.inf, *sorted({float(p) for p in films[0]}, reverse=True)]


def called_positive(films: tuple[np.ndarray, np.ndarray], threshold: float) -> list[bool]:
    return [float(p) >= threshold for p in films[0]]


@fixed
@given(labelled_sets())
def test_curve_agrees_with_scikit_learn(films: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.metrics import roc_curve

    curve = operating_curve(*films)
    false_positive_rate, true_positive_rate, _ = roc_curve(
        films[1], films[0], drop_intermediate=False
    )
    np.testing.assert_allclose(curve.sensitivity, true_positive_rate, atol=1e-12)
    np.testing.assert_allclose(1 - curve.specificity, false_positive_rate, atol=1e-12)


@fixed
@given(labelled_sets())
def test_curve_says_what_its_thresholds_give(films: tuple[np.ndarray, np.ndarray]) -> None:
    curve = operating_curve(*films)
    for index in range(len(curve.thresholds)):
        point = curve.point(index)
        assert (point.sensitivity, point.specificity) == measured(films, point.threshold)
    assert (np.diff(curve.thresholds) < 0).all()
    assert curve.thresholds[-1] >= 0
    assert curve.thresholds[0] == pytest.approx(1)


@fixed
@given(labelled_sets())
def test_youden_is_the_best_of_all(films: tuple[np.ndarray, np.ndarray]) -> None:
    point = operating_curve(*films).youden()
    best = max(sum(measured(films, threshold)) for threshold in every_threshold(films))
    assert sum(measured(films, point.threshold)) == pytest.approx(best, abs=1e-12)


@fixed
@given(labelled_sets())
def test_f1_is_the_best_of_all(films: tuple[np.ndarray, np.ndarray]) -> None:
    def f1(threshold: float) -> float:
        called = np.array(called_positive(films, threshold))
        hits, wrong = (called & films[1]).sum(), (called != films[1]).sum()
        return 2 * hits / (2 * hits + wrong)

    point = operating_curve(*films).f1()
    assert f1(point.threshold) == pytest.approx(max(map(f1, every_threshold(films))), abs=1e-12)


@fixed
@given(labelled_sets(), st.data())
def test_at_sensitivity_is_the_highest_threshold(
    films: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    count = int(films[1].sum())
    aim = data.draw(st.integers(0, count)) / count  # aims that are reached exactly
    point = operating_curve(*films).at_sensitivity(aim)
    wanted = max(t for t in every_threshold(films) if measured(films, t)[0] >= aim)
    assert called_positive(films, point.threshold) == called_positive(films, wanted)
    assert point.sensitivity >= aim


@fixed
@given(labelled_sets(), st.data())
def test_at_specificity_is_the_lowest_threshold(
    films: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    count = int((~films[1]).sum())
    aim = data.draw(st.integers(0, count)) / count
    point = operating_curve(*films).at_specificity(aim)
    wanted = min(t for t in every_threshold(films) if measured(films, t)[1] >= aim)
    assert called_positive(films, point.threshold) == called_positive(films, wanted)
    assert point.specificity >= aim


@pytest.mark.parametrize("aim", [0.1, 0.2, 0.3, 0.45, 0.7, 0.9])
def test_an_aim_that_is_met_exactly_is_met(aim: float) -> None:
    """A share such as 9 of 20 must equal 0.45, not fall short of it by a rounding."""
    probabilities = np.linspace(0.02, 0.98, 40)
    curve = operating_curve(probabilities, np.arange(40) % 2 == 1)
    assert curve.at_specificity(aim).specificity == aim
    assert curve.at_sensitivity(aim).sensitivity == aim


def test_a_certain_negative_is_still_parted_off() -> None:
    """Where a film has probability 1, the threshold that no film reaches lies above it."""
    films = np.array([1.0, 0.5, 0.2]), labels("010")
    point = operating_curve(*films).at_specificity(1.0)
    assert (point.sensitivity, point.specificity) == (0, 1) == measured(films, point.threshold)


@fixed
@given(labelled_sets(), st.floats(0, 1), st.data())
def test_a_thinned_curve_answers_like_the_whole(
    films: tuple[np.ndarray, np.ndarray], number: float, data: st.DataObject
) -> None:
    whole = operating_curve(*films)
    thin = whole.thinned()
    assert (thin.youden(), thin.f1()) == (whole.youden(), whole.f1())
    met_exactly = {*whole.sensitivity.tolist(), *whole.specificity.tolist()}
    for aim in (number, data.draw(st.sampled_from(sorted(met_exactly)))):
        assert thin.at_sensitivity(aim) == whole.at_sensitivity(aim)
        assert thin.at_specificity(aim) == whole.at_specificity(aim)
    for threshold in (number, *whole.thresholds.tolist(), *films[0].tolist()):
        assert thin.at_threshold(threshold) == whole.at_threshold(threshold)


@fixed
@given(labelled_sets(), st.data())
def test_a_thinned_curve_has_no_point_too_many(
    films: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    """Each of its points is the only right answer to some aim."""
    thin = operating_curve(*films).thinned()
    point = thin.point(data.draw(st.integers(0, len(thin.thresholds) - 1)))
    assert point in (thin.at_sensitivity(point.sensitivity), thin.at_specificity(point.specificity))


def test_thinned_by_hand() -> None:
    """Left out is what is worse than its neighbours: a negative passed, the next positive not."""
    curve = operating_curve(np.array([0.9, 0.7, 0.5, 0.3]), labels("1010"))
    assert curve.rows() == [(1, 0, 1), (0.8, 0.5, 1), (0.6, 0.5, 0.5), (0.4, 1, 0.5), (0.15, 1, 0)]
    thin = [(1, 0, 1), (0.8, 0.5, 1), (0.4, 1, 0.5), (0.15, 1, 0)]
    assert curve.thinned().rows() == pytest.approx(np.array(thin))
    assert curve.thinned().thinned().rows() == curve.thinned().rows()
    assert curve.thinned().prevalence == 0.5


@fixed
@given(labelled_sets(), st.integers(0, 10**6))
def test_at_threshold_promises_nothing_that_is_not_kept(
    films: tuple[np.ndarray, np.ndarray], millionths: int
) -> None:
    curve = operating_curve(*films)
    number = millionths / 10**6
    point = curve.at_threshold(number)
    sensitivity, specificity = measured(films, number)
    assert point.threshold == number
    assert point.sensitivity <= sensitivity
    assert point.specificity <= specificity


@fixed
@given(labelled_sets(), st.data())
def test_at_threshold_is_exact_where_the_curve_was_measured(
    films: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    curve = operating_curve(*films)
    index = data.draw(st.integers(1, len(curve.thresholds) - 1))
    number = round(float(curve.thresholds[index]), 7)  # as a run rounds it
    point = curve.at_threshold(number)
    assert (point.sensitivity, point.specificity) == measured(films, number)


CURVE = OperatingCurve(
    np.array([1.0, 0.8, 0.6, 0.4, 0.2]),
    np.array([0.0, 0.5, 0.9, 0.95, 1.0]),
    np.array([1.0, 0.99, 0.9, 0.5, 0.0]),
    0.5,
)


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [
        ("youden", 0.6),
        ("f1", 0.6),
        ("sens=0.95", 0.4),
        ("sens=.9", 0.6),
        ("sens=1", 0.2),
        ("sens=0", 1.0),
        ("spec=0.95", 0.8),
        ("spec=0.9", 0.6),
        ("spec=1.0", 1.0),
        ("spec=0.0", 0.2),
    ],
)
def test_by_rule(rule: str, threshold: float) -> None:
    assert CURVE.by_rule(rule).threshold == threshold


@pytest.mark.parametrize(
    ("number", "sensitivity", "specificity"),
    [
        pytest.param(0.6, 0.9, 0.9, id="measured"),
        pytest.param(0.6000000001, 0.9, 0.9, id="measured, but for its rounding"),
        pytest.param(0.7, 0.5, 0.9, id="between two: at least this"),
        pytest.param(1.0, 0.0, 1.0, id="highest"),
        pytest.param(0.9, 0.0, 0.99, id="above all but the highest"),
        pytest.param(0.1, 1.0, 0.0, id="below the lowest"),
        pytest.param(0.0, 1.0, 0.0, id="lowest"),
    ],
)
def test_at_threshold(number: float, sensitivity: float, specificity: float) -> None:
    assert CURVE.at_threshold(number) == OperatingPoint(number, sensitivity, specificity)


def test_at_threshold_does_not_take_one_for_above_one() -> None:
    """A negative film has probability 1 here: only a threshold above 1 passes it."""
    curve = operating_curve(np.array([1.0, 0.5, 0.2]), labels("010"))
    assert curve.at_threshold(1.0).specificity == 0.5


JOINED = {
    "between two": ([(0.5, 0.92, 0.7)], [1.0, 0.8, 0.6, 0.5, 0.4, 0.2]),
    "two, in any order": ([(0.3, 0.97, 0.2), (0.7, 0.6, 0.95)],
                          [1.0, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2]),
    "next to the highest": ([(0.9, 0.3, 0.995)], [1.0, 0.9, 0.8, 0.6, 0.4, 0.2]),
    "next to the lowest": ([(0.3, 0.97, 0.2)], [1.0, 0.8, 0.6, 0.4, 0.3, 0.2]),
    "like the one before": ([(0.5, 0.9, 0.9)], [1.0, 0.8, 0.6, 0.5, 0.4, 0.2]),
    "like the next": ([(0.5, 0.95, 0.5)], [1.0, 0.8, 0.6, 0.5, 0.4, 0.2]),
    "already there": ([(0.6, 0.9, 0.9)], [1.0, 0.8, 0.6, 0.4, 0.2]),
    "too sensitive for its place": ([(0.5, 0.96, 0.7)], [1.0, 0.8, 0.6, 0.4, 0.2]),
    "too specific for its place": ([(0.5, 0.92, 0.91)], [1.0, 0.8, 0.6, 0.4, 0.2]),
    "above all": ([(1.1, 0.0, 1.0)], [1.0, 0.8, 0.6, 0.4, 0.2]),
    "below all": ([(0.1, 1.0, 0.0)], [1.0, 0.8, 0.6, 0.4, 0.2]),
}  # fmt: skip


@pytest.mark.parametrize(("points", "thresholds"), JOINED.values(), ids=JOINED)
def test_joined_with(points: list, thresholds: list[float]) -> None:
    """Points of the same films are taken in; what cannot be one is left out."""
    joined = CURVE.joined_with([OperatingPoint(*point) for point in points])
    assert joined.thresholds.tolist() == thresholds
    assert (np.diff(joined.sensitivity) >= 0).all()
    assert (np.diff(joined.specificity) <= 0).all()


@pytest.mark.parametrize(
    "rule",
    ["", "sens", "sens=", "sens=1.1", "sens=2", "spec=-0.5", "spec=0.9 ", "SENS=0.9", "sens=0,9",
     "sens=0.9,spec=0.9", "prec=0.9", "youden ", "best"],
)  # fmt: skip
def test_by_rule_refuses(rule: str) -> None:
    with pytest.raises(UsageError) as fault:
        CURVE.by_rule(rule)
    assert str(fault.value).startswith(f"--threshold {rule}: not a rule; give youden")


def test_every_rule_of_a_card_is_a_rule() -> None:
    assert [CURVE.by_rule(rule).threshold for rule in RULES] == [0.6, 0.6, 0.4, 0.8]


NAMED = {
    "youden": OperatingPoint(0.37, 0.93, 0.9),
    "site": OperatingPoint(0.61, 0.9, 0.95),
    "0.5": OperatingPoint(0.123, 0.9, 0.9),
    "spec=0.90": OperatingPoint(0.55, 0.9, 0.9),
}


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [
        pytest.param("youden", 0.37, id="the card's, not the curve's"),
        pytest.param("site", 0.61, id="a name of the card alone"),
        pytest.param("0.5", 0.123, id="a name that looks like a number"),
        pytest.param("0.25", 0.25, id="a number"),
        pytest.param("1e-2", 0.01, id="a number in powers"),
        pytest.param("0", 0.0, id="lowest"),
        pytest.param("1", 1.0, id="highest"),
        pytest.param("f1", 0.6, id="a rule that the card does not name"),
        pytest.param("sens=0.95", 0.4, id="an aim"),
        pytest.param("spec=0.90", 0.55, id="an aim that the card names"),
        pytest.param("spec=0.9", 0.55, id="with fewer digits"),
        pytest.param("spec=.900", 0.55, id="with other digits"),
    ],
)
def test_resolve_rule(rule: str, threshold: float) -> None:
    assert resolve_rule(rule, NAMED, CURVE) == threshold


@pytest.mark.parametrize("rule", ["1.01", "-0.1", "nan", "inf", "-inf", "50"])
def test_resolve_rule_out_of_range(rule: str) -> None:
    with pytest.raises(UsageError, match="must lie between 0 and 1") as fault:
        resolve_rule(rule, NAMED, CURVE)
    assert f"--threshold {rule}:" in str(fault.value)


def test_resolve_rule_unknown() -> None:
    with pytest.raises(UsageError, match="--threshold bogus: not a rule"):
        resolve_rule("bogus", NAMED, CURVE)


@pytest.mark.parametrize(
    ("limits", "probability", "zone"),
    [
        ((0.2, 0.7), 0.0, Zone.NEGATIVE),
        ((0.2, 0.7), 0.199999, Zone.NEGATIVE),
        ((0.2, 0.7), 0.2, Zone.REVIEW),
        ((0.2, 0.7), 0.699999, Zone.REVIEW),
        ((0.2, 0.7), 0.7, Zone.POSITIVE),
        ((0.2, 0.7), 1.0, Zone.POSITIVE),
        ((0.5, 0.5), 0.499999, Zone.NEGATIVE),
        ((0.5, 0.5), 0.5, Zone.POSITIVE),
    ],
)
def test_zone(limits: tuple[float, float], probability: float, zone: Zone) -> None:
    assert ZoneLimits(*limits).zone(probability) is zone


@fixed
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_zones_rise_with_probability(numbers: list[float]) -> None:
    review, positive = sorted(numbers[:2])
    lower, higher = sorted(numbers[2:])
    rank = [Zone.NEGATIVE, Zone.REVIEW, Zone.POSITIVE].index
    limits = ZoneLimits(review, positive)
    assert rank(limits.zone(lower)) <= rank(limits.zone(higher))
