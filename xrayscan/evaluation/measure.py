"""All measures of a sample, as plain values that JSON, a page and a model's card can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation import bootstrap
from xrayscan.evaluation.area import area
from xrayscan.evaluation.by_threshold import Facts, at_threshold, decision_curve, threshold_table
from xrayscan.evaluation.estimates import (
    FEW,
    UNBIASED,
    Estimate,
    ends,
    estimated,
    rounded,
)
from xrayscan.evaluation.metrics import auc, average_precision, reliability
from xrayscan.evaluation.probabilities import (
    brier,
    calibration_in_the_large,
    calibration_line,
)
from xrayscan.evaluation.sample import Sample
from xrayscan.scoring.thresholds import operating_curve

FIXED = (0.8, 0.9, 0.95)  # of sensitivity and specificity, where the other one is looked up


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """What is measured at.

    Attributes:
        threshold: a film is called positive when its probability is at least this, 0..1.
        named: further thresholds for the table, by name.
        prevalence: 0..1, for the predictive values elsewhere; None for none.
    """

    threshold: float
    named: Mapping[str, float] = field(default_factory=dict)
    prevalence: float | None = None


def measure(sample: Sample, options: MeasureOptions) -> Facts:
    """Measure a model on labelled films.

    Args:
        sample: the films; any number, of one class or both.
        options: threshold and prevalence.

    Returns:
        Plain values that JSON holds: each measure as value and 95 % interval, and where there is
        none, the sentence that says why. Never NaN.
    """
    return {
        "films": {
            "scored": len(sample),
            "positive": sample.positive_count,
            "negative": sample.negative_count,
            "patients": len(set(sample.patients)),
            "names": list(sample.names),
        },
        "threshold": options.threshold,
        "at_threshold": at_threshold(
            sample, sample.probabilities >= options.threshold, options.prevalence
        ),
        "prevalence": options.prevalence,
        "ranking": ranking(sample),
        "calibration": calibration(sample),
        "thresholds": threshold_table(sample, {"in use": options.threshold, **options.named}),
        "decision_curve": decision_curve(sample),
    }


def ranking(sample: Sample) -> Facts:
    """Measure how well probabilities put positives above negatives, whatever the threshold."""
    if sample.lack:
        return {"why": sample.lack}
    values = _ranked(sample.probabilities, sample.positives)

    def drawn(films: NDArray[np.int64]) -> Mapping[str, float]:
        positives = sample.positives[films]
        if positives.all() or not positives.any():
            return dict.fromkeys(values, math.nan)
        return _ranked(sample.probabilities[films], positives)

    intervals = bootstrap.intervals(drawn, sample.patients)
    facts: Facts = {
        name: estimated(value, intervals.get(name), FEW).facts() for name, value in values.items()
    }
    found = area(sample)
    facts["auc"]["interval_delong"] = ends(found.interval)
    if found.why:
        facts["auc"]["why_no_delong"] = found.why
    return facts


def _ranked(probabilities: NDArray[np.float64], positives: NDArray[np.bool_]) -> dict[str, float]:
    curve = operating_curve(probabilities, positives)
    found = {
        "auc": auc(probabilities, positives),
        "average_precision": average_precision(curve),
    }
    for aim in FIXED:
        found[f"sensitivity_at_specificity_{aim:g}"] = curve.at_specificity(aim).sensitivity
        found[f"specificity_at_sensitivity_{aim:g}"] = curve.at_sensitivity(aim).specificity
    return found


def calibration(sample: Sample) -> Facts:
    """Measure whether probabilities mean what they say."""
    if not len(sample):
        return {"why": sample.lack}
    values = _calibrated(sample.probabilities, sample.positives)

    def drawn(films: NDArray[np.int64]) -> Mapping[str, float]:
        return _calibrated(sample.probabilities[films], sample.positives[films])

    intervals = bootstrap.intervals(drawn, sample.patients)
    why = sample.lack or _no_line(sample)
    bins = reliability(sample.probabilities, sample.positives)
    return {
        **{
            name: estimated(value, intervals.get(name), why).facts()
            for name, value in values.items()
        },
        "expected_calibration_error": _error(sample, bins.error).facts(),
        "bins": [
            {"mean_probability": rounded(said), "positives": rounded(seen), "films": int(count)}
            for said, seen, count in zip(bins.confidence, bins.frequency, bins.count, strict=True)
        ],
    }


def _error(sample: Sample, value: float) -> Estimate:
    def drawn(films: NDArray[np.int64]) -> float:
        return reliability(sample.probabilities[films], sample.positives[films]).error

    interval = bootstrap.distance_interval(drawn, sample.patients)
    return estimated(value, interval, sample.lack, UNBIASED)


def _calibrated(
    probabilities: NDArray[np.float64], positives: NDArray[np.bool_]
) -> dict[str, float]:
    line = calibration_line(probabilities, positives)
    tell_nothing = np.ptp(probabilities) == 0 or positives.all() or not positives.any()
    no_line = math.nan if tell_nothing else math.inf  # told apart without error
    large = calibration_in_the_large(probabilities, positives)
    return {
        "brier": brier(probabilities, positives),
        "slope": no_line if line is None else line.slope,
        "intercept": no_line if line is None else line.intercept,
        "in_the_large": math.nan if large is None else large,
    }


def _no_line(sample: Sample) -> str:
    if np.ptp(sample.probabilities) == 0:
        return "All probabilities are equal: no line can be laid through them."
    return "A threshold tells the classes apart without error: the line has no finite slope."
