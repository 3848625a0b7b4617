"""Does a film's heat map mean anything? A cheap test on the film itself, which a map can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Film = NDArray[np.float32]
Heat = NDArray[np.float32]
Scores = Callable[[Film], NDArray[np.floating]]

_BLUR = 0.1  # of the side: what is left holds no structure of the size of a cell of the map
_SHARE = 0.2  # of the film that is blurred away
# Maps with the same cells in other places.
_OTHERS = 20
_LEAST_BEATEN = 0.8


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a film's map was tested.

    Attributes:
        beaten: share of maps with its cells in other places that it beats, 0..1.
    """

    beaten: float

    @property
    def reliable(self) -> bool:
        return self.beaten >= _LEAST_BEATEN

    @property
    def words(self) -> str:
        return "tested" if self.reliable else "not reliable"


def mark(scores: Scores, film: Film, heat: Heat, seed: int = 7) -> Mark:
    """Test one map cheaply: does the score fall most where it is hottest?

    The hottest fifth of the film is blurred away, and so are the fifths that the map's own cells
    would choose in other places. A map that beats fewer than four in five of those is no better
    than chance would often be.

    Args:
        scores: of (B, S, S) films, on any scale that rises with the logit.
        film: (S, S) float32, 0..255.
        heat: (h, w), >= 0.
        seed: of the other places.
    """
    if np.ptp(heat) == 0:
        return Mark(0.0)
    rng = np.random.default_rng(seed)
    others = [rng.permutation(heat.ravel()).reshape(heat.shape) for _ in range(_OTHERS)]
    smooth = blurred(film)
    films = [_without_hottest(film, smooth, each) for each in (heat, *others)]
    own, *rest = scores(np.stack(films))
    return Mark(float(np.mean(own < np.asarray(rest))))


def blurred(film: Film) -> Film:
    """The film, (S, S), without any structure of the size of a cell of a map."""
    return np.asarray(cv2.GaussianBlur(film, (0, 0), _BLUR * len(film)), np.float32)


def spread(heat: Heat, side: int) -> NDArray[np.float32]:
    """A map, (h, w), on the film's pixels, (side, side), as overlays draw it."""
    large = cv2.resize(heat.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32)


def _without_hottest(film: Film, smooth: Film, heat: Heat) -> Film:
    large = spread(heat, len(film))
    hottest = np.argsort(-large.ravel(), kind="stable")[: round(_SHARE * film.size)]
    changed = film.copy()
    changed.ravel()[hottest] = smooth.ravel()[hottest]
    return changed
