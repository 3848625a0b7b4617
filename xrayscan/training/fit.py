"""The story of ``fit``: a labelled folder in, a model folder out."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError
from xrayscan.scoring import card as cards
from xrayscan.scoring.admission_statistics import AdmissionStatistics, fit_statistics
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.training.architectures import Architecture, architecture
from xrayscan.training.augmentation import PRESETS, varied
from xrayscan.training.calibration import fit_calibration
from xrayscan.training.card_facts import known, measured
from xrayscan.training.classifier import BACKBONE, build_classifier, calibrated
from xrayscan.training.data import (
    DecodedFilms,
    LabelledFilm,
    LabelledFolder,
    decode_films,
    read_labelled_folder,
    split_by_patient,
)
from xrayscan.training.export import admission_widths, export_scorer
from xrayscan.training.model_readme import model_readme
from xrayscan.training.options import FitOptions
from xrayscan.training.recipe import Parts, predict_logits, train

log = logging.getLogger(__name__)

# Fewer validation films than this decide nothing (Kaggle's official ``val`` has 16).
MIN_VALIDATION = 100
_SCORE_BATCH = 256


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
    arch = architecture(options.architecture)
    folder = read_labelled_folder(options.data)
    parts = _parts(folder, arch, options)
    options.out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.absolute().parent, prefix=".fit-") as scratch:
        classifier = build_classifier(arch, arch.input_size, options.weights)
        train(classifier, parts, options.recipe, Path(scratch))
        written = Path(scratch) / "model"
        _write_model(written, classifier, folder, parts, options)
        shutil.move(written, options.out)
    return options.out


def _parts(folder: LabelledFolder, architecture: Architecture, options: FitOptions) -> Parts:
    training, validation = _split(folder, options)
    log.info("%d films to train on, %d for validation", len(training), len(validation))
    size = architecture.input_size
    parts = Parts(
        _decoded(training, size, options.workers),
        _decoded(validation, size, options.workers),
        positive=len(folder.classes) - 1,
    )
    for name, films in (("training", parts.train), ("validation", parts.validation)):
        for label, label_name in enumerate(folder.classes):
            if label not in films.labels:
                raise DataError(
                    f"{options.data}: no readable film of class {label_name} is left for {name}; "
                    "add films of that class"
                )
    return parts


def _split(
    folder: LabelledFolder, options: FitOptions
) -> tuple[tuple[LabelledFilm, ...], tuple[LabelledFilm, ...]]:
    """The given validation part where it can decide anything, else one taken by patient."""
    given = folder.of_split("val")
    training = folder.of_split("train", "")
    if not training:
        raise DataError(f"{options.data}: train has no films; put the films to learn from there")
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
    calibration = fit_calibration(predict_logits(classifier, parts.validation.pixels), positives)
    final = calibrated(classifier, calibration)
    final.save(folder / cards.KERAS)
    layers = architecture(options.architecture).admission_names(final.get_layer(BACKBONE))
    export_scorer(final, layers, folder / cards.SCORER)
    engine = Engine(folder / cards.SCORER, final.input_shape[1], options.workers)
    _admission(engine, parts, admission_widths(final, layers)).save(folder / cards.ADMISSION)
    scores = _scores(engine, parts.validation.pixels)
    facts = known(data, parts, options) | measured(scores, positives)
    facts["calibration"] |= asdict(calibration)
    facts["files"] = {path.name: cards.file_sha256(path) for path in sorted(folder.iterdir())}
    (folder / cards.CARD).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(model_readme(facts), encoding="utf-8")


def _admission(engine: Engine, parts: Parts, widths: tuple[int, ...]) -> AdmissionStatistics:
    """Fit the admission statistics on varied films: other scanners and sizes are no other films."""
    training, validation = (
        _scores(engine, varied(films.pixels, PRESETS["strong"], seed)).admission
        for seed, films in enumerate((parts.train, parts.validation))
    )
    return fit_statistics(training, validation, widths)


def _scores(engine: Engine, pixels: NDArray[np.uint8]) -> Scores:
    pieces = [
        engine.score(pixels[start : start + _SCORE_BATCH].astype(np.float32))
        for start in range(0, len(pixels), _SCORE_BATCH)
    ]
    return Scores(
        np.concatenate([piece.probability for piece in pieces]),
        np.concatenate([piece.embedding for piece in pieces]),
        np.concatenate([piece.admission for piece in pieces]),
        {name: np.concatenate([piece.heat[name] for piece in pieces]) for name in cards.CAMS},
    )
