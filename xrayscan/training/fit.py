"""The story of ``fit``: a labelled folder in, a model folder out."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError
from xrayscan.scoring import card as cards
from xrayscan.scoring.admission_statistics import AdmissionStatistics, fit_statistics
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.training.augmentation import PRESETS, varied
from xrayscan.training.calibration import fit_calibration
from xrayscan.training.card_facts import known, measured
from xrayscan.training.classifier import BACKBONE, calibrated
from xrayscan.training.data import LabelledFolder, read_labelled_folder
from xrayscan.training.export import admission_widths, export_scorer
from xrayscan.training.model_readme import model_readme
from xrayscan.training.options import FitOptions
from xrayscan.training.parts import Parts, make_parts
from xrayscan.training.recipe import predict_logits, train
from xrayscan.training.start import Start, find_start

log = logging.getLogger(__name__)

_SCORE_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Trained:
    """A trained classifier, where it started from and what it has seen."""

    classifier: Any
    start: Start
    data: LabelledFolder
    parts: Parts


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
    start = find_start(options.architecture, options.origin)
    folder = read_labelled_folder(options.data)
    parts = make_parts(folder, start.architecture.input_size, options)
    options.out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.out.absolute().parent, prefix=".fit-") as scratch:
        log.info("training %s from %s", start.architecture.name, start.origin)
        classifier = start.classifier()
        train(classifier, parts, options.recipe, Path(scratch))
        written = Path(scratch) / "model"
        _write_model(written, _Trained(classifier, start, folder, parts), options)
        shutil.move(written, options.out)
    return options.out


def _write_model(folder: Path, trained: _Trained, options: FitOptions) -> None:
    """Calibrate, export, choose thresholds on the exported scorer, write the card last."""
    folder.mkdir()
    parts = trained.parts
    positives = parts.validation.positives
    logits = predict_logits(trained.classifier, parts.validation.pixels)
    calibration = fit_calibration(logits, positives)
    final = calibrated(trained.classifier, calibration)
    final.save(folder / cards.KERAS)
    layers = trained.start.architecture.admission_names(final.get_layer(BACKBONE))
    export_scorer(final, layers, folder / cards.SCORER)
    engine = Engine(folder / cards.SCORER, final.input_shape[1], options.workers)
    _admission(engine, parts, admission_widths(final, layers)).save(folder / cards.ADMISSION)
    scores = _scores(engine, parts.validation.pixels)
    known_facts = known(trained.data, parts, trained.start, options)
    facts = known_facts | measured(scores, positives)
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
