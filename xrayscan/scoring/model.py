"""A model folder made ready to score: card, engine and admission statistics together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.records import HeatMap
from xrayscan.scoring.admission_statistics import AdmissionStatistics, admission_features
from xrayscan.scoring.canary import canary_films, check_canary
from xrayscan.scoring.card import ADMISSION, SCORER, ModelCard, load_card
from xrayscan.scoring.engine import Engine, Scorer, Scores
from xrayscan.scoring.faithfulness import quick_marks
from xrayscan.scoring.log_odds import log_odds
from xrayscan.scoring.posture import PostureFinding, find_posture

NO_CAM = "none"
_TESTED_TOGETHER = 16  # films; four copies of each are 13 MB at 224 pixels


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of one film.

    Attributes:
        probability: calibrated P(positive), 0..1.
        distance: from the training population; up to about 1 for films like it.
        heat_map: 1 is the card's heat scale; None when not asked for.
        classes: P(class) by name, most probable first; empty for models of two classes.
    """

    probability: float
    distance: float
    heat_map: HeatMap | None
    classes: tuple[tuple[str, float], ...] = ()


class ScoringModel:
    """A verified and loaded model folder.

    Attributes:
        card: the model's.
        cores: what it scores on; each film takes one, and so may what else is done with films.
    """

    def __init__(
        self,
        folder: Path,
        threads: int,
        card: ModelCard | None = None,
        engine: Scorer | None = None,
    ) -> None:
        """Verify and load a model folder.

        Args:
            folder: the model folder.
            threads: CPU threads to score with.
            card: the folder's, where it has been verified before; verifying reads every file.
            engine: scores in place of the folder's scorer on the CPU; takes none of its cores.

        Raises:
            ModelError: the folder is incomplete, damaged or cannot be loaded.
        """
        self.card = card or load_card(folder)
        self._admission = AdmissionStatistics.load(folder / ADMISSION)
        self.cores = threading.Semaphore(threads)
        self._engine = engine or Engine(
            folder / SCORER, self.card.input_size, threads, cores=self.cores
        )

    def check(self) -> None:
        """Score the canary films; models that were made before there were any are not checked.

        Raises:
            ModelError: the scorer does not say of them what it said when it was made.
        """
        known = self.card.facts.get("canary")
        if known is not None:
            films = canary_films(self.card.input_size)
            scores = self._engine.score(films)
            # before a site's correction, whose steps would enlarge a difference of no account
            check_canary(known, scores.probability.tolist(), self._distances(scores, films))

    def score(self, pixels: NDArray[np.float32], cam: str = NO_CAM) -> Iterator[Scored]:
        """Score films.

        Args:
            pixels: (B, S, S) float32, 0..255, S the card's input size.
            cam: which heat map to hand on, a key of the card's ``heat_scale``; "none" for none.
        """
        scores = self._engine.score(pixels)
        scale = None if cam == NO_CAM else self.card.heat_scale[cam]
        for index, distance in enumerate(self._distances(scores, pixels)):
            heat_map = None if scale is None else scores.heat_map(cam, index, pixels[index], scale)
            yield Scored(
                self.card.recalibration.applied(float(scores.probability[index])),
                distance,
                heat_map,
                () if scores.classes is None else self._ranked(scores.classes[index]),
            )

    def _distances(self, scores: Scores, pixels: NDArray[np.float32]) -> list[float]:
        """How far films, (B, S, S), lie from the training films, by what the scorer says of them.

        One by one: a matrix product over the batch would round differently by its size.
        """
        features = admission_features(scores.admission, pixels)
        return [float(self._admission.distance(each[None])[0]) for each in features]

    def are_reliable(self, maps: Sequence[HeatMap], cam: str) -> list[bool | None]:
        """Test heat maps on their films; None for want of memory.

        Args:
            maps: as ``score`` gave them for ``cam``.
            cam: a key of the card's ``heat_scale``; the map of a class is tested on its share.
        """

        def logits(changed: NDArray[np.float32]) -> NDArray[np.float64]:
            try:
                return log_odds(self._engine.score(changed).explained(cam))
            except MemoryError:
                if len(maps) > 1:
                    raise
                alone = [self._engine.score(each[None]).explained(cam)[0] for each in changed]
                return log_odds(alone)

        if len(maps) <= _TESTED_TOGETHER:
            try:
                found = quick_marks(logits, maps, self.card.heat_chance.get(cam))
                return [mark.reliable for mark in found]
            except MemoryError:
                if len(maps) == 1:
                    return [None]
        half = len(maps) // 2
        return self.are_reliable(maps[:half], cam) + self.are_reliable(maps[half:], cam)

    def posture(self, film: NDArray[np.float32]) -> PostureFinding:
        """Tell how a film lies, (S, S) float32, 0..255."""
        return find_posture(film, self._admission.posture)

    def _ranked(self, shares: NDArray[np.float32]) -> tuple[tuple[str, float], ...]:
        # the first is the negative class; the others share what a site's correction leaves them
        negative, *others = shares.tolist()
        positive = self.card.recalibration.applied(1 - negative)
        grown = positive / (1 - negative) if negative < 1 else 0.0
        if not self.card.recalibration.changes_nothing:
            negative, others = 1 - positive, [grown * share for share in others]
        pairs = zip(self.card.classes, (negative, *others), strict=True)
        return tuple(sorted(pairs, key=lambda pair: -pair[1]))
