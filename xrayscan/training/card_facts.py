"""What a model's card says: what is known of the training, and what the scorer measured."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan import __version__
from xrayscan.records import PROBABILITY_DECIMALS
from xrayscan.scoring import card as cards
from xrayscan.scoring.admission_statistics import QUANTILE
from xrayscan.scoring.engine import Scores
from xrayscan.scoring.thresholds import RULES, OperatingCurve, OperatingPoint, operating_curve
from xrayscan.training.calibration import expected_calibration_error
from xrayscan.training.data import DecodedFilms, LabelledFolder
from xrayscan.training.options import FitOptions
from xrayscan.training.parts import Parts
from xrayscan.training.start import NONE, Start

DEFAULT_RULE = "youden"
# The review zone reaches from 99 % sensitivity to 99 % specificity on the validation patients.
_ZONE_AIM = 0.99
_HEAT_QUANTILE = 0.99  # of the strongest heat per positive film: drawn as 1
# Distances up to this are admitted; 1 is the edge of the validation films. Training films in their
# published full size reach 1.14, pictures of anything else begin at 1.2 (docs/experiments.md).
ADMISSION_LIMIT = 1.15


def known(data: LabelledFolder, parts: Parts, start: Start, options: FitOptions) -> dict[str, Any]:
    """What is known before anything is measured."""
    arch = start.architecture
    return {
        "schema": cards.SCHEMA,
        "name": options.name or options.out.name,
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "xrayscan": __version__,
        "architecture": arch.name,
        "architecture_source": arch.source,
        "input": {"size": arch.input_size, "range": [0, 255]},
        "classes": list(data.classes),
        "positive": data.positive,
        "score": f"calibrated P({data.positive})",
        "training": {
            "data": options.data.name,
            "population": options.population,
            "licence": options.licence,
            "started_from": start.origin,
            "started_from_source": "" if start.model or start.origin == NONE else arch.weights,
            "recipe": asdict(options.recipe),
            "validation_folds": options.folds,
            "train": _part_facts(parts.train, data.classes),
            "validation": _part_facts(parts.validation, data.classes),
            "leaks": dict(Counter(leak.kind.value for leak in parts.leaks)),
            "leaks_kept": options.keep_leaks,
        },
    }


def _part_facts(films: DecodedFilms, classes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "films": len(films.films),
        "patients": len({film.patient for film in films.films}),
        "by_class": {
            name: int((films.labels == label).sum()) for label, name in enumerate(classes)
        },
        "unreadable": len(films.unreadable),
    }


def measured(scores: Scores, positives: NDArray[np.bool_]) -> dict[str, Any]:
    """What the exported scorer gives on the validation films."""
    from sklearn.metrics import roc_auc_score

    # rounded as predictions are written, so that a film on a threshold falls on the same side
    probabilities = np.asarray(
        np.round(scores.probability.astype(np.float64), PROBABILITY_DECIMALS), np.float64
    )
    curve = operating_curve(probabilities, positives)
    named = {rule: curve.by_rule(rule) for rule in RULES}
    chosen = named[DEFAULT_RULE].threshold
    limits = sorted(
        (curve.at_sensitivity(_ZONE_AIM).threshold, curve.at_specificity(_ZONE_AIM).threshold)
    )
    return {
        "default_threshold": DEFAULT_RULE,
        "thresholds": {rule: asdict(point) for rule, point in named.items()},
        "zones": {"review": limits[0], "positive": limits[1]},
        "operating_curve": {
            "prevalence": curve.prevalence,
            "points": [list(point) for point in _thinned(curve)],
        },
        "calibration": {
            "method": "temperature and offset",
            "expected_calibration_error": round(
                expected_calibration_error(probabilities, positives), 4
            ),
        },
        "heat": {"scale": _heat_scales(scores, positives), "quantile": _HEAT_QUANTILE},
        "admission": {
            "distance_limit": ADMISSION_LIMIT,
            "distance_1_is_quantile": QUANTILE,
        },
        "results": {
            "measured_on": "validation patients, exported scorer",
            "auc": round(float(roc_auc_score(positives, probabilities)), 4),
            "accuracy": round(float(((probabilities >= chosen) == positives).mean()), 4),
        },
    }


def _thinned(curve: OperatingCurve) -> list[tuple[float, float, float]]:
    """Only the corners of the ROC: points that no other beats in both directions."""
    points: list[OperatingPoint] = [curve.point(i) for i in range(len(curve.thresholds))]
    kept = [
        point
        for i, point in enumerate(points)
        if i in (0, len(points) - 1)
        or (
            point.sensitivity > points[i - 1].sensitivity
            and points[i + 1].specificity < point.specificity
        )
    ]
    return [(p.threshold, p.sensitivity, p.specificity) for p in kept]


def _heat_scales(scores: Scores, positives: NDArray[np.bool_]) -> dict[str, float]:
    return {
        name: float(np.quantile(heat[positives].max(axis=(1, 2)), _HEAT_QUANTILE)) or 1.0
        for name, heat in scores.heat.items()
    }
