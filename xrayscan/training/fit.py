"""The story of ``fit``: a labelled folder in, a model folder out."""

from __future__ import annotations

import datetime
import json
import logging
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan import __version__
from xrayscan.errors import DataError
from xrayscan.records import PROBABILITY_DECIMALS
from xrayscan.scoring import card as cards
from xrayscan.scoring.admission_statistics import AdmissionStatistics, fit_statistics
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.scoring.thresholds import RULES, OperatingCurve, OperatingPoint, operating_curve
from xrayscan.training.architectures import TABLE, Architecture
from xrayscan.training.calibration import expected_calibration_error, fit_temperature
from xrayscan.training.classifier import build_classifier, calibrated
from xrayscan.training.data import (
    DecodedFilms,
    LabelledFilm,
    LabelledFolder,
    decode_films,
    read_labelled_folder,
    split_by_patient,
)
from xrayscan.training.export import export_scorer
from xrayscan.training.recipe import Parts, Recipe, predict_logits, train

log = logging.getLogger(__name__)

DEFAULT_RULE = "youden"
# The review zone reaches from 99 % sensitivity to 99 % specificity on the validation patients.
_ZONE_AIM = 0.99
_HEAT_QUANTILE = 0.99  # of the strongest heat per positive film: drawn as 1
_ADMISSION_QUANTILE = 0.995  # of validation films are admitted
# Fewer validation films than this decide nothing (Kaggle's official ``val`` has 16).
MIN_VALIDATION = 100
_SCORE_BATCH = 256


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What ``fit`` is asked to do.

    Attributes:
        data: labelled folder.
        out: model folder to write; must not exist.
        architecture: a name of the table.
        weights: backbone weights to start from; None starts from chance.
        name: the model's name in its card; the folder's name where empty.
        population: whose films these are, in words, for the card.
        licence: source and licence of the data, in words, for the card.
        folds: one part in this many is set aside for validation, by patient.
        workers: threads for decoding and scoring.
        recipe: the schedule.

    """

    data: Path
    out: Path
    architecture: str = "efficientnet_lite0"
    weights: Path | None = None
    name: str = ""
    population: str = ""
    licence: str = ""
    folds: int = 7
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    recipe: Recipe = field(default_factory=Recipe)


def fit(options: FitOptions) -> Path:
    """Train on a labelled folder and write a complete model folder.

    Returns:
        The model folder.

    Raises:
        DataError: the data cannot be trained on, or the output exists.
        ModelError: the starting weights do not fit.

    """
    if options.out.exists():
        raise DataError(f"{options.out}: exists already; choose another folder or remove it")
    architecture = TABLE[options.architecture]
    folder = read_labelled_folder(options.data)
    parts = _parts(folder, architecture, options)
    options.out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.absolute().parent, prefix=".fit-") as scratch:
        classifier = build_classifier(architecture, architecture.input_size, options.weights)
        train(classifier, parts, options.recipe, Path(scratch))
        written = Path(scratch) / "model"
        _write_model(written, classifier, folder, parts, options)
        shutil.move(written, options.out)
    return options.out


def _parts(folder: LabelledFolder, architecture: Architecture, options: FitOptions) -> Parts:
    training, validation = _split(folder, options)
    log.info("%d films to train on, %d for validation", len(training), len(validation))
    size = architecture.input_size
    return Parts(
        _decoded(training, size, options.workers),
        _decoded(validation, size, options.workers),
        positive=len(folder.classes) - 1,
    )


def _split(
    folder: LabelledFolder, options: FitOptions
) -> tuple[tuple[LabelledFilm, ...], tuple[LabelledFilm, ...]]:
    """The given validation part where it can decide anything, else one taken by patient."""
    given = folder.of_split("val")
    training = folder.of_split("train", "")
    if len(given) >= MIN_VALIDATION:
        return training, given
    if given:
        log.warning("val has only %d films: validating on patients of train", len(given))
    return split_by_patient(training, options.folds, options.recipe.seed)


def _decoded(films: tuple[LabelledFilm, ...], size: int, workers: int) -> DecodedFilms:
    decoded = decode_films(films, size, workers)
    for location, words in decoded.unreadable:
        log.warning("left out: %s: %s", location, words)
    return decoded


def _write_model(
    folder: Path, classifier: Any, data: LabelledFolder, parts: Parts, options: FitOptions
) -> None:
    """Calibrate, export, choose thresholds on the exported scorer, write the card last."""
    folder.mkdir()
    positives = parts.validation.labels == parts.positive
    temperature = fit_temperature(predict_logits(classifier, parts.validation.pixels), positives)
    final = calibrated(classifier, temperature)
    final.save(folder / cards.KERAS)
    export_scorer(final, folder / cards.SCORER)
    engine = Engine(folder / cards.SCORER, final.input_shape[1], options.workers)
    training = fit_statistics(_scores(engine, parts.train.pixels).embedding)
    training.save(folder / cards.ADMISSION)
    scores = _scores(engine, parts.validation.pixels)
    facts = _facts(data, parts, options) | _measured(scores, positives, training)
    facts["calibration"]["temperature"] = temperature
    facts["files"] = {path.name: cards.file_sha256(path) for path in sorted(folder.iterdir())}
    (folder / cards.CARD).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _scores(engine: Engine, pixels: NDArray[np.uint8]) -> Scores:
    pieces = [
        engine.score(pixels[start : start + _SCORE_BATCH].astype(np.float32))
        for start in range(0, len(pixels), _SCORE_BATCH)
    ]
    return Scores(
        np.concatenate([piece.probability for piece in pieces]),
        np.concatenate([piece.embedding for piece in pieces]),
        {name: np.concatenate([piece.heat[name] for piece in pieces]) for name in cards.CAMS},
    )


def _facts(data: LabelledFolder, parts: Parts, options: FitOptions) -> dict[str, Any]:
    """What is known before anything is measured."""
    architecture = TABLE[options.architecture]
    return {
        "schema": cards.SCHEMA,
        "name": options.name or options.out.name,
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "xrayscan": __version__,
        "architecture": architecture.name,
        "architecture_source": architecture.source,
        "input": {"size": architecture.input_size, "range": [0, 255]},
        "classes": list(data.classes),
        "positive": data.classes[parts.positive],
        "score": f"calibrated P({data.classes[parts.positive]})",
        "training": {
            "data": options.data.name,
            "population": options.population,
            "licence": options.licence,
            "started_from": options.weights.name if options.weights else "none",
            "started_from_source": architecture.weights if options.weights else "",
            "recipe": asdict(options.recipe),
            "validation_folds": options.folds,
            "train": _part_facts(parts.train, data.classes),
            "validation": _part_facts(parts.validation, data.classes),
        },
    }


def _part_facts(films: DecodedFilms, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "films": len(films.films),
        "patients": len({film.patient for film in films.films}),
        "by_class": {
            name: int((films.labels == label).sum()) for label, name in enumerate(classes)
        },
        "unreadable": len(films.unreadable),
    }


def _measured(
    scores: Scores, positives: NDArray[np.bool_], training: AdmissionStatistics
) -> dict[str, Any]:
    """What the exported scorer gives on the validation films."""
    from sklearn.metrics import roc_auc_score

    # rounded as predictions are written, so that a film on a threshold falls on the same side
    probabilities = np.asarray(
        np.round(scores.probability.astype(np.float64), PROBABILITY_DECIMALS), np.float64
    )
    curve = operating_curve(probabilities, positives)
    named = {rule: curve.by_rule(rule) for rule in RULES}
    chosen = named[DEFAULT_RULE].threshold
    limits = sorted(
        (curve.at_sensitivity(_ZONE_AIM).threshold, curve.at_specificity(_ZONE_AIM).threshold)
    )
    distances = training.distance(scores.embedding)
    return {
        "default_threshold": DEFAULT_RULE,
        "thresholds": {rule: asdict(point) for rule, point in named.items()},
        "zones": {"review": limits[0], "positive": limits[1]},
        "operating_curve": {
            "prevalence": curve.prevalence,
            "points": [list(point) for point in _thinned(curve)],
        },
        "calibration": {
            "method": "temperature",
            "expected_calibration_error": round(
                expected_calibration_error(probabilities, positives), 4
            ),
        },
        "heat": {"scale": _heat_scales(scores, positives), "quantile": _HEAT_QUANTILE},
        "admission": {
            "distance_limit": float(np.quantile(distances, _ADMISSION_QUANTILE)),
            "quantile": _ADMISSION_QUANTILE,
        },
        "results": {
            "measured_on": "validation patients, exported scorer",
            "auc": round(float(roc_auc_score(positives, probabilities)), 4),
            "accuracy": round(float(((probabilities >= chosen) == positives).mean()), 4),
        },
    }


def _thinned(curve: OperatingCurve) -> list[tuple[float, float, float]]:
    """Only the corners of the ROC: points that no other beats in both directions."""
    points: list[OperatingPoint] = [curve.point(i) for i in range(len(curve.thresholds))]
    kept = [
        point
        for i, point in enumerate(points)
        if i in (0, len(points) - 1)
        or (
            point.sensitivity > points[i - 1].sensitivity
            and points[i + 1].specificity < point.specificity
        )
    ]
    return [(p.threshold, p.sensitivity, p.specificity) for p in kept]


def _heat_scales(scores: Scores, positives: NDArray[np.bool_]) -> dict[str, float]:
    return {
        name: float(np.quantile(heat[positives].max(axis=(1, 2)), _HEAT_QUANTILE)) or 1.0
        for name, heat in scores.heat.items()
    }
