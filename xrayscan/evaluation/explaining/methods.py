"""The methods: film in, heat out. Two come from the graph itself, two ask it many times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.explaining.graphs import FEATURES, with_features
from xrayscan.evaluation.telling import CAM_NAMES
from xrayscan.scoring.card import SCORER, ModelCard
from xrayscan.scoring.engine import HEAT_PREFIX, Engine
from xrayscan.scoring.faithfulness import Film, Heat, blurred
from xrayscan.scoring.log_odds import log_odds

SCORECAM, OCCLUSION = "scorecam", "occlusion"
TITLES = {**CAM_NAMES, SCORECAM: "Score-CAM", OCCLUSION: "Occlusion"}

# Of the channels, those that hold most of the map: each costs one pass, and a film is to take
# seconds, not a minute.
_CHANNELS = 256
# A patch of a seventh of the side, as large as a position of the map, moved by half of it.
_PATCHES = 7

Explainer = Callable[[Film], Heat]


@dataclass(frozen=True, slots=True)
class Network:
    """A scorer that can be asked for probabilities and for its feature map.

    Attributes:
        engine: of the plain graph.
        card: the model's.
        threads: CPU threads to use at once.
    """

    engine: Engine
    card: ModelCard
    threads: int

    @classmethod
    def of(cls, card: ModelCard, threads: int) -> Network:
        return cls(Engine(card.folder / SCORER, card.input_size, threads), card, threads)

    @property
    def scorer(self) -> Path:
        return self.card.folder / SCORER

    def logits(self, films: Film) -> NDArray[np.float64]:
        """Log odds of the probability, (B,), of (B, S, S) films of 0..255."""
        return log_odds(self.engine.score(films).probability)


def explainer(method: str, network: Network, engine: Engine | None = None) -> Explainer:
    """Find the explainer of a method.

    Args:
        method: a key of TITLES.
        network: asked for probabilities.
        engine: whose heat maps to take, where it is not the network's own: one with other weights.

    Returns:
        A function of one film, (S, S) float32 of 0..255, to (h, w) float32, >= 0.
    """
    if method == SCORECAM:
        return lambda film: score_cam(network, film)
    if method == OCCLUSION:
        return lambda film: occlusion(network, film)
    name = HEAT_PREFIX + method
    source = engine or network.engine
    return lambda film: source.outputs(film[None])[name][0]


def score_cam(network: Network, film: Film) -> Heat:
    """Score-CAM: channels weighted by what the film scores where they are active (Wang et al.).

    Wang et al. 2020, algorithm 1: each channel, scaled to 0..1, masks the film; the softmax of the
    gains in logit over a black film weights the channels. Of all channels the strongest 256 are
    asked.

    Args:
        network: asked once for each channel.
        film: (S, S) float32, 0..255.

    Returns:
        (h, w) float32, >= 0.
    """
    engine = Engine(network.scorer, network.card.input_size, network.threads, prepare=with_features)
    maps = engine.outputs(film[None])[FEATURES][0].astype(np.float32)
    strongest = np.argsort(-maps.sum(axis=(1, 2)), kind="stable")[:_CHANNELS]
    chosen = np.stack([each for each in maps[strongest] if np.ptp(each) > 0] or [maps[0]])
    masked = np.stack([film * _mask(each, len(film)) for each in chosen])
    gains = network.logits(masked) - network.logits(np.zeros_like(film)[None])
    weights = np.exp(gains - gains.max())
    weights /= weights.sum()
    return np.asarray(np.maximum(np.tensordot(weights, chosen, axes=1), 0), np.float32)


def _mask(channel: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    large = cv2.resize(channel, (side, side), interpolation=cv2.INTER_LINEAR)
    spread = float(np.ptp(large)) or 1.0
    return np.asarray((large - large.min()) / spread, np.float32)


def occlusion(network: Network, film: Film) -> Heat:
    """Occlusion: how far the logit falls where a patch is blurred away (Zeiler and Fergus 2014).

    Blurred and not grey: a grey patch is something new to see, for a network that knows films.

    Args:
        network: asked once for each patch.
        film: (S, S) float32, 0..255.

    Returns:
        (13, 13) float32, >= 0: the mean fall over the patches that cover a place.
    """
    places = list(_places(len(film)))
    smooth = blurred(film)
    without = np.stack([_patched(film, smooth, place) for place in places])
    falls = network.logits(film[None])[0] - network.logits(without)
    cells = 2 * _PATCHES - 1
    return np.asarray(np.maximum(falls.reshape(cells, cells), 0), np.float32)


def _places(side: int) -> Iterator[tuple[slice, slice]]:
    patch = side / _PATCHES
    starts = [round(patch / 2 * step) for step in range(2 * _PATCHES - 1)]
    length = round(patch)
    for row in starts:
        for column in starts:
            yield slice(row, row + length), slice(column, column + length)


def _patched(film: Film, other: Film, place: tuple[slice, slice]) -> Film:
    changed = film.copy()
    changed[place] = other[place]
    return changed
