"""A site's correction of probabilities, applied behind the scorer, which stays as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_EDGE = 1e-9  # nearer to 0 and 1 than any probability is written


@dataclass(frozen=True, slots=True)
class Recalibration:
    """P' = sigmoid(logit(P) / temperature + offset).

    Attributes:
        temperature: above 0; above 1 where the model is too sure at this site.
        offset: in log odds; above 0 where positives are more frequent than the model says.
    """

    temperature: float = 1.0
    offset: float = 0.0

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any] | None) -> Recalibration:
        """Read what a card says; a card without one changes nothing.

        Raises:
            ValueError: the temperature is not above 0, or one of the two is no number.
        """
        if facts is None:
            return cls()
        found = cls(float(facts["temperature"]), float(facts["offset"]))
        if not (0 < found.temperature < math.inf and math.isfinite(found.offset)):
            raise ValueError(f"recalibration {dict(facts)}")
        return found

    @property
    def changes_nothing(self) -> bool:
        return self == Recalibration()

    def applied(self, probability: float) -> float:
        """Correct one probability, 0..1; the order of films stays."""
        if self.changes_nothing:
            return probability
        kept = min(max(probability, _EDGE), 1 - _EDGE)
        line = math.log(kept / (1 - kept)) / self.temperature + self.offset
        return 1 / (1 + math.exp(-line)) if line >= 0 else math.exp(line) / (1 + math.exp(line))
