"""What ``fit`` is asked to do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from xrayscan.training.recipe import Recipe


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
