"""The story of ``fit``: a labelled folder in, a model folder out."""

from __future__ import annotations

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

from xrayscan.errors import DataError, StoppedError, XrayscanError
from xrayscan.training.films.seen import known_by
from xrayscan.training.learning import devices
from xrayscan.training.learning.hosts import COUNT, Hosts, named_hosts
from xrayscan.training.learning.recipe import Lesson, train
from xrayscan.training.learning.state import TrainingState
from xrayscan.training.learning.teacher import taught
from xrayscan.training.network.classifier import BACKBONE, build_classifier
from xrayscan.training.network.ensemble import (
    NAME,
    build_ensemble,
    ensemble_facts,
    ensemble_function,
)
from xrayscan.training.network.start import IMAGENET, Start
from xrayscan.training.options import FitHooks, FitOptions
from xrayscan.training.outcome.card_facts import NetworkFacts
from xrayscan.training.outcome.export import ScoringFunction, scoring_function
from xrayscan.training.outcome.finish import Trained, write_model
from xrayscan.training.place import Place, watching, working
from xrayscan.training.task import Task, identity_of, read_task

log = logging.getLogger(__name__)


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
        LockedError: another training for the same model is at work.
        StoppedError: the hooks said so; finished epochs are kept for ``options.resume``.
    """
    hooks, hosts = hooks or FitHooks(), named_hosts()
    task = read_task(options)
    if task.start is None or not options.recipe.epochs:
        if not hosts.is_first:
            return None
        made = _as_it_is(task, task.start) if task.start else _ensemble(task)
        with working(task.place):
            write_model(task.place.model, made, _on_this_machine(task.options))
            task.place.deliver()
        return options.out
    identity = identity_of(task, task.start)
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
        if devices.backend() == devices.TENSORFLOW:
            best = _best(state, task, task.start)
            write_model(task.place.model, best, _on_this_machine(task.options))
            task.place.deliver()
            return options.out
    _finish_under_tensorflow(_on_this_machine(options))
    return options.out


def finish_from_standard_input() -> None:
    """Finish a training that another process has trained; it sends the options."""
    fit(pickle.load(sys.stdin.buffer))  # from our own parent process


def _check_resumable(task: Task, identity: dict[str, Any]) -> None:
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


def _train(state: TrainingState, task: Task, start: Start, hooks: FitHooks, hosts: Hosts) -> None:
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
    state: TrainingState, task: Task, start: Start, hooks: FitHooks, hosts: Hosts
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


def _best(state: TrainingState, task: Task, start: Start) -> Trained:
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
        network=replace(
            trained.network,
            epochs=state.epochs,
            best_epoch=state.best_epoch,
            seconds=round(sum(row.get("seconds", 0.0) for row in state.history)),
        ),
        seen=task.seen.and_of(known_by(task.parts.train)),
        history=tuple(state.history),
    )


def _as_it_is(task: Task, start: Start) -> Trained:
    """The model to start from, no epoch trained."""
    return _trained(start.classifier(len(task.data.classes), task.options.recipe), task, start)


def _trained(classifier: Any, task: Task, start: Start) -> Trained:
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
        made_from=(start.card,) if start.card else (),
    )
    return Trained(classifier, function, facts, task.data, task.parts, task.seen)


def _ensemble(task: Task) -> Trained:
    log.info("%s of %s", NAME, ", ".join(card.name for card in task.members))
    mirrored = task.options.mirrored
    function = partial(ensemble_function, cards=task.members, mirrored=mirrored)
    ensemble = build_ensemble(task.members, mirrored=mirrored)
    facts = ensemble_facts(task.members, ensemble.count_params(), mirrored=mirrored)
    return Trained(ensemble, function, facts, task.data, task.parts, task.seen, trainable=False)


def _on_this_machine(options: FitOptions) -> FitOptions:
    """The options with the machine for the card, unless another process has told its own.

    Asked at the end: several hosts have to meet before JAX is asked for its devices.
    """
    return replace(options, machine=options.machine or devices.machine())


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
