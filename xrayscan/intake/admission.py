"""Is a decoded picture something that the model may judge?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from xrayscan.records import Reason

# Films whose header says that they show something else have to lie this far inside the limit: of
# chest films never trained on 95 to 99 % do at 224 pixels, and 73 % of 48 at full size. Tags lie,
# so that they alone decide nothing.
DOUBTED = 0.85
# Beyond this many times the limit it is no film of another scanner but another picture.
FAR = 1.25

_NEXT = "let a person look at it"


class Admission(StrEnum):
    """What to do with films that the model was not made for."""

    ON = "on"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a film should not be judged, as a code and in words."""

    reason: Reason
    words: str


def outside_training(distance: float, limit: float, contradictions: Sequence[str]) -> Doubt | None:
    """Find whether a film is outside the training population.

    Args:
        distance: of the film from the training population; about 1 for films at its edge.
        limit: the largest distance admitted, from the model's card.
        contradictions: what the file's header says that does not go with a frontal chest film.
    """
    if distance <= limit * (DOUBTED if contradictions else 1):
        return None
    far = distance > FAR * limit
    words = (
        "does not look like a frontal chest film"
        if far
        else "outside the range of films this model was trained on"
    )
    evidence = "; ".join([f"distance {distance:.2f}, limit {limit:.2f}", *contradictions])
    reason = Reason.NOT_FRONTAL_CHEST if far else Reason.OUTSIDE_TRAINING
    return Doubt(reason, f"{words} ({evidence}); {_NEXT}")


def unclear_posture(looks: str) -> Doubt:
    """Say that a film is not upright, and that it is not certain how it lies.

    Args:
        looks: what it looks like most, in words, "inverted" or "turned left".
    """
    return Doubt(Reason.POSTURE, f"looks {looks}, which is not certain enough to undo; {_NEXT}")
