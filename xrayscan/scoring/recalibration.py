"""A site's correction of probabilities, applied behind the scorer, which stays as it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_EDGE = 1e-9  # nearer to 0 and 1 than any probability is written
REACH = math.log((1 - _EDGE) / _EDGE)  # the log odds of the edges, either way

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Recalibration:
    """P' = sigmoid(curve(logit(P) / temperature + offset)).

    Attributes:
        temperature: above 0; above 1 where the model is too sure at this site.
        offset: in log odds; above 0 where positives are more frequent than the model says.
        curve: points of a line that rises from each to the next, in log odds before and after;
            outside of them it is level. Without points the log odds stay as they are.
    """

    temperature: float = 1.0
    offset: float = 0.0
    curve: Points = ()

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any] | None) -> Recalibration:
        """Read what a card says; a card without one changes nothing.

        Raises:
            ValueError: the temperature is not above 0, the curve does not rise or has one point
                only, or something is no number.
        """
        if facts is None:
            return cls()
        curve = tuple((float(before), float(after)) for before, after in facts.get("curve", ()))
        found = cls(float(facts["temperature"]), float(facts["offset"]), curve)
        numbers = (found.offset, *chain.from_iterable(curve))
        if not (0 < found.temperature < math.inf and all(map(math.isfinite, numbers))):
            raise ValueError(f"recalibration {dict(facts)}")
        if len(curve) == 1 or not _rises(curve):
            raise ValueError("recalibration: its curve does not rise")
        return found

    def facts(self) -> dict[str, Any]:
        """As a card holds it."""
        line = {"temperature": self.temperature, "offset": self.offset}
        return {**line, "curve": [list(point) for point in self.curve]} if self.curve else line

    @property
    def changes_nothing(self) -> bool:
        return self == Recalibration()

    def applied(self, probability: float) -> float:
        """Correct one probability, 0..1; the order of films stays."""
        if self.changes_nothing:
            return probability
        kept = min(max(probability, _EDGE), 1 - _EDGE)
        z = float(self.moved(math.log(kept / (1 - kept))))
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))

    def moved(self, log_odds: ArrayLike) -> NDArray[np.float64]:
        """Correct log odds, of any shape."""
        z = np.asarray(np.asarray(log_odds, np.float64) / self.temperature + self.offset)
        if not self.curve:
            return z
        before, after = np.array(self.curve).T
        return np.asarray(np.interp(z, before, after), np.float64)

    def then(self, other: Recalibration) -> Recalibration:
        """This correction with another one behind it, as one."""
        if not self.curve:
            return Recalibration(
                self.temperature * other.temperature,
                self.offset / other.temperature + other.offset,
                other.curve,
            )
        before, after = zip(*self.curve, strict=True)
        # where the other one bends, seen from before this one
        bends = ((x - other.offset) * other.temperature for x, _ in other.curve)
        within = (bend for bend in bends if after[0] < bend < after[-1])
        places = sorted({*before, *(float(np.interp(bend, after, before)) for bend in within)})
        points = ((x, float(other.moved(np.interp(x, before, after)))) for x in places)
        return Recalibration(self.temperature, self.offset, _rising(points))


def _rises(curve: Points) -> bool:
    return all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(curve))


def _rising(points: Iterable[tuple[float, float]]) -> Points:
    """The points between which a line rises that is level before the first and after the last."""
    kept: list[tuple[float, float]] = []
    for point in points:
        if not kept or point[1] > kept[-1][1]:
            kept.append(point)
        elif len(kept) == 1:
            kept = [point]
    return tuple(kept)
