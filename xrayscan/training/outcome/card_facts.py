"""What a model's card says: what is known of the training, and what the scorer measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan import __version__
from xrayscan.clock import today
from xrayscan.evaluation.bootstrap import (
    Interval,
    auc_interval,
    chosen_threshold_interval,
    threshold_intervals,
)
from xrayscan.evaluation.metrics import auc, confusion, reliability
from xrayscan.evaluation.sample import as_written
from xrayscan.labels.films import LabelledFolder
from xrayscan.scoring import card as cards
from xrayscan.scoring.admission_statistics import QUANTILE
from xrayscan.scoring.engine import Scores
from xrayscan.scoring.thresholds import RULES, OperatingPoint, operating_curve
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.films.parts import Parts
from xrayscan.training.options import FitOptions, last_name

DEFAULT_RULE = "youden"
# The review zone reaches from 99 % sensitivity to 99 % specificity on the validation patients.
_ZONE_AIM = 0.99
_HEAT_QUANTILE = 0.99  # of the strongest heat per positive film: drawn as 1
# of a model that another was made from
_OF_ANCESTORS = ("command", "data", "machine", "seconds", "epochs", "best_epoch", "made_from")
# Distances up to this are admitted: 1 is the edge of the validation films (docs/admission.md).
ADMISSION_LIMIT = 1.0


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What a card says of the network.

    Attributes:
        architecture: its name.
        source: paper or project.
        input_size: side of the square input, pixels.
        started_from: a model, a weights file, imagenet or none; the members of an ensemble.
        started_from_source: where pretrained weights come from, with licence.
        epochs: how many were trained.
        best_epoch: the one that was kept.
        seconds: that these epochs took; without any, what calibrating and measuring did.
        parameters: how many weights, frozen ones included.
        teacher: the model learnt from beside the labels; "" for none.
        smoothing: passes of a 3 x 3 mean in front of it.
        made_from: the cards of the models whose weights it began with, or has.
    """

    architecture: str
    source: str
    input_size: int
    started_from: str
    started_from_source: str = ""
    epochs: int = 0
    best_epoch: int = 0
    seconds: int = 0
    parameters: int = 0
    teacher: str = ""
    smoothing: int = 0
    made_from: tuple[cards.ModelCard, ...] = ()


def known(
    data: LabelledFolder, parts: Parts, network: NetworkFacts, options: FitOptions
) -> dict[str, Any]:
    """What is known before anything is measured."""
    return {
        "schema": cards.SCHEMA,
        "name": options.name or options.out.name,
        "created": today(),
        "xrayscan": __version__,
        "architecture": network.architecture,
        "architecture_source": network.source,
        "parameters": network.parameters,
        "input": {"size": network.input_size, "range": [0, 255]},
        "classes": list(data.classes),
        "positive": data.positive,
        "score": f"calibrated P({data.positive})",
        "training": {
            "command": options.command,
            "machine": options.machine,
            "seconds": network.seconds,
            "data": last_name(options.data),
            "population": options.population,
            "trained_on": _trained_on(network, options),
            "licence": options.licence,
            "started_from": network.started_from,
            "started_from_source": network.started_from_source,
            "teacher": network.teacher,
            "made_from": [_ancestor(card) for card in network.made_from],
            "epochs": network.epochs,
            "best_epoch": network.best_epoch,
            "recipe": _recipe_facts(network, options),
            "validation_folds": options.folds,
            "limit": options.limit,
            "train": _part_facts(parts.train, data.classes),
            "validation": _part_facts(parts.validation, data.classes)
            | {"too_small": parts.validation_too_small},
            "validation_seen_before": parts.seen_before,
            "leaks": dict(Counter(leak.kind.value for leak in parts.leaks)),
            "leaks_kept": options.keep_leaks,
        },
    }


def _trained_on(network: NetworkFacts, options: FitOptions) -> str:
    """Whose films the last training was on: of what was made without one, those of its models."""
    if network.epochs:
        return options.population
    each = [cards.trained_on(card.facts["training"]) for card in network.made_from]
    return "; ".join(dict.fromkeys(filter(None, each)))


def _ancestor(card: cards.ModelCard) -> dict[str, Any]:
    """How a model was made that this one was made from, and so on back."""
    training = card.facts["training"]
    told = {name: training[name] for name in _OF_ANCESTORS if training.get(name)}
    created = card.facts.get("created", "")
    return {"name": card.name, "card_sha256": card.sha256, "created": created, **told}


def _recipe_facts(network: NetworkFacts, options: FitOptions) -> dict[str, Any]:
    """How it was trained; of one taken as it is, what stands in front."""
    if network.epochs:
        return asdict(options.recipe)
    return {"smoothing": network.smoothing} if network.smoothing else {}


def _part_facts(films: DecodedFilms, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "films": len(films.films),
        "patients": len({film.patient for film in films.films}),
        "by_class": {
            name: int((films.labels == label).sum()) for label, name in enumerate(classes)
        },
        "unreadable": len(films.unreadable),
        "films_without_patient": films.unnamed_patients,
    }


def measured(scores: Scores, films: DecodedFilms) -> dict[str, Any]:
    """What the exported scorer gives on the validation films."""
    positives = films.positives
    patients = [film.patient for film in films.films]
    probabilities = as_written(scores.probability)
    curve = operating_curve(probabilities, positives)
    named = {rule: curve.by_rule(rule) for rule in RULES}
    chosen = named[DEFAULT_RULE].threshold
    limits = sorted(
        (curve.at_sensitivity(_ZONE_AIM).threshold, curve.at_specificity(_ZONE_AIM).threshold)
    )
    return {
        "default_threshold": DEFAULT_RULE,
        "thresholds": {
            rule: asdict(point) | _intervals(rule, point, probabilities, positives, patients)
            for rule, point in named.items()
        },
        "zones": {"review": limits[0], "positive": limits[1]},
        "operating_curve": {
            "prevalence": curve.prevalence,
            "points": [list(row) for row in curve.thinned().rows()],
        },
        "calibration": {
            "method": "temperature and offset",
            "expected_calibration_error": round(reliability(probabilities, positives).error, 4),
        },
        "heat": {"scale": _heat_scales(scores, films), "quantile": _HEAT_QUANTILE},
        "admission": {
            "distance_limit": ADMISSION_LIMIT,
            "distance_1_is_quantile": QUANTILE,
        },
        "results": {
            "measured_on": "validation patients, exported scorer",
            "auc": round(auc(probabilities, positives), 4),
            "auc_interval": _ends(auc_interval(probabilities, positives, patients)),
            "intervals": "95 %, bootstrap over patients",
            "accuracy": round(float(((probabilities >= chosen) == positives).mean()), 4),
            **(_by_class(scores.classes, films) if scores.classes is not None else {}),
        },
    }


def _by_class(shares: NDArray[np.float32], films: DecodedFilms) -> dict[str, Any]:
    """How well more than two classes are told apart; films are called the likeliest one."""
    classes = shares.shape[1]
    return {
        "class_auc": [
            round(auc(shares[:, label].astype(np.float64), films.labels == label), 4)
            for label in range(classes)
        ],
        "confusion": confusion(shares.argmax(axis=1), films.labels, classes).tolist(),
    }


def _intervals(
    rule: str,
    point: OperatingPoint,
    probabilities: NDArray[np.float64],
    positives: NDArray[np.bool_],
    patients: Sequence[str],
) -> dict[str, Any]:
    fixed = threshold_intervals(probabilities, positives, patients, point.threshold)
    chosen = chosen_threshold_interval(rule, probabilities, positives, patients)
    return {f"{name}_interval": _ends(each) for name, each in fixed.items()} | {
        "threshold_interval": _ends(chosen)
    }


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [round(interval.low, 4), round(interval.high, 4)]


def _heat_scales(scores: Scores, films: DecodedFilms) -> dict[str, float]:
    """The scale of a class's own heat map is taken on its films, of the others on positives."""
    scales = {}
    for name, heat in scores.heat.items():
        _, of_class, index = name.partition(cards.CLASS_CAM)
        shown = films.labels == int(index) if of_class else films.positives
        scales[name] = float(np.quantile(heat[shown].max(axis=(1, 2)), _HEAT_QUANTILE)) or 1.0
    return scales
