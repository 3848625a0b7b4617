"""Is a decoded picture something that the model may judge?"""

from __future__ import annotations

from enum import StrEnum


class Admission(StrEnum):
    """What to do with films outside the model's training population."""

    ON = "on"
    WARN = "warn"
    OFF = "off"


def outside_training(distance: float, limit: float) -> str:
    """Say in words why a film is outside the training population; "" where it is inside.

    Args:
        distance: of the film's embedding from the training population; about 1 for films like it.
        limit: the largest distance admitted, from the model's card.
    """
    if distance <= limit:
        return ""
    return (
        f"unlike the films this model was trained on (distance {distance:.2f}, "
        f"limit {limit:.2f}); let a person look at it"
    )
