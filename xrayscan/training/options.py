"""What ``fit`` is asked to do, and how."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a classifier is trained.

    Attributes:
        epochs: over the whole network, after the head.
        batch_size: films per step.
        learning_rate: the highest of the warm-up and cosine schedule.
        weight_decay: of AdamW.
        label_smoothing: 0..1.
        augmentation: name of a preset.
        seed: of everything that chance decides.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 3e-4
    weight_decay: float = 1e-3
    label_smoothing: float = 0.05
    augmentation: str = "strong"
    seed: int = 7


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What ``fit`` is asked to do.

    Attributes:
        data: labelled folder.
        out: model folder to write; must not exist.
        architecture: a name of the table, or keras:NAME; "" takes that of the model to start from.
        origin: what to start from, as ``--from`` takes it; "" takes the default.
        name: the model's name in its card; the folder's name where empty.
        population: whose films these are, in words, for the card.
        licence: source and licence of the data, in words, for the card.
        folds: one part in this many is set aside for validation, by patient.
        keep_leaks: train on films that are also in validation or test, too.
        workers: threads for decoding and scoring.
        recipe: the schedule.
    """

    data: Path
    out: Path
    architecture: str = ""
    origin: str = ""
    name: str = ""
    population: str = ""
    licence: str = ""
    folds: int = 7
    keep_leaks: bool = False
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    recipe: Recipe = field(default_factory=Recipe)
