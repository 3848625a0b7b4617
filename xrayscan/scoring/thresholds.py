"""Operating points: how a threshold is chosen on labelled films, and how a rule names one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import OptionError
from xrayscan.records import Zone

THRESHOLD_DECIMALS = 7  # one more than probabilities have: thresholds lie half way between two
RULES = ("youden", "f1", "sens=0.95", "spec=0.95")  # what every card names
_AIM = re.compile(r"(sens|spec)=(0?\.\d+|[01](?:\.0+)?)")
_SAME = 1e-9  # runs round thresholds to seven decimals: what differs by less is the same one


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold with what it gave on the films that it was chosen on; all 0..1."""

    threshold: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True, slots=True)
class OperatingCurve:
    """The operating points of a model on one labelled set, thresholds falling: all, or thinned.

    Attributes:
        thresholds: (K,) float64, 0..1; a film is positive when its probability is at least this.
            The first lies above every film, where need be by a hair above 1.
        sensitivity: (K,) float64, 0..1, rising.
        specificity: (K,) float64, 0..1, falling.
        prevalence: share of positives in the set, 0..1.
    """

    thresholds: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]
    prevalence: float

    def point(self, index: int) -> OperatingPoint:
        return OperatingPoint(
            float(self.thresholds[index]),
            float(self.sensitivity[index]),
            float(self.specificity[index]),
        )

    def youden(self) -> OperatingPoint:
        """Largest sensitivity + specificity - 1 (Youden 1950)."""
        return self.point(int(np.argmax(self.sensitivity + self.specificity)))

    def f1(self) -> OperatingPoint:
        """Largest F1 = 2 TP / (2 TP + FP + FN) at this set's prevalence."""
        true_positive = self.sensitivity * self.prevalence
        false_positive = (1 - self.specificity) * (1 - self.prevalence)
        score = 2 * true_positive / (true_positive + false_positive + self.prevalence)
        return self.point(int(np.argmax(score)))

    def at_sensitivity(self, aim: float) -> OperatingPoint:
        """The highest threshold whose sensitivity is at least ``aim``."""
        return self.point(int(np.argmax(self.sensitivity >= aim)))

    def at_specificity(self, aim: float) -> OperatingPoint:
        """The lowest threshold whose specificity is at least ``aim``."""
        return self.point(len(self.specificity) - 1 - int(np.argmax(self.specificity[::-1] >= aim)))

    def at_threshold(self, number: float) -> OperatingPoint:
        """What a threshold gives: exact where the curve was measured, elsewhere at least this.

        Between two points of the curve, sensitivity is that of the higher threshold and specificity
        that of the lower.
        """
        above = int(np.count_nonzero(self.thresholds >= number - _SAME)) - 1
        # the threshold above every film may lie above 1 by less than a rounding, and is not 1
        below = int(np.count_nonzero(self.thresholds > min(number + _SAME, 1.0)))
        below = min(below, len(self.thresholds) - 1)
        return OperatingPoint(
            number, float(self.sensitivity[max(above, 0)]), float(self.specificity[below])
        )

    def thinned(self) -> OperatingCurve:
        """The fewest points that answer every question as the whole curve does.

        The first of each sensitivity (what ``at_sensitivity``, ``youden`` and ``f1`` can find) and
        the last of each specificity (what ``at_specificity`` can find). A point that is neither
        has the sensitivity of the one before and the specificity of the one after, which is just
        what ``at_threshold`` says between the two.
        """
        first = np.append(True, np.diff(self.sensitivity) > 0)
        last = np.append(np.diff(self.specificity) < 0, True)
        return self._at(np.flatnonzero(first | last))

    def joined_with(self, points: Iterable[OperatingPoint]) -> OperatingCurve:
        """The curve with further points of the same films, where they fit in between its own."""
        curve = self
        for point in points:
            at = int(np.count_nonzero(curve.thresholds > point.threshold))
            if curve._holds_between(at, point):
                curve = OperatingCurve(
                    np.insert(curve.thresholds, at, point.threshold),
                    np.insert(curve.sensitivity, at, point.sensitivity),
                    np.insert(curve.specificity, at, point.specificity),
                    curve.prevalence,
                )
        return curve

    def rows(self) -> list[tuple[float, float, float]]:
        """(threshold, sensitivity, specificity) of each point, as a card holds them."""
        return list(
            zip(
                self.thresholds.tolist(),
                self.sensitivity.tolist(),
                self.specificity.tolist(),
                strict=True,
            )
        )

    def _at(self, indices: NDArray[np.intp]) -> OperatingCurve:
        return OperatingCurve(
            self.thresholds[indices],
            self.sensitivity[indices],
            self.specificity[indices],
            self.prevalence,
        )

    def _holds_between(self, at: int, point: OperatingPoint) -> bool:
        if not 0 < at < len(self.thresholds) or self.thresholds[at] == point.threshold:
            return False
        before, after = self.point(at - 1), self.point(at)
        return (
            before.sensitivity <= point.sensitivity <= after.sensitivity
            and before.specificity >= point.specificity >= after.specificity
        )

    def by_rule(self, rule: str) -> OperatingPoint:
        """The point that a rule ("youden", "f1", "sens=0.9", "spec=0.9") names.

        Raises:
            UsageError: no such rule.
        """
        if rule == "youden":
            return self.youden()
        if rule == "f1":
            return self.f1()
        aim = _AIM.fullmatch(rule)
        if aim is None:
            raise OptionError(
                "threshold",
                rule,
                "not a rule; give youden, f1, sens=0.95, spec=0.95, "
                "a number between 0 and 1, or a name in the model's card",
            )
        pick = self.at_sensitivity if aim.group(1) == "sens" else self.at_specificity
        return pick(float(aim.group(2)))


def operating_curve(
    probabilities: NDArray[np.float64], positives: NDArray[np.bool_]
) -> OperatingCurve:
    """Compute every operating point of probabilities against labels.

    A threshold is put half way between neighbouring probabilities, not on a film's own: the next
    film that resembles this one should fall on the same side.

    Args:
        probabilities: (N,) 0..1.
        positives: (N,) True for the positive class; both classes must occur.

    Raises:
        ValueError: only one class occurs.
    """
    positive_count = int(positives.sum())
    negative_count = positives.size - positive_count
    if not positive_count or not negative_count:
        raise ValueError("an operating curve needs films of both classes")
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    last_of_ties = np.append(falling[1:] != falling[:-1], True)
    true_positives = np.cumsum(positives[order])[last_of_ties]
    false_positives = np.cumsum(~positives[order])[last_of_ties]
    levels = falling[last_of_ties]
    between = (levels + np.append(levels[1:], 0.0)) / 2
    above_all = 1.0 if levels[0] < 1 else np.nextafter(1.0, 2.0)
    return OperatingCurve(
        np.append(above_all, between),
        np.append(0.0, true_positives / positive_count),
        np.append(1.0, (negative_count - false_positives) / negative_count),
        positive_count / positives.size,
    )


def resolve_rule(rule: str, named: Mapping[str, OperatingPoint], curve: OperatingCurve) -> float:
    """Turn ``--threshold`` into a number.

    Args:
        rule: a name in the card, a number between 0 and 1, or a rule; sens=0.95 and sens=.950 are
            the same one.
        named: the card's thresholds.
        curve: the card's operating curve, for rules that the card does not name.

    Raises:
        UsageError: none of these.
    """
    by_name = {_spelled_alike(name): point for name, point in named.items()}
    point = by_name.get(_spelled_alike(rule))
    if point is not None:
        return point.threshold
    try:
        number = float(rule)
    except ValueError:
        return curve.by_rule(rule).threshold
    if not 0 <= number <= 1:
        raise OptionError("threshold", rule, "must lie between 0 and 1")
    return number


def _spelled_alike(rule: str) -> str:
    aim = _AIM.fullmatch(rule)
    return f"{aim.group(1)}={float(aim.group(2))}" if aim else rule


@dataclass(frozen=True, slots=True)
class ZoneLimits:
    """Below ``review`` a film is negative, from ``positive`` on positive, between them review."""

    review: float
    positive: float

    def zone(self, probability: float) -> Zone:
        if probability >= self.positive:
            return Zone.POSITIVE
        return Zone.REVIEW if probability >= self.review else Zone.NEGATIVE
