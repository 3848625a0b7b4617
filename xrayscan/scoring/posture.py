"""How a film lies: upright, turned by quarters, or with black and white exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.scoring.layout import SIDE, WIDTH, layout

# Nothing is done to a film, and nothing held against it, unless it is this sure: then 1 of 1,168
# upright films of two hospitals was taken for turned, and 96 % of turned ones were undone
# (docs/admission.md).
SURE = 0.9
# Less likely upright than this, a film is not scored as it is, though nobody knows how it lies.
RULED_OUT = 0.01
_ENOUGH = 2500  # films to learn from; more take longer and tell nothing new
# Inverse strength of the ridge. Weak evidence stays weak: a set of some dozen films, or of films
# without an up and a down, never reaches SURE.
_PENALTY = 3e-2


@dataclass(frozen=True, slots=True)
class Posture:
    """How a film lies.

    Attributes:
        quarter_turns: counter-clockwise from upright, 0 to 3.
        inverted: bones are dark and air is bright.
    """

    quarter_turns: int = 0
    inverted: bool = False

    def taken(self, film: NDArray[Any]) -> NDArray[Any]:
        """Bring an upright film, (H, W) with white as 255, into this posture."""
        return self._turned(film, self.quarter_turns)

    def undone(self, film: NDArray[Any]) -> NDArray[Any]:
        """Bring a film in this posture, (H, W) with white as 255, upright."""
        return self._turned(film, -self.quarter_turns)

    def _turned(self, film: NDArray[Any], turns: int) -> NDArray[Any]:
        turned = np.rot90(film, turns)
        return np.ascontiguousarray(255 - turned if self.inverted else turned)

    def __str__(self) -> str:
        """Say it in words; "" where it is upright."""
        turn = ("", "turned left", "upside down", "turned right")[self.quarter_turns]
        return " and ".join(filter(None, ("inverted" if self.inverted else "", turn)))


UPRIGHT = Posture()
POSTURES = tuple(Posture(turns, inverted) for inverted in (False, True) for turns in range(4))


@dataclass(frozen=True, slots=True)
class PostureFinding:
    """What a film looks like.

    Attributes:
        posture: the likeliest.
        certainty: of it, 0..1.
        upright: how likely the film is upright, 0..1.
    """

    posture: Posture
    certainty: float
    upright: float

    @property
    def is_certain(self) -> bool:
        """The film is surely not upright, and it is known how it lies."""
        return self.posture != UPRIGHT and self.certainty >= SURE

    @property
    def is_unclear(self) -> bool:
        """The film is surely not upright, but how it lies is open."""
        return not self.is_certain and self.upright <= RULED_OUT


def find_posture(film: NDArray[np.float32], weights: NDArray[np.float32]) -> PostureFinding:
    """Tell how a film lies.

    Args:
        film: (S, S) float32, 0..255.
        weights: (WIDTH + 1, 8) float32, of a multinomial logistic regression on the layout; the
            last row is the bias, columns are POSTURES.
    """
    logits = (layout(film[None])[0] @ weights[:WIDTH] + weights[WIDTH]).astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    likeliest = int(shares.argmax())
    return PostureFinding(POSTURES[likeliest], float(shares[likeliest]), float(shares[0]))


def fit_posture(films: NDArray[np.uint8], seed: int) -> NDArray[np.float32]:
    """Learn to tell postures from upright films alone: the others are made of them.

    Args:
        films: (N, S, S) uint8, upright and not inverted.
        seed: of the draw where there are more than enough.

    Returns:
        (WIDTH + 1, 8) float32 weights, as ``find_posture`` takes them.
    """
    from sklearn.linear_model import LogisticRegression

    chosen = np.random.default_rng(seed).permutation(len(films))[:_ENOUGH]
    cells = layout(films[np.sort(chosen)]).reshape(-1, SIDE, SIDE)
    # a turned film has the turned layout, and a negative its negative
    layouts = [
        np.rot90(-cells if each.inverted else cells, each.quarter_turns, (1, 2)).reshape(-1, WIDTH)
        for each in POSTURES
    ]
    labels = np.repeat(np.arange(len(POSTURES)), len(cells))
    model = LogisticRegression(C=_PENALTY, max_iter=300).fit(np.concatenate(layouts), labels)
    return np.vstack([model.coef_.T, model.intercept_]).astype(np.float32)
