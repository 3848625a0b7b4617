"""``evaluate --explanations``: the tests of heat maps on some of the films, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.assessing import AssessOptions
from xrayscan.errors import DataError, words_of
from xrayscan.evaluation import bootstrap
from xrayscan.evaluation.estimates import ends, rounded
from xrayscan.evaluation.explaining.faithfulness import (
    MOST_ALIKE,
    points_inside,
    removal,
    share_inside,
    shift_agreement,
    weight_dependence,
)
from xrayscan.evaluation.explaining.graphs import shuffled
from xrayscan.evaluation.explaining.inputs import evenly
from xrayscan.evaluation.explaining.methods import Explainer, Network, explainer
from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.judging import Explained, Judged, as_scored
from xrayscan.scoring.card import CAMS
from xrayscan.scoring.engine import Engine
from xrayscan.scoring.faithfulness import Heat, mark
from xrayscan.scoring.model import ScoringModel

# About a minute's work for each method; the intervals say how much it tells.
FILMS = 16
_SEEDS = (1, 2)  # of the shuffled weights
_SEED = 7
MASK, BOXES = "lung_mask", "boxes"  # columns of a list


class MapTests:
    """The tests, on one model."""

    def __init__(self, model: ScoringModel, options: AssessOptions) -> None:
        self._model = model
        self._options = options
        self._network = Network.of(model.card, options.read.workers)
        self._methods = [cam for cam in CAMS if cam in model.card.heat_scale]

    def of_films(self, judged: Judged, threshold: float) -> dict[str, Any]:
        """Test the maps of films called positive, evenly from the surest to the least sure.

        Args:
            judged: the films.
            threshold: a film is called positive from this probability on.

        Returns:
            Measures by method; or ``why`` there are none.
        """
        called = [
            (row.probability, film)
            for film, row in zip(judged.films, judged.rows, strict=True)
            if row.probability is not None and row.probability >= threshold
        ]
        if not called:
            return {"why": "No film was called positive: there is no heat to test."}
        called.sort(key=lambda pair: -pair[0])
        chosen = [called[place][1] for place in evenly(len(called), FILMS)]
        pixels = as_scored(self._model, [film.scan for film in chosen], self._options)
        films = [film for film in chosen if film.scan.location in pixels]
        if not films:
            return {"why": "None of the films called positive is there any more."}
        inputs = [pixels[film.scan.location] for film in films]
        return {
            "films": len(films),
            "methods": {method: self._method(method, films, inputs) for method in self._methods},
        }

    def mark(self, explained: Mapping[str, Explained]) -> None:
        """Test each map of a few films and note what was found."""
        for film in explained.values():
            for method, heat in film.heat.items():
                film.marks[method] = mark(self._network.logits, film.pixels, heat).words

    def _method(
        self, method: str, films: Sequence[LabelledScan], pixels: Sequence[NDArray[np.float32]]
    ) -> dict[str, Any]:
        explain = explainer(method, self._network)
        heats = [explain(each) for each in pixels]
        alike = np.mean([self._alike(method, pixels, heats, seed) for seed in _SEEDS])
        patients = [film.patient for film in films]
        marks = [
            mark(self._network.logits, film, heat) for film, heat in zip(pixels, heats, strict=True)
        ]
        return {
            **self._removal(pixels, heats, patients),
            "shift_agreement": _mean([shift_agreement(explain, each) for each in pixels], patients),
            "shift_agreement_standing_still": _mean(
                [
                    shift_agreement(_standing_still(heat), each)
                    for heat, each in zip(heats, pixels, strict=True)
                ],
                patients,
            ),
            "alike_with_shuffled_weights": rounded(float(alike)),
            "passes_randomisation": bool(alike <= MOST_ALIKE),
            "reliable_films": sum(each.reliable for each in marks),
            **_known_places(films, heats),
        }

    def _removal(
        self, pixels: Sequence[NDArray[np.float32]], heats: Sequence[Heat], patients: Sequence[str]
    ) -> dict[str, Any]:
        """Deletion and insertion of the maps, and of maps with the same cells in other places."""
        rng = np.random.default_rng(_SEED)
        logits = self._network.logits
        gains, chance = [], []
        for film, heat in zip(pixels, heats, strict=True):
            moved = rng.permutation(heat.ravel()).reshape(heat.shape)
            gains.append(removal(logits, film, heat).gain)
            chance.append(removal(logits, film, moved).gain)
        return {
            "removal_gain": _mean(gains, patients),
            "removal_gain_of_shuffled_maps": _mean(chance, patients),
            "removal_gain_over_shuffled": _mean(
                [gain - other for gain, other in zip(gains, chance, strict=True)], patients
            ),
        }

    def _alike(
        self,
        method: str,
        pixels: Sequence[NDArray[np.float32]],
        heats: Sequence[Heat],
        seed: int,
    ) -> float:
        network = self._network
        other = Engine(
            network.scorer, network.card.input_size, network.threads, prepare=shuffled(seed)
        )
        explain = explainer(method, network, other)
        return weight_dependence(heats, [explain(each) for each in pixels])


def _standing_still(heat: Heat) -> Explainer:
    """An explainer that gives the same map whatever the film does."""
    return lambda film: heat


def _mean(values: Sequence[float], patients: Sequence[str]) -> dict[str, Any]:
    numbers = np.array(values, np.float64)
    interval = bootstrap.interval(lambda films: float(numbers[films].mean()), patients)
    return {"value": rounded(float(numbers.mean())), "interval": ends(interval)}


def _known_places(films: Sequence[LabelledScan], heats: Sequence[Heat]) -> dict[str, Any]:
    """Heat inside the lungs, and hits of boxes, where the list has masks or boxes."""
    inside = [
        share
        for film, heat in zip(films, heats, strict=True)
        if MASK in film.attributes
        and (share := share_inside(heat, _mask(film, film.attributes[MASK]))) is not None
    ]
    hits = [
        points_inside(heat, boxes_of(film.attributes[BOXES]))
        for film, heat in zip(films, heats, strict=True)
        if film.attributes.get(BOXES)
    ]
    facts: dict[str, Any] = {}
    if inside:
        facts["heat_inside_lungs"] = {"value": rounded(float(np.mean(inside))), "of": len(inside)}
    if hits:
        facts["pointing_game"] = {"value": rounded(float(np.mean(hits))), "of": len(hits)}
    return facts


def _mask(film: LabelledScan, name: str) -> NDArray[np.bool_]:
    path = Path(film.scan.location).parent / name
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as fault:
        words = words_of(fault)
        raise DataError(f"{path}: {words}; correct the column {MASK}") from None
    mask = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if mask is None:
        raise DataError(f"{path}: is no picture; correct the column {MASK}")
    return np.asarray(mask > 127, np.bool_)


def boxes_of(text: str) -> list[tuple[float, float, float, float]]:
    """Read boxes: left, top, width, height as shares of the film; further ones after a semicolon.

    Raises:
        DataError: it is no such list.
    """
    found = []
    for box in filter(None, (part.strip() for part in text.split(";"))):
        try:
            left, top, width, height = (float(number) for number in box.split())
        except ValueError:
            raise DataError(
                f"boxes {text!r}: give left, top, width and height as shares of the film, "
                "separated by spaces, and a semicolon between boxes"
            ) from None
        found.append((left, top, width, height))
    return found
