"""Does a film's heat map mean anything? A cheap test on the film itself, which a map can fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

Film = NDArray[np.float32]
Heat = NDArray[np.float32]
Logits = Callable[[Film], NDArray[np.float64]]

_BLUR = 0.1  # of the side: what is left holds no structure of the size of a cell of the map
_SHARE = 0.2  # of the film that is blurred away
# Maps with the same cells in other places. With two or three, a map that knows nothing passes once
# in three times instead of four (docs/evidence.md).
_OTHERS, _FEW = 20, 4
_LEAST_BEATEN = 0.8
_SEED = 7  # one for all: a film's mark hangs on the film alone


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a film's map was tested.

    Attributes:
        beaten: share of maps with its cells in other places that it beats, 0..1, counted or
            guessed.
    """

    beaten: float

    @property
    def reliable(self) -> bool:
        return self.beaten >= _LEAST_BEATEN

    @property
    def words(self) -> str:
        return "tested" if self.reliable else "not reliable"


def mark(logits: Logits, film: Film, heat: Heat) -> Mark:
    """Test one map: does the logit fall most where it is hottest?

    The hottest fifth of the film is blurred away, and so are the fifths that the map's own cells
    would choose in other places. A map that beats fewer than four in five of those is no better
    than chance would often be.

    Args:
        logits: of (B, S, S) films.
        film: (S, S) float32, 0..255.
        heat: (h, w), >= 0.
    """
    if np.ptp(heat) == 0:
        return Mark(0.0)
    found = logits(_without(film, heat, _OTHERS))
    return Mark(float(np.mean(found[0] < found[1:])))


def quick_marks(logits: Logits, films: Sequence[Film], heats: Sequence[Heat]) -> list[Mark]:
    """The same with four other places, for a night of films; as good a guess as few passes allow.

    How many it would beat is read from a normal curve with their mean and standard deviation: that
    agrees better with ``mark``, and lets fewer maps pass that know nothing, than counting does.

    Args:
        logits: of (B, S, S) films; asked once, as all together keep every core busy.
        films: (S, S) float32, 0..255 each.
        heats: their maps, (h, w) each, >= 0.
    """
    told = [index for index, heat in enumerate(heats) if np.ptp(heat) > 0]
    marks = [Mark(0.0)] * len(heats)
    if told:
        changed = np.concatenate([_without(films[at], heats[at], _FEW) for at in told])
        for at, found in zip(told, logits(changed).reshape(-1, 1 + _FEW), strict=True):
            marks[at] = Mark(_guessed(found[0], found[1:]))
    return marks


def _guessed(own: float, others: NDArray[np.float64]) -> float:
    """The share of maps that one would beat, from the logits of a few."""
    deviation = float(others.std(ddof=1))
    if deviation == 0:
        return float(own < others[0])
    return NormalDist().cdf((float(others.mean()) - float(own)) / deviation)


def _without(film: Film, heat: Heat, count: int) -> NDArray[np.float32]:
    """The film without its hottest fifth, then without those of the map's cells elsewhere."""
    chance = np.random.default_rng(_SEED)
    others = [chance.permutation(heat.ravel()).reshape(heat.shape) for _ in range(count)]
    smooth = blurred(film)
    return np.stack([without_hottest(film, smooth, each) for each in (heat, *others)])


def blurred(film: Film) -> Film:
    """The film, (S, S), without any structure of the size of a cell of a map."""
    return np.asarray(cv2.GaussianBlur(film, (0, 0), _BLUR * len(film)), np.float32)


def spread(heat: Heat, side: int) -> NDArray[np.float32]:
    """A map, (h, w), on the film's pixels, (side, side), as overlays draw it."""
    large = cv2.resize(heat.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32)


def without_hottest(film: Film, smooth: Film, heat: Heat) -> Film:
    """The film, (S, S), with its hottest fifth taken from the blurred one; ``heat`` is (h, w)."""
    large = spread(heat, len(film))
    taken = round(_SHARE * film.size)
    hottest = np.argpartition(-large.ravel(), taken)[:taken]  # sorting takes longer than scoring
    changed = film.copy()
    changed.ravel()[hottest] = smooth.ravel()[hottest]
    return changed
