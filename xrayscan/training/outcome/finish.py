"""From a trained classifier to a model folder: calibrate, export, measure, describe."""

from __future__ import annotations

import logging
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import XrayscanError
from xrayscan.evaluation.calibration import fit_calibration
from xrayscan.evaluation.card_files import write_card
from xrayscan.evaluation.explaining.inputs import evenly
from xrayscan.labels.films import LabelledFolder
from xrayscan.records import DISTANCE_BIN, DISTANCE_BINS, distance_bin
from xrayscan.scoring import card as cards
from xrayscan.scoring.admission_statistics import (
    AdmissionStatistics,
    Features,
    admission_features,
    feature_groups,
    fit_statistics,
)
from xrayscan.scoring.canary import canary_facts, canary_films
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.scoring.faithfulness import Chance, learn_chance
from xrayscan.scoring.log_odds import log_odds
from xrayscan.scoring.posture import fit_posture
from xrayscan.scoring.seen import Seen
from xrayscan.training.films.parts import Parts
from xrayscan.training.learning.augmentation import PRESETS, varied
from xrayscan.training.learning.recipe import predict_logits
from xrayscan.training.learning.teacher import score_films
from xrayscan.training.network.classifier import calibrated
from xrayscan.training.options import FitOptions
from xrayscan.training.outcome.card_facts import NetworkFacts, known, measured
from xrayscan.training.outcome.export import ScoringFunction, export_scorer
from xrayscan.training.outcome.quantization import Quality, compare, quantize
from xrayscan.training.outcome.report import Evidence, write_training_report

REPORT = "report.html"
log = logging.getLogger(__name__)

_DRAW = 7  # seed of the films that postures are learnt on; any
_CHANCE_FILMS = 200  # two passes each: a line through them is far narrower than films lie around it


@dataclass(frozen=True, slots=True)
class Trained:
    """What a model folder is written from.

    Attributes:
        classifier: with the joints of ``training.network.classifier``, not yet calibrated.
        function: makes the scoring function of the calibrated classifier.
        network: for the card.
        data: where the films come from.
        parts: the films.
        seen: what it has learnt from, and what it builds on.
        history: one row per epoch.
        trainable: whether a training may go on from it; else no Keras model is kept.
    """

    classifier: Any
    function: Callable[[Any], ScoringFunction]
    network: NetworkFacts
    data: LabelledFolder
    parts: Parts
    seen: Seen
    history: tuple[Mapping[str, float], ...] = ()
    trainable: bool = True


def write_model(folder: Path, trained: Trained, options: FitOptions) -> None:
    """Calibrate, export, choose thresholds on the exported scorer, write the card last.

    Raises:
        XrayscanError: the network gives no numbers.
    """
    started = time.monotonic()
    folder.mkdir()
    parts = trained.parts
    logits = predict_logits(trained.classifier, parts.validation)
    if not np.isfinite(logits).all():  # such a network can also be given by --from
        raise XrayscanError(
            f"{options.out}: the network gives no numbers, its training diverged; train anew with "
            "a lower --learning-rate"
        )
    calibration = fit_calibration(logits, parts.validation.positives)
    final = calibrated(trained.classifier, calibration)
    if trained.trainable:
        final.save(folder / cards.KERAS)
    function = trained.function(final)
    exported = _exported(folder / cards.SCORER, function, parts, options)
    engine, scores = exported.engine, exported.scores
    statistics = _admission(engine, parts, scores, function.admission_widths)
    statistics.save(folder / cards.ADMISSION)
    trained.seen.keep_in(folder)
    facts = known(trained.data, parts, trained.network, options)
    facts |= measured(scores, parts.validation)
    facts["calibration"] |= asdict(calibration)
    if exported.quality:
        facts["quantization"] = exported.quality.facts()
    facts |= _references(engine, statistics, scores, parts, function.size)
    scales = facts["heat"]["scale"]
    facts["heat"]["chance"] = _heat_chances(engine, scores, parts.validation.pixels, scales)
    if not trained.network.epochs:
        facts["training"]["seconds"] = math.ceil(time.monotonic() - started)
    write_card(folder, facts)
    evidence = Evidence(
        trained.data.classes,
        parts.train,
        parts.validation,
        parts.leaks,
        scores,
        trained.history,
        PRESETS[options.recipe.augmentation if trained.network.epochs else "none"],
        options.recipe.seed,
    )
    write_training_report(folder / REPORT, facts, evidence)


@dataclass(frozen=True, slots=True)
class _Exported:
    """A scorer, what it says of the validation films, and what 8 bits changed, if they did."""

    engine: Engine
    scores: Scores
    quality: Quality | None = None


def _exported(
    path: Path, function: ScoringFunction, parts: Parts, options: FitOptions
) -> _Exported:
    """Export the scorer; as 8-bit integers where that is asked for and holds the quality."""

    def scored(scorer: Path) -> _Exported:
        engine = Engine(scorer, function.size, options.workers)
        return _Exported(engine, score_films(engine, parts.validation.pixels))

    export_scorer(function, path)
    whole = scored(path)
    if not options.int8:
        return whole
    # beside its place: the weights that are loaded are those of the file there
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".int8.") as place:
        made = Path(place) / path.name
        quantize(path, parts.train.pixels, options.recipe.seed, made)
        small = scored(made)
        quality = compare(whole.scores, small.scores, parts.validation.positives)
        if not quality.holds:
            log.warning("int8 loses too much AUC: the scorer stays in float32")
            return whole
        for suffix in (".bin", ".xml"):
            made.with_suffix(suffix).replace(path.with_suffix(suffix))
    return replace(small, quality=quality)


def _references(
    engine: Engine, statistics: AdmissionStatistics, scores: Scores, parts: Parts, size: int
) -> dict[str, Any]:
    """What runs compare themselves with: the canary's results, the validation films' distances."""
    canary = canary_films(size)
    of_canary = engine.score(canary)
    distances = statistics.distance(admission_features(of_canary.admission, canary))
    validation = statistics.distance(admission_features(scores.admission, parts.validation.pixels))
    counts = np.bincount([distance_bin(each) for each in validation], minlength=DISTANCE_BINS)
    return {
        "canary": canary_facts(of_canary.probability.tolist(), distances.tolist()),
        "distances": {"bin": DISTANCE_BIN, "validation": counts.tolist()},
    }


def _heat_chances(
    engine: Engine, scores: Scores, films: NDArray[np.uint8], scales: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """What the tests of heat maps compare with, by CAM method, from validation films."""
    found = {cam: _heat_chance(engine, scores, films, cam, scale) for cam, scale in scales.items()}
    return {
        cam: {name: round(value, 4) for name, value in asdict(chance).items()}
        for cam, chance in found.items()
        if chance
    }


def _heat_chance(
    engine: Engine, scores: Scores, films: NDArray[np.uint8], cam: str, scale: float
) -> Chance | None:
    def logits(changed: NDArray[np.float32]) -> NDArray[np.float64]:
        return log_odds(engine.score(changed).explained(cam))

    maps = (
        scores.heat_map(cam, place, films[place].astype(np.float32), scale)
        for place in evenly(len(films), _CHANCE_FILMS)
    )
    return learn_chance(logits, maps)


def _admission(
    engine: Engine, parts: Parts, scores: Scores, widths: tuple[int, ...]
) -> AdmissionStatistics:
    """Fit the admission statistics on varied films: other scanners and sizes are no other films.

    The edge is that of the validation films, varied and as they are.
    """
    training, validation = (
        varied(films.pixels, PRESETS["strong"], seed)
        for seed, films in enumerate((parts.train, parts.validation))
    )
    clean = admission_features(scores.admission, parts.validation.pixels)
    return fit_statistics(
        _features(engine, training),
        np.concatenate([clean, _features(engine, validation)]),
        feature_groups(widths),
        fit_posture(training, _DRAW),
    )


def _features(engine: Engine, films: NDArray[np.uint8]) -> Features:
    return admission_features(score_films(engine, films).admission, films)
