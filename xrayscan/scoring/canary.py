"""Drawn films with known results, scored before a run: has anything moved what the model says?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ModelError
from xrayscan.scoring.log_odds import log_odds

FILMS = 3
# In log odds: between CPUs and library versions float32 results differ by up to a hundredth; a
# broken kernel, or arithmetic in bfloat16, moves them by a tenth and more.
LOG_ODDS_WITHIN = 0.05
DISTANCE_WITHIN = 0.01  # of the distance


def canary_films(size: int) -> NDArray[np.float32]:
    """Draw films by formulas alone: the same on every machine and in every version.

    Args:
        size: side of the square, pixels.

    Returns:
        (FILMS, size, size) float32, 0..255: a bright trunk, two dark lungs, ribs, and in each film
        more haze over one lung than in the one before.
    """
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    trunk = np.exp(-((x / 0.9) ** 4) - (y / 1.1) ** 4)
    lungs = np.exp(-(((np.abs(x) - 0.45) / 0.3) ** 4) - ((y + 0.1) / 0.65) ** 4)
    ribs = 0.06 * np.sin(22 * y + 4 * x**2)
    films = []
    for number in range(FILMS):
        haze = 0.25 * number * np.exp(-(((x - 0.45) / 0.25) ** 2) - ((y - 0.25) / 0.3) ** 2)
        grey = trunk * (0.75 + ribs) - 0.5 * lungs + haze
        films.append(np.clip(255 * grey, 0, 255))
    return np.asarray(films, np.float32)


def canary_facts(
    probabilities: Sequence[float], distances: Sequence[float]
) -> dict[str, list[float]]:
    """What a card keeps of its canary."""
    return {
        "probability": [round(float(value), 6) for value in probabilities],
        "distance": [round(float(value), 4) for value in distances],
    }


def check_canary(
    card: dict[str, Any], probabilities: Sequence[float], distances: Sequence[float]
) -> None:
    """Compare what the model says of the canary films with what it said when it was made.

    Args:
        card: what ``canary_facts`` wrote.
        probabilities: by film, 0..1.
        distances: by film.

    Raises:
        ModelError: it says something else.
    """
    known = np.asarray(card["distance"])
    moved = log_odds(probabilities) - log_odds(card["probability"])
    near = np.abs(moved) <= LOG_ODDS_WITHIN
    near &= np.abs(np.subtract(distances, known)) <= DISTANCE_WITHIN * np.maximum(known, 1.0)
    if not near.all():  # what is no number is near to nothing
        raise ModelError(
            f"the model says {list(probabilities)} of its test films, and said "
            f"{card['probability']} when it was made; something on this machine computes wrongly: "
            "install the versions of the last good run record, or try another machine"
        )
