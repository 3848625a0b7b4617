"""The story of ``fit``: a labelled folder in, a model folder out."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from xrayscan.errors import DataError, StoppedError, UsageError, XrayscanError
from xrayscan.labels.films import LabelledFolder
from xrayscan.labels.layouts import read_labelled
from xrayscan.resources import model_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.seen import Seen
from xrayscan.training.films.parts import Parts, make_parts
from xrayscan.training.films.seen import known_by, seen_by, set_apart
from xrayscan.training.learning import devices
from xrayscan.training.learning.hosts import COUNT, Hosts, named_hosts
from xrayscan.training.learning.recipe import Lesson, train
from xrayscan.training.learning.stages import resolved
from xrayscan.training.learning.state import TrainingState
from xrayscan.training.learning.teacher import taught
from xrayscan.training.network.classifier import BACKBONE, build_classifier
from xrayscan.training.network.ensemble import (
    NAME,
    build_ensemble,
    ensemble_facts,
    ensemble_function,
    read_members,
)
from xrayscan.training.network.given import check_uncorrected, in_terms_of
from xrayscan.training.network.start import IMAGENET, Start, find_start
from xrayscan.training.options import FitHooks, FitOptions
from xrayscan.training.outcome.card_facts import NetworkFacts
from xrayscan.training.outcome.export import ScoringFunction, scoring_function
from xrayscan.training.outcome.finish import Trained, write_model
from xrayscan.training.outcome.quantization import check_installed
from xrayscan.training.place import Place, find_place, watching, working

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be done, read and checked.

    Attributes:
        options: with nothing in the recipe left open.
        place: where.
        data: the labelled films.
        parts: the films, decoded.
        seen: what the models have learnt from that this one builds on.
        start: what training starts from; None for an ensemble.
        teacher: the card of a teacher.
        members: the cards of an ensemble's members.
    """

    options: FitOptions
    place: Place
    data: LabelledFolder
    parts: Parts
    seen: Seen
    start: Start | None
    teacher: ModelCard | None
    members: tuple[ModelCard, ...]


def fit(options: FitOptions, hooks: FitHooks | None = None) -> Path | None:
    """Train on a labelled folder and write a complete model folder.

    Args:
        options: what is asked.
        hooks: who watches.

    Returns:
        The model folder; None on a host that trains along with the first, which writes it.

    Raises:
        UsageError: options that cannot work, or not together.
        DataError: the data cannot be trained on, or the output exists and cannot be resumed.
        ModelError: the starting weights do not fit.
        StoppedError: the hooks said so; finished epochs are kept for ``options.resume``.
    """
    hooks, hosts = hooks or FitHooks(), named_hosts()
    task = _read(options)
    if task.start is None or not options.recipe.epochs:
        if not hosts.is_first:
            return None
        made = _as_it_is(task, task.start) if task.start else _ensemble(task)
        with working(task.place):
            write_model(task.place.model, made, task.options)
            task.place.deliver()
        return options.out
    identity = _identity(task, task.start)
    if options.resume and task.place.resumable:
        _check_resumable(task, identity)
    if not hosts.is_first:
        with watching(task.place) as place:
            _train_along(_open(place, identity), task, task.start, hooks, hosts)
        return None
    with working(task.place):
        hooks.check()
        state = _open(task.place, identity)
        _train(state, task, task.start, hooks, hosts)
        hooks.check()
        if devices.backend() != devices.TENSORFLOW:
            _finish_under_tensorflow(options)
        else:
            write_model(task.place.model, _best(state, task, task.start), task.options)
            task.place.deliver()
    return options.out


def _read(options: FitOptions) -> _Task:
    """Check all that can be checked before hours are spent, then read the films."""
    place = find_place(options)
    if options.ensemble_of or options.mirrored or not options.recipe.epochs:
        devices.need_tensorflow("making a model without training it")
    if options.int8:
        check_installed()
    members = read_members(options) if options.ensemble_of or options.mirrored else ()
    start = None if members else find_start(options.architecture, options.origin)
    teacher = load_card(model_folder(options.teacher)) if options.teacher else None
    terms = _terms(options, start, teacher, members)
    if start:
        recipe = resolved(options.recipe, start)
        options = replace(options, recipe=recipe)
        size = start.architecture.input_size
    else:
        size = max(card.input_size for card in members)
    data = read_labelled(options.data, options.classes)
    if terms:
        data = in_terms_of(*terms, data)
    known = [card.folder for card in (*members, teacher) if card]
    seen = seen_by([*known, start.model] if start and start.model else known)
    parts = set_apart(make_parts(data, size, options), seen)
    return _Task(options, place, data, parts, seen, start, teacher, members)


def _terms(
    options: FitOptions,
    start: Start | None,
    teacher: ModelCard | None,
    members: Sequence[ModelCard],
) -> tuple[str, ModelCard] | None:
    """Whose classes the films have to be of, and the option that names it; None for any classes.

    Raises:
        UsageError: a model cannot be used as asked for.
    """
    if members:
        # all that an ensemble tells apart, whatever its members do
        sides = (members[0].negative, members[0].positive)
        return "--ensemble-of", replace(members[0], classes=sides)
    if start and not options.recipe.epochs:
        return "--epochs 0 --from", _made_anew(options, start)
    if teacher:
        check_uncorrected("--distill", teacher)
        return "--distill", teacher
    return None


def _made_anew(options: FitOptions, start: Start) -> ModelCard:
    """The card of the model that is to be left as it is.

    Raises:
        UsageError: there is none, or a training is asked for.
    """
    if start.card is None:
        raise UsageError(f"--epochs 0: {start.origin} is no trained model; give one by --from")
    if options.teacher or options.resume:
        raise UsageError("--epochs 0: trains nothing; leave --distill and --resume out")
    return start.card


def finish_from_standard_input() -> None:
    """Finish a training that another process has trained; it sends the options."""
    fit(pickle.load(sys.stdin.buffer))  # from our own parent process


def _check_resumable(task: _Task, identity: dict[str, Any]) -> None:
    """Refuse to go on with another training's state, or with one that is at its end.

    Raises:
        DataError: it cannot go on.
    """
    place, recipe = task.place, task.options.recipe
    if place.has_progress():
        TrainingState.load(place.work, identity)
        return
    state = TrainingState.load(place.finished, identity)
    if state.epochs >= recipe.epochs:
        raise DataError(f"{place.out}: has {state.epochs} epochs; give more by --epochs")
    if state.exhausted(recipe.patience):
        raise DataError(
            f"{place.out}: stopped early after {state.epochs} epochs; give more --patience, or 0"
        )


def _open(place: Place, identity: dict[str, Any]) -> TrainingState:
    if place.has_progress():
        return TrainingState.load(place.work, identity)
    return TrainingState(place.work, identity)


def _train(state: TrainingState, task: _Task, start: Start, hooks: FitHooks, hosts: Hosts) -> None:
    """Train, or go on with it, until all epochs are there."""
    options, classes = task.options, len(task.data.classes)
    if state.epochs >= options.recipe.epochs or state.exhausted(options.recipe.patience):
        return
    teacher = taught(task.teacher, task.parts.train, options.workers) if task.teacher else None
    with hosts.meeting(), devices.precision(options.recipe.precision):
        if not hosts.all_have(repr((sorted(state.identity.items()), options.recipe, state.epochs))):
            hosts.part()
            raise DataError(
                f"{options.out}: the hosts have not the same films, options or finished epochs; "
                "give the same command on each, on a folder that all of them see"
            )
        lesson = Lesson(
            task.parts,
            classes,
            options.recipe,
            start.architecture.last_blocks,
            teacher,
            options.workers,
            start.pretrained,
            devices.spread_over(hosts=hosts),
        )
        log.info("training %s from %s", start.architecture.name, start.origin)
        listening = replace(hooks, stop=lambda: hosts.any_says(hooks.stop()))
        train(start.classifier(classes, options.recipe), lesson, state, listening)


def _train_along(
    state: TrainingState, task: _Task, start: Start, hooks: FitHooks, hosts: Hosts
) -> None:
    """Train with the first host, which keeps what is made.

    Raises:
        StoppedError: one of the hosts was asked to stop.
    """
    begun = state.epochs
    try:
        _train(state, task, start, hooks, hosts)
    except StoppedError:
        raise StoppedError("stopped; the first host says how to go on") from None
    if state.epochs > begun:
        log.info("trained along; the first host writes the model")


def _identity(task: _Task, start: Start) -> dict[str, Any]:
    """What must be the same when a training goes on: all but its length."""
    recipe = task.options.recipe
    films = hashlib.sha256()
    for part in (task.parts.train, task.parts.validation):
        for film, sha256 in zip(part.films, part.sha256, strict=True):
            films.update(f"{sha256} {film.label} {film.weight}\n".encode())
    return {
        "architecture": start.architecture.name,
        "start": start.origin,
        "classes": list(task.data.classes),
        "films (sha256)": films.hexdigest(),
        "teacher": task.teacher.identity if task.teacher else "",
        "batch_size": recipe.batch_size,
        "optimizer": recipe.optimizer.value,
        "learning_rate": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "label_smoothing": recipe.label_smoothing,
        "augmentation": recipe.augmentation,
        "unfreeze": recipe.unfreeze.value,
        "teacher_share": recipe.teacher_share,
        "smoothing": recipe.smoothing,
        "seed": recipe.seed,
    }


def _best(state: TrainingState, task: _Task, start: Start) -> Trained:
    """The best epoch in a network of its own: float32, on one device, nothing frozen."""
    chosen = start.architecture
    classifier = build_classifier(
        chosen,
        chosen.input_size,
        classes=len(task.data.classes),
        smoothing=task.options.recipe.smoothing or 0,
    )
    state.restore(classifier, state.best)
    trained = _trained(classifier, task, start)
    return replace(
        trained,
        network=replace(trained.network, epochs=state.epochs, best_epoch=state.best_epoch),
        seen=task.seen.and_of(known_by(task.parts.train)),
        history=tuple(state.history),
    )


def _as_it_is(task: _Task, start: Start) -> Trained:
    """The model to start from, no epoch trained."""
    return _trained(start.classifier(len(task.data.classes), task.options.recipe), task, start)


def _trained(classifier: Any, task: _Task, start: Start) -> Trained:
    """A classifier, as if nothing had been learnt here."""
    chosen = start.architecture

    def function(final: Any) -> ScoringFunction:
        return scoring_function(final, chosen.admission_names(final.get_layer(BACKBONE)))

    facts = NetworkFacts(
        chosen.name,
        chosen.source,
        chosen.input_size,
        start.origin,
        chosen.weights if start.origin == IMAGENET else "",
        parameters=classifier.count_params(),
        teacher=task.teacher.identity if task.teacher else "",
        smoothing=task.options.recipe.smoothing or 0,
    )
    return Trained(classifier, function, facts, task.data, task.parts, task.seen)


def _ensemble(task: _Task) -> Trained:
    log.info("%s of %s", NAME, ", ".join(card.name for card in task.members))
    mirrored = task.options.mirrored
    function = partial(ensemble_function, cards=task.members, mirrored=mirrored)
    ensemble = build_ensemble(task.members, mirrored=mirrored)
    facts = ensemble_facts(task.members, ensemble.count_params(), mirrored=mirrored)
    return Trained(ensemble, function, facts, task.data, task.parts, task.seen, trainable=False)


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
        env=os.environ | {"KERAS_BACKEND": devices.TENSORFLOW, COUNT: "1"},
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise XrayscanError(f"{options.out}: trained, but the export failed ({last}); {again}")
