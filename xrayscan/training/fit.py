"""The story of ``fit``: a labelled folder in, a model folder out."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from xrayscan.errors import DataError, XrayscanError
from xrayscan.scoring.card import ModelCard
from xrayscan.training.films.data import LabelledFolder
from xrayscan.training.films.layouts import read_labelled
from xrayscan.training.films.parts import Parts, make_parts
from xrayscan.training.learning import devices
from xrayscan.training.learning.recipe import Lesson, train
from xrayscan.training.learning.stages import resolved
from xrayscan.training.learning.state import TrainingState
from xrayscan.training.learning.teacher import taught
from xrayscan.training.network.classifier import BACKBONE, build_classifier
from xrayscan.training.network.ensemble import (
    NAME,
    build_ensemble,
    check_data,
    ensemble_facts,
    ensemble_function,
    read_members,
)
from xrayscan.training.network.start import Start, find_start
from xrayscan.training.options import FitHooks, FitOptions
from xrayscan.training.outcome.card_facts import NetworkFacts
from xrayscan.training.outcome.export import ScoringFunction, scoring_function
from xrayscan.training.outcome.finish import Trained, write_model
from xrayscan.training.place import Place, find_place, working

log = logging.getLogger(__name__)


def fit(options: FitOptions, hooks: FitHooks | None = None) -> Path:
    """Train on a labelled folder and write a complete model folder.

    Args:
        options: what is asked.
        hooks: who watches.

    Returns:
        The model folder.

    Raises:
        DataError: the data cannot be trained on, the output exists, or nothing can be resumed.
        ModelError: the starting weights do not fit.
        StoppedError: the hooks said so; finished epochs are kept for ``options.resume``.
    """
    place = find_place(options)
    members = read_members(options.ensemble_of) if options.ensemble_of else ()
    start = find_start(options.architecture, options.origin)
    recipe = resolved(options.recipe, start.architecture, start.pretrained)
    options = replace(options, recipe=recipe)
    size = max((card.input_size for card in members), default=start.architecture.input_size)
    data = read_labelled(options.data, options.classes)
    if members:
        check_data(members, data)
    parts = make_parts(data, size, options)
    if members:
        with working(place):
            write_model(place.model, _ensemble(members, data, parts), options)
            place.deliver()
        return options.out
    identity = _identity(start, data, parts, options)
    if options.resume:
        _check_resumable(place, identity, recipe.epochs)
    with working(place):
        state = _open(place, identity)
        if state.epochs < recipe.epochs and not state.exhausted(recipe.patience):
            _train(state, start, data, parts, options, hooks or FitHooks())
        if devices.backend() != devices.TENSORFLOW:
            _finish_under_tensorflow(options)
        else:
            write_model(place.model, _best(state, start, data, parts), options)
            place.deliver()
    return options.out


def finish_from_standard_input() -> None:
    """Finish a training that another process has trained; it sends the options."""
    fit(pickle.load(sys.stdin.buffer))  # from our own parent process


def _check_resumable(place: Place, identity: dict[str, Any], epochs: int) -> None:
    """Refuse to go on with another training's state, or with one that has all its epochs.

    Raises:
        DataError: it cannot go on.
    """
    if place.has_progress():
        TrainingState.load(place.work, identity)
    elif TrainingState.load(place.finished, identity).epochs >= epochs:
        raise DataError(f"{place.out}: has {epochs} epochs or more; give more by --epochs")


def _open(place: Place, identity: dict[str, Any]) -> TrainingState:
    if place.has_progress():
        return TrainingState.load(place.work, identity)
    return TrainingState(place.work, identity)


def _train(
    state: TrainingState,
    start: Start,
    data: LabelledFolder,
    parts: Parts,
    options: FitOptions,
    hooks: FitHooks,
) -> None:
    """Train, or go on with it, until all epochs are there."""
    lesson = Lesson(
        parts,
        len(data.classes),
        options.recipe,
        start.architecture.last_blocks,
        taught(options.teacher, parts.train, data, options.workers) if options.teacher else None,
        options.workers,
        start.pretrained,
    )
    log.info("training %s from %s", start.architecture.name, start.origin)
    with devices.data_parallel(), devices.precision(options.recipe.precision):
        classifier = start.classifier(len(data.classes), options.recipe.seed)
        train(classifier, lesson, state, hooks)


def _identity(
    start: Start, data: LabelledFolder, parts: Parts, options: FitOptions
) -> dict[str, Any]:
    """What must be the same when a training goes on: all but its length."""
    recipe = options.recipe
    films = hashlib.sha256()
    for part in (parts.train, parts.validation):
        for film, sha256 in zip(part.films, part.sha256, strict=True):
            films.update(f"{sha256} {film.label} {film.weight}\n".encode())
    return {
        "architecture": start.architecture.name,
        "start": start.origin,
        "classes": list(data.classes),
        "films (sha256)": films.hexdigest(),
        "teacher": options.teacher,
        "batch_size": recipe.batch_size,
        "optimizer": recipe.optimizer.value,
        "learning_rate": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "label_smoothing": recipe.label_smoothing,
        "augmentation": recipe.augmentation,
        "unfreeze": recipe.unfreeze.value,
        "teacher_share": recipe.teacher_share,
        "seed": recipe.seed,
    }


def _best(state: TrainingState, start: Start, data: LabelledFolder, parts: Parts) -> Trained:
    """The best epoch in a network of its own: float32, on one device, nothing frozen."""
    chosen = start.architecture
    classifier = build_classifier(chosen, chosen.input_size, classes=len(data.classes))
    state.restore(classifier, state.best)

    def function(final: Any) -> ScoringFunction:
        return scoring_function(final, chosen.admission_names(final.get_layer(BACKBONE)))

    facts = NetworkFacts(
        chosen.name,
        chosen.source,
        chosen.input_size,
        start.origin,
        "" if start.model or not start.pretrained else chosen.weights,
        state.epochs,
        state.best_epoch,
        classifier.count_params(),
    )
    return Trained(classifier, function, facts, data, parts, tuple(state.history))


def _ensemble(members: tuple[ModelCard, ...], data: LabelledFolder, parts: Parts) -> Trained:
    log.info("%s of %s", NAME, ", ".join(card.name for card in members))
    function = partial(ensemble_function, cards=members)
    ensemble = build_ensemble(members)
    facts = ensemble_facts(members, ensemble.count_params())
    return Trained(ensemble, function, facts, data, parts)


def _finish_under_tensorflow(options: FitOptions) -> None:
    """Export in a process of its own: the backend of a process cannot be changed.

    Raises:
        XrayscanError: TensorFlow is not installed, or the process failed.
    """
    again = "give the same command with --resume"
    if importlib.util.find_spec("tensorflow") is None:
        raise XrayscanError(
            f"{options.out}: trained, but export needs TensorFlow; {again} where it is installed"
        )
    log.info("exporting under TensorFlow")
    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import finish_from_standard_input as f; f()"],
        input=pickle.dumps(replace(options, resume=True)),
        env=os.environ | {"KERAS_BACKEND": devices.TENSORFLOW},
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise XrayscanError(f"{options.out}: trained, but the export failed ({last}); {again}")
