"""Does a heat map mean anything? Tests that a map can fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.explaining.imputing import imputed
from xrayscan.evaluation.explaining.methods import Explainer
from xrayscan.scoring.faithfulness import Film, Heat, Logits, spread

# Shares of a film that are taken away: of more than half nothing is left to fill from.
SHARES = (0.1, 0.3, 0.5)
# Of the side: one position of a map of 7. By half of one, maps that stand still agree as well as
# the real ones do (0.85 and 0.83, measured).
_SHIFT = 1 / 7
# A heat map of other weights that is more alike than this does not depend on what was learnt.
MOST_ALIKE = 0.5


@dataclass(frozen=True, slots=True)
class Removal:
    """What the logit becomes while pixels are taken away.

    Attributes:
        hottest_first: (K,) fall of the logit without each share of the hottest pixels: deletion.
        coldest_first: (K,) the same without the coldest: what insertion asks.
    """

    hottest_first: NDArray[np.float64]
    coldest_first: NDArray[np.float64]

    @property
    def gain(self) -> float:
        """Mean fall without the hottest less that without the coldest, in log odds.

        Above 0 where the hot places matter more than the cold ones; 0 for a map that knows nothing.
        """
        return float((self.hottest_first - self.coldest_first).mean())


def removal(logits: Logits, film: Film, heat: Heat, shares: Sequence[float] = SHARES) -> Removal:
    """Take the hottest and the coldest pixels away and see what the score makes of it.

    Deletion and insertion (Petsiuk et al. 2018), the pixels filled as in ROAD (Rong et al. 2022),
    in logits, which do not saturate as probabilities do.

    Args:
        logits: of (B, S, S) films.
        film: (S, S) float32, 0..255.
        heat: (h, w), of any scale.
        shares: of the film to take away, each above 0 and below 1.
    """
    order = np.argsort(-spread(heat, len(film)).ravel(), kind="stable")
    films = [film]
    for direction in (order, order[::-1]):
        for share in shares:
            removed = np.zeros(film.size, np.bool_)
            removed[direction[: round(share * film.size)]] = True
            films.append(imputed(film, removed.reshape(film.shape)))
    first, *others = logits(np.stack(films))
    falls = first - np.asarray(others)
    return Removal(falls[: len(shares)], falls[len(shares) :])


def shift_agreement(explain: Explainer, film: Film) -> float:
    """How alike maps are when the film is moved by one position of the map, -1..1.

    Mean correlation over four directions, of maps moved back and without what left the film. A map
    that stands still whatever the film does has to be known to judge it: ``explain`` may be one.
    """
    side = len(film)
    step = round(_SHIFT * side)
    plain = spread(explain(film), side)
    found = []
    for down, across in ((step, 0), (-step, 0), (0, step), (0, -step)):
        matrix = np.array([[1, 0, across], [0, 1, down]], np.float32)
        moved = cv2.warpAffine(film, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        heat = spread(explain(np.asarray(moved, np.float32)), side)
        back = np.roll(heat, (-down, -across), axis=(0, 1))
        inner = slice(step, side - step)
        found.append(correlation(plain[inner, inner], back[inner, inner]))
    return float(np.mean(found))


def weight_dependence(heats: Sequence[Heat], others: Sequence[Heat]) -> float:
    """How alike the maps of a model and of one with shuffled weights are, -1..1 (Adebayo 2018).

    A map that does not change with the weights shows the film, not what was learnt from films. Rank
    correlation, as there; without its sign, which a shuffled network has by chance.

    Args:
        heats: of the model, one per film.
        others: of the shuffled one, on the same films.
    """
    pairs = zip(heats, others, strict=True)
    return float(np.mean([abs(rank_correlation(one, other)) for one, other in pairs]))


def share_inside(heat: Heat, mask: NDArray[np.bool_]) -> float | None:
    """Share of the heat that lies in a mask, 0..1; None for a map without heat.

    Args:
        heat: (h, w), >= 0.
        mask: (H, W) True inside, of the whole film.
    """
    height, width = mask.shape
    large = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    total = float(large.sum())
    return float(large[mask].sum()) / total if total > 0 else None


def points_inside(heat: Heat, boxes: Sequence[tuple[float, float, float, float]]) -> bool:
    """The pointing game: does the hottest place lie in a box (Zhang et al. 2018)?

    Args:
        heat: (h, w).
        boxes: (left, top, width, height) as shares of the film, 0..1.
    """
    row, column = np.unravel_index(int(np.argmax(heat)), heat.shape)
    x, y = (column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0]
    return any(
        left <= x <= left + width and top <= y <= top + height for left, top, width, height in boxes
    )


def correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Pearson's correlation; 1 for two maps that are the same up to scale, flat ones included."""
    flat_one, flat_other = np.ptp(one) == 0, np.ptp(other) == 0
    if flat_one or flat_other:
        return 1.0 if flat_one and flat_other else 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def rank_correlation(one: Heat, other: Heat) -> float:
    """Spearman's rank correlation, ties by midranks; 1 for two flat maps."""
    from scipy.stats import rankdata

    return correlation(rankdata(one).reshape(one.shape), rankdata(other).reshape(other.shape))
