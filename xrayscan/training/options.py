"""What ``fit`` is asked to do, and how."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from xrayscan.cores import available_cores
from xrayscan.errors import StoppedError


class Unfreeze(StrEnum):
    """What of a backbone is trained after the head."""

    AUTO = "auto"  # LAST of pretrained networks whose authors do so, else ALL
    ALL = "all"
    LAST = "last"
    NONE = "none"


class Optimizer(StrEnum):
    """The optimizers of the field."""

    ADAMW = "adamw"
    ADAM = "adam"


class Precision(StrEnum):
    """In what numbers training computes; models are saved and scored in float32."""

    AUTO = "auto"  # mixed where there is a GPU
    FLOAT32 = "float32"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a classifier is trained.

    Attributes:
        epochs: in all, after the head; 0 takes the model to start from as it is.
        batch_size: films per step.
        learning_rate: the highest of the warm-up and cosine schedule; 0 takes the architecture's.
        optimizer: which one.
        weight_decay: of AdamW.
        label_smoothing: 0..1.
        augmentation: name of a preset.
        unfreeze: what of the backbone is trained.
        smoothing: passes of a 3 x 3 mean over the film before the network; None takes those of the
            model to start from, else none.
        patience: stop after this many epochs without a better validation AUC; 0 never stops early.
        precision: of the arithmetic in training.
        teacher_share: of the targets, 0..1, that a teacher's probabilities make up.
        seed: of everything that chance decides.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 0.0
    optimizer: Optimizer = Optimizer.ADAMW
    weight_decay: float = 1e-3
    label_smoothing: float = 0.05
    augmentation: str = "strong"
    unfreeze: Unfreeze = Unfreeze.AUTO
    smoothing: int | None = None
    patience: int = 0
    precision: Precision = Precision.AUTO
    teacher_share: float = 0.5
    seed: int = 7


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What ``fit`` is asked to do.

    Attributes:
        data: labelled folder or CSV.
        out: model folder to write; must not exist, unless training is resumed.
        architecture: a name of the table, or keras:NAME; "" takes that of the model to start from.
        origin: what to start from, as ``--from`` takes it; "" takes the default.
        classes: as ``--classes`` takes it: "" for the data's own, "subtype", or names.
        name: the model's name in its card; the folder's name where empty.
        population: whose films these are, in words, for the card.
        licence: source and licence of the data, in words, for the card.
        teacher: model whose probabilities are learnt beside the labels; "" for none.
        ensemble_of: models to make one scorer of; nothing is trained then.
        mirrored: an ensemble also looks at each film's mirror image.
        folds: one part in this many is set aside for validation, by patient.
        limit: train on about this many films, for a quick trial; 0 takes all.
        keep_leaks: train on films that are also in validation or test, too.
        int8: the scorer is one of 8-bit integers, if it ranks about as well.
        resume: go on with a training that was stopped, or add epochs to a finished one; begin where
            there is neither.
        workers: threads for decoding, augmenting and scoring.
        command: that asks for all this, for the card; "" where there is none.
        machine: that makes the model, in words, for the card; "" until it is known.
        recipe: the schedule.
    """

    data: Path
    out: Path
    architecture: str = ""
    origin: str = ""
    classes: str = ""
    name: str = ""
    population: str = ""
    licence: str = ""
    teacher: str = ""
    ensemble_of: tuple[str, ...] = ()
    mirrored: bool = False
    folds: int = 7
    limit: int = 0
    keep_leaks: bool = False
    int8: bool = False
    resume: bool = False
    workers: int = field(default_factory=available_cores)
    command: str = ""
    machine: str = ""
    recipe: Recipe = field(default_factory=Recipe)


def last_name(path: str | Path) -> str:
    """The name that a path ends in, for the card; of "." and ".." that of the folder itself."""
    return Path(os.path.abspath(path)).name  # noqa: PTH100  # Path keeps "a/.."


@dataclass(frozen=True, slots=True)
class FitHooks:
    """What whoever started a training hears of it, and says to it.

    Attributes:
        stop: asked after every step; True stops the training.
        bar: makes a progress bar, called as ``tqdm`` is; None for none.
    """

    stop: Callable[[], bool] = lambda: False
    bar: Callable[..., Any] | None = None

    def check(self) -> None:
        """Stop here if asked to.

        Raises:
            StoppedError: so it is.
        """
        if self.stop():
            raise StoppedError("stopped; give the same command with --resume to go on")
