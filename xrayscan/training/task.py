"""What a training is to do, all of it read and checked before hours are spent."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from xrayscan.errors import OptionError
from xrayscan.labels.films import LabelledFolder
from xrayscan.labels.layouts import read_labelled
from xrayscan.resources import model_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.seen import Seen
from xrayscan.training.films.parts import Parts, make_parts
from xrayscan.training.films.seen import seen_by, set_apart
from xrayscan.training.learning import devices
from xrayscan.training.learning.stages import resolved
from xrayscan.training.network.ensemble import read_members
from xrayscan.training.network.given import check_uncorrected, in_terms_of
from xrayscan.training.network.start import Start, find_start
from xrayscan.training.options import FitOptions
from xrayscan.training.outcome.quantization import check_installed
from xrayscan.training.place import Place, find_place

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
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


def read_task(options: FitOptions) -> Task:
    """Check all that can be checked before hours are spent, then read the films.

    Raises:
        UsageError: options that cannot work, or not together.
        DataError: the data cannot be trained on, or the output exists and cannot be resumed.
        ModelError: the starting weights do not fit.
    """
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
        options = replace(options, recipe=resolved(options.recipe, start))
        size = start.architecture.input_size
    else:
        size = max(card.input_size for card in members)
    data = read_labelled(options.data, options.classes)
    if terms:
        data = in_terms_of(*terms, data)
    known = [card.folder for card in (*members, teacher) if card]
    seen = seen_by([*known, start.model] if start and start.model else known)
    parts = set_apart(make_parts(data, size, options), seen)
    if parts.validation_too_small:
        log.warning("validation: %s", parts.validation_too_small)
    return Task(options, place, data, parts, seen, start, teacher, members)


def identity_of(task: Task, start: Start) -> dict[str, Any]:
    """What must be the same when a training goes on: all but its length."""
    recipe = task.options.recipe
    films = hashlib.sha256()
    for part in (task.parts.train, task.parts.validation):
        for sha256, label, film in part.by_content:
            films.update(f"{sha256} {label} {film.weight}\n".encode())
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
        "precision": recipe.precision.value,
        "seed": recipe.seed,
    }


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
        raise OptionError("epochs", "0", f"{start.origin} is no trained model; give one by --from")
    if options.teacher or options.resume:
        raise OptionError("epochs", "0", "trains nothing; leave --distill and --resume out")
    return start.card
