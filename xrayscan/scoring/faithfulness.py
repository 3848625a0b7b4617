"""Does a film's heat map mean anything? A cheap test on the film itself, which a map can fail."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.records import HeatMap

Film = NDArray[np.float32]
Heat = NDArray[np.float32]
Logits = Callable[[Film], NDArray[np.float64]]

_BLUR = 0.1  # of the side: what is left holds no structure of the size of a cell of the map
_SHARE = 0.2  # of the film that is blurred away
# Maps with the same cells in other places: for a mark, and for a quick one with and without a
# model's chance (docs/evidence.md).
_OTHERS, _TWO, _FOUR = 20, 2, 4
_OPEN = 0.5, 0.95  # shares beaten between which a quick mark needs others
_LEARNT_FROM = 2  # of each film that a model's chance is learnt from; two tell how far they differ
_LEAST_FILMS = 10  # for a line and a width around it
LEAST_BEATEN = 0.8
_SEED = 7  # any


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
        return self.beaten >= LEAST_BEATEN

    @property
    def words(self) -> str:
        return "test passed" if self.reliable else "not reliable"


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
    found = logits(_without(film, [heat, *_elsewhere(heat, _OTHERS)]))
    return Mark(float(np.mean(found[0] < found[1:])))


@dataclass(frozen=True, slots=True)
class Chance:
    """What blurring a fifth that chance has chosen leaves of a film's logit, by one model.

    Attributes:
        intercept: of the line that the mean over such fifths follows.
        slope: of that line over the logit of the film as it is.
        between: standard deviation of films' means around the line, in logits.
        within: standard deviation of one film's fifths around their mean, in logits.
    """

    intercept: float
    slope: float
    between: float
    within: float

    def beaten(self, own: float, before: float, others: NDArray[np.float64]) -> float:
        """The share of maps with cells in other places that one would beat, as far as is known.

        The normal model with known variances (Gelman et al. 2013, 2.5): what the line says of a
        film's mean, and what few maps say of it, each count by how certain they are.

        Args:
            own: the logit without the hottest fifth of the film's own map.
            before: the logit of the film as it is.
            others: (n,) logits without fifths that chance has chosen, n >= 0.
        """
        within, between = self.within**2, self.between**2
        by_others = len(others) * between
        by_line = within / (within + by_others) if by_others else 1.0
        expected = by_line * (self.intercept + self.slope * before)
        expected += (1 - by_line) * float(np.mean(others)) if by_others else 0.0
        return _share_below(own, expected, math.sqrt(within + by_line * between))


def learn_chance(logits: Logits, maps: Iterable[HeatMap]) -> Chance | None:
    """Learn from films what chance does to their logits.

    Every film has shuffles of its own: the same few for all would be learnt with what they have
    in common, a fifth of a logit.

    Args:
        logits: of (B, S, S) films; asked film by film.
        maps: of films that the model was not trained on.

    Returns:
        None where too few maps have any heat to learn from.
    """
    rng = np.random.default_rng(_SEED)
    before, found = [], []
    for each in maps:
        if np.ptp(each.heat) > 0:
            before.append(each.log_odds)
            found.append(logits(_without(each.film, _elsewhere(each.heat, _LEARNT_FROM, rng))))
    if len(found) < _LEAST_FILMS:
        return None
    means, within = np.mean(found, axis=1), float(np.var(found, axis=1, ddof=1).mean())
    line = np.stack([np.ones(len(before)), before], axis=1)
    (intercept, slope), *_ = np.linalg.lstsq(line, means, rcond=None)
    around = float(np.sum((means - line @ (intercept, slope)) ** 2)) / (len(found) - 2)
    between = max(0.0, around - within / _LEARNT_FROM)  # the means have an error of their own
    return Chance(float(intercept), float(slope), between**0.5, within**0.5)


def quick_marks(logits: Logits, maps: Sequence[HeatMap], chance: Chance | None) -> list[Mark]:
    """The same by about two passes, for a night of films.

    How many other maps a map would beat is read from a normal curve: first of what the model's
    chance lets expect, and where that leaves it open, with two other maps. Without the model's
    chance it is the curve of four other maps.

    Args:
        logits: of (B, S, S) films; asked twice, as all together keep every core busy.
        maps: each on its film.
        chance: of the model; None for models that were made before it was learnt.
    """
    warm = [each for each in maps if np.ptp(each.heat) > 0]
    shares = iter(_beaten(logits, warm, chance) if chance else _beaten_by_four(logits, warm))
    return [Mark(next(shares) if np.ptp(each.heat) > 0 else 0.0) for each in maps]


def is_open(share: float) -> bool:
    """Whether a share beaten that chance alone lets expect needs others to be sure of the mark."""
    return _OPEN[0] < share < _OPEN[1]


def _beaten(logits: Logits, maps: Sequence[HeatMap], chance: Chance) -> list[float]:
    own = [float(left[0]) for left in _left(logits, maps, [[each.heat] for each in maps])]
    shares = [
        chance.beaten(left, each.log_odds, np.empty(0))
        for left, each in zip(own, maps, strict=True)
    ]
    unclear = [at for at, share in enumerate(shares) if is_open(share)]
    asked = [maps[at] for at in unclear]
    others = _left(logits, asked, [_elsewhere(each.heat, _TWO) for each in asked])
    for at, found in zip(unclear, others, strict=True):
        shares[at] = chance.beaten(own[at], maps[at].log_odds, found)
    return shares


def _beaten_by_four(logits: Logits, maps: Sequence[HeatMap]) -> list[float]:
    heats = [[each.heat, *_elsewhere(each.heat, _FOUR)] for each in maps]
    found = [(float(left[0]), left[1:]) for left in _left(logits, maps, heats)]
    return [
        _share_below(own, float(np.mean(four)), float(np.std(four, ddof=1))) for own, four in found
    ]


def _left(
    logits: Logits, maps: Sequence[HeatMap], heats: Sequence[Sequence[Heat]]
) -> Sequence[NDArray[np.float64]]:
    """What is left of each film's logit without the hottest fifth of each of its heats."""
    changed = [_without(each.film, chosen) for each, chosen in zip(maps, heats, strict=True)]
    return np.split(logits(np.concatenate(changed)), len(maps)) if changed else []


def _share_below(own: float, mean: float, deviation: float) -> float:
    """The share of a normal curve that lies above a logit: of maps that a map would beat."""
    if deviation == 0:
        return float(own < mean)
    return NormalDist().cdf((mean - own) / deviation)


def _without(film: Film, heats: Sequence[Heat]) -> NDArray[np.float32]:
    """The film without its hottest fifth, by each of several maps."""
    smooth = blurred(film)
    return np.stack([without_hottest(film, smooth, heat) for heat in heats])


def _elsewhere(heat: Heat, count: int, rng: np.random.Generator | None = None) -> list[Heat]:
    """Maps of the same cells in other places.

    Without a generator the same ones for every film: a mark hangs on its film alone.
    """
    chance = rng or np.random.default_rng(_SEED)
    return [chance.permutation(heat.ravel()).reshape(heat.shape) for _ in range(count)]


def blurred(film: Film) -> Film:
    """The film, (S, S), without any structure of the size of a cell of a map."""
    blur = _blur(len(film))
    return np.asarray(blur @ film @ blur.T, np.float32)


@cache
def _blur(side: int) -> NDArray[np.float32]:
    """OpenCV's Gaussian blur of a column, (side, side): so wide a one is faster as a product."""
    return np.asarray(cv2.GaussianBlur(np.eye(side, dtype=np.float32), (1, 0), _BLUR * side))


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
