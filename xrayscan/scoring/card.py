"""A model's card: everything that has to be known to use its scorer, read from ``card.json``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xrayscan.errors import ModelError, OptionError, words_of
from xrayscan.scoring.faithfulness import Chance
from xrayscan.scoring.recalibration import Recalibration
from xrayscan.scoring.thresholds import (
    THRESHOLD_DECIMALS,
    OperatingCurve,
    OperatingPoint,
    ZoneLimits,
    resolve_rule,
)

SCHEMA = 1
CARD = "card.json"
KERAS = "model.keras"
SCORER = "scorer.xml"
ADMISSION = "admission.npz"
SCORING_FILES = (SCORER, "scorer.bin", ADMISSION)  # what every card has to vouch for

GRADCAM = "gradcam"
CAMS = (GRADCAM, "gradcam++")
CLASS_CAM = f"{GRADCAM}_class"  # and the class's index: its own map, with more than two classes


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A verified model folder.

    Attributes:
        folder: where it lies.
        sha256: of ``card.json``, which holds the sha256 of every other file.
        name: the model's name.
        architecture: a name of the table of architectures.
        input_size: side of the square that the scorer takes, pixels.
        classes: class names, the negative one first; the score is P(positive).
        positive: name of the positive class, or of all but the negative one.
        default_rule: the threshold rule used when the user gives none.
        thresholds: operating points by rule.
        curve: the operating curve on the films that the thresholds were chosen on, those included.
        zones: the limits of the review zone.
        heat_scale: by CAM method, the raw heat that is drawn as 1; with more than two classes also
            by CLASS_CAM and the class's index.
        heat_chance: by CAM method, what the test of a heat map compares with; empty in cards from
            before it was learnt.
        distance_limit: embedding distances above this are outside the training population.
        recalibration: a site's correction of the scorer's probabilities.
        facts: the card as written, for people: data, licences, results.
    """

    folder: Path
    sha256: str
    name: str
    architecture: str
    input_size: int
    classes: tuple[str, ...]
    positive: str
    default_rule: str
    thresholds: Mapping[str, OperatingPoint]
    curve: OperatingCurve
    zones: ZoneLimits
    heat_scale: Mapping[str, float]
    heat_chance: Mapping[str, Chance]
    distance_limit: float
    recalibration: Recalibration
    facts: Mapping[str, Any]

    @property
    def identity(self) -> str:
        """The model in words that leave no doubt which one it is."""
        return f"{self.name}, card sha256 {self.sha256}"

    @property
    def negative(self) -> str:
        """What a film below the threshold is called."""
        return next(name for name in self.classes if name != self.positive)

    def threshold(self, rule: str) -> float:
        """The threshold that a rule comes to, 0..1; "" is the card's default.

        Raises:
            UsageError: no such rule.
        """
        found = resolve_rule(rule or self.default_rule, self.thresholds, self.curve)
        return round(found, THRESHOLD_DECIMALS)

    def heat_map(self, cam: str) -> str:
        """Find a heat map by what ``--cam`` takes: a method, or "gradcam:" and a class's name.

        Returns:
            The key of ``heat_scale``, and of the scorer's heat maps.

        Raises:
            UsageError: this model has no such heat map.
        """
        names = {key: self._heat_title(key) for key in self.heat_scale}
        found = [key for key, name in names.items() if name == cam]
        if not found:
            raise OptionError("cam", cam, f"choose one of {', '.join(names.values())}, none")
        return found[0]

    def _heat_title(self, key: str) -> str:
        _, of_class, index = key.partition(CLASS_CAM)
        return f"{GRADCAM}:{self.classes[int(index)]}" if of_class else key


def load_card(folder: Path) -> ModelCard:
    """Read a model folder's card and check every file against its sha256.

    Raises:
        ModelError: the folder is no model folder, or a file is missing or not what the card says.
    """
    path = folder / CARD
    try:
        text = path.read_bytes()
        facts = json.loads(text)
    except FileNotFoundError:
        raise ModelError(
            f"{folder}: no {CARD} in it; give a model folder or one of `xrayscan models list`"
        ) from None
    except (OSError, ValueError, RecursionError) as fault:
        raise ModelError(
            f"{path}: cannot be read ({words_of(fault)}); restore it or fit the model again"
        ) from None
    try:
        card = _parse(folder, hashlib.sha256(text).hexdigest(), facts)
        files: dict[str, str] = dict(facts["files"])
        elsewhere = [name for name in files if Path(name).name != name]
        if elsewhere:
            raise ValueError(f"{elsewhere[0]!r} is no name of a file in its folder")
        unvouched = [name for name in SCORING_FILES if name not in files]
        if unvouched:
            raise ValueError(f"no sha256 of {unvouched[0]}")
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise ModelError(
            f"{path}: is not a valid card ({fault!r}); restore it or fit the model again"
        ) from None
    _verify(folder, files)
    return card


def trained_on(training: Mapping[str, Any]) -> str:
    """Whose films a model was last trained on, in words; "" where its card does not say.

    Args:
        training: of the card; earlier versions wrote of all models whose films were given.
    """
    earlier = training.get("population", "") if training.get("epochs", 1) else ""
    return str(training.get("trained_on", earlier))


def file_sha256(path: Path) -> str:
    """Hash a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(folder: Path, files: Mapping[str, str]) -> None:
    for name, expected in files.items():
        path = folder / name
        if path.exists() and not path.is_file():  # a pipe would be waited for, a device never ends
            raise ModelError(f"{path}: is no file; restore the model folder")
        try:
            actual = file_sha256(path)
        except OSError as fault:
            raise ModelError(f"{path}: {words_of(fault)}; restore the model folder") from None
        if actual != expected:
            raise ModelError(
                f"{path}: is not the file that its card describes (sha256 differs); "
                "restore the model folder or fit the model again"
            )


def _parse(folder: Path, sha256: str, facts: Mapping[str, Any]) -> ModelCard:
    if facts["schema"] != SCHEMA:
        raise ValueError(f"schema {facts['schema']}, this version reads {SCHEMA}")
    thresholds = {name: _point(point) for name, point in facts["thresholds"].items()}
    return ModelCard(
        folder=folder,
        sha256=sha256,
        name=facts["name"],
        architecture=facts["architecture"],
        input_size=int(facts["input"]["size"]),
        classes=tuple(facts["classes"]),
        positive=facts["positive"],
        default_rule=facts["default_threshold"],
        thresholds=thresholds,
        # the first cards hold the corners of their curve only, where a rule's point may be missing:
        # without it, a higher aim could find a higher threshold
        curve=_curve(facts["operating_curve"]).joined_with(thresholds.values()),
        zones=ZoneLimits(**facts["zones"]),
        heat_scale={name: float(scale) for name, scale in facts["heat"]["scale"].items()},
        heat_chance={
            name: Chance(**numbers) for name, numbers in facts["heat"].get("chance", {}).items()
        },
        distance_limit=float(facts["admission"]["distance_limit"]),
        recalibration=Recalibration.of_facts(facts.get("recalibration")),
        facts=facts,
    )


def _curve(facts: Mapping[str, Any]) -> OperatingCurve:
    points = np.asarray(facts["points"], np.float64).reshape(-1, 3)
    return OperatingCurve(points[:, 0], points[:, 1], points[:, 2], facts["prevalence"])


def _point(facts: Mapping[str, Any]) -> OperatingPoint:
    """The point alone; the intervals that stand beside it are for people."""
    return OperatingPoint(facts["threshold"], facts["sensitivity"], facts["specificity"])
