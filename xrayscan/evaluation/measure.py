"""All measures of a sample, as plain values that JSON, a page and a model's card can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation import bootstrap, counting, delong
from xrayscan.evaluation.bootstrap import Interval
from xrayscan.evaluation.estimates import Estimate, ends, rounded
from xrayscan.evaluation.metrics import auc, average_precision, confusion, reliability
from xrayscan.evaluation.probabilities import (
    brier,
    calibration_in_the_large,
    calibration_line,
    net_benefit,
)
from xrayscan.evaluation.proportions import proportion
from xrayscan.evaluation.sample import Sample
from xrayscan.scoring.thresholds import operating_curve

BOOTSTRAP = f"bootstrap over patients, {bootstrap.COUNT} resamples"
FIXED = (0.8, 0.9, 0.95)  # of sensitivity and specificity, where the other one is looked up
GRID = tuple(round(0.05 * step, 2) for step in range(1, 20))  # thresholds of the table
ODDS = tuple(round(0.01 * step, 2) for step in range(1, 100))  # of the decision curve

Facts = dict[str, Any]


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
        "thresholds": threshold_table(sample, options),
        "decision_curve": decision_curve(sample),
    }


def at_threshold(
    sample: Sample, called: NDArray[np.bool_], prevalence: float | None = None
) -> Facts:
    """Measure calls: counts, proportions with Wilson's interval, the rest with the bootstrap's.

    Args:
        sample: the films.
        called: (N,) True for films called positive.
        prevalence: 0..1, for the predictive values elsewhere.
    """
    positives = sample.positives
    counts = confusion(called, positives)
    found = _proportions(sample, called) | _counted(sample, called, prevalence)
    return {
        "confusion": counts.tolist(),
        **{name: estimate.facts() for name, estimate in found.items()},
        "report": _report(called, sample),
    }


def _proportions(sample: Sample, called: NDArray[np.bool_]) -> dict[str, Estimate]:
    positives, patients = sample.positives, sample.patients
    negative, positive = sample.names
    rows = {
        "sensitivity": (called, positives, f"No film is {positive}."),
        "specificity": (~called, ~positives, f"No film is {negative}."),
        "ppv": (positives, called, "No film was called positive."),
        "npv": (~positives, ~called, "No film was called negative."),
        "accuracy": (called == positives, np.ones_like(called), "No film was scored."),
    }
    return {
        name: proportion(hits, among, patients, why) for name, (hits, among, why) in rows.items()
    }


_UNDEFINED = {
    "f1": "No film is positive or called positive.",
    "balanced_accuracy": "It takes films of both classes.",
    "matthews": "It takes films of both classes, and calls of both kinds.",
    "youden": "It takes films of both classes.",
    "likelihood_ratio_positive": "No film was called positive by mistake: it has no upper limit.",
    "likelihood_ratio_negative": "No negative film was called negative: it has no upper limit.",
    "ppv_at_prevalence": "No film was called positive.",
    "npv_at_prevalence": "No film was called negative.",
}


def _counted(
    sample: Sample, called: NDArray[np.bool_], prevalence: float | None
) -> dict[str, Estimate]:
    positives = sample.positives
    values = counting.measures(counting.counts_of(called, positives), prevalence)

    def drawn(films: NDArray[np.int64]) -> Mapping[str, float]:
        found = counting.measures(counting.counts_of(called, positives, films), prevalence)
        return {name: float(value) for name, value in found.items()}

    intervals = bootstrap.intervals(drawn, sample.patients)
    lack = sample.lack
    return {
        name: _estimate(float(value), intervals.get(name), lack or _UNDEFINED[name])
        for name, value in values.items()
    }


def _estimate(value: float, interval: Interval | None, why: str) -> Estimate:
    if not math.isfinite(value):
        return Estimate(None, why=why)
    if interval is None:
        return Estimate(value, why=FEW)
    if interval.low == interval.high:
        return Estimate(value, why="No resample differs: the films show no error to tell a width.")
    return Estimate(value, interval, BOOTSTRAP)


FEW = "No interval: too few patients, or too few of one class."


def _report(called: NDArray[np.bool_], sample: Sample) -> Facts:
    """scikit-learn's classification report: by class, and the means over classes and films."""
    if not len(sample):
        return {}
    from sklearn.metrics import classification_report

    report = classification_report(
        sample.positives,
        called,
        labels=[False, True],
        target_names=list(sample.names),
        output_dict=True,
        zero_division=0,
    )
    return {
        name: {key: rounded(value) for key, value in row.items()}
        for name, row in report.items()
        if isinstance(row, dict)
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
        name: _estimate(value, intervals.get(name), FEW).facts() for name, value in values.items()
    }
    found = delong.areas([sample.probabilities], sample.positives).interval()
    facts["auc"]["interval_delong"] = ends(found)
    if found is None:
        facts["auc"]["why_no_delong"] = _no_variance(sample)
    return facts


def _no_variance(sample: Sample) -> str:
    if np.ptp(sample.probabilities) == 0:
        return "All probabilities are equal: nothing is ranked."
    if min(sample.positive_count, sample.negative_count) < 2:
        return "A class has a single film: its spread cannot be seen."
    return "Every film of one class lies above every one of the other: no error shows a width."


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
            name: _estimate(value, intervals.get(name), why).facts()
            for name, value in values.items()
        },
        "bins": [
            {"mean_probability": rounded(said), "positives": rounded(seen), "films": int(count)}
            for said, seen, count in zip(bins.confidence, bins.frequency, bins.count, strict=True)
        ],
    }


def _calibrated(
    probabilities: NDArray[np.float64], positives: NDArray[np.bool_]
) -> dict[str, float]:
    line = calibration_line(probabilities, positives)
    large = calibration_in_the_large(probabilities, positives)
    return {
        "brier": brier(probabilities, positives),
        "expected_calibration_error": reliability(probabilities, positives).error,
        "slope": math.nan if line is None else line.slope,
        "intercept": math.nan if line is None else line.intercept,
        "in_the_large": math.nan if large is None else large,
    }


def _no_line(sample: Sample) -> str:
    if np.ptp(sample.probabilities) == 0:
        return "All probabilities are equal: no line can be laid through them."
    return "A threshold tells the classes apart without error: the line has no finite slope."


def threshold_table(sample: Sample, options: MeasureOptions) -> list[Facts]:
    """Say what thresholds give: the one in use, the named ones, and a grid, rising."""
    if sample.lack:
        return []
    named = {"in use": options.threshold, **options.named}
    rows = [(value, name) for name, value in named.items()] + [(value, "") for value in GRID]
    return [_table_row(sample, value, name) for value, name in sorted(rows)]


def _table_row(sample: Sample, threshold: float, name: str) -> Facts:
    called = sample.probabilities >= threshold
    values = counting.measures(counting.counts_of(called, sample.positives))
    shares = _proportions(sample, called)
    return {
        "name": name,
        "threshold": rounded(threshold),
        **{key: shares[key].facts() for key in ("sensitivity", "specificity", "ppv", "npv")},
        "f1": rounded(float(values["f1"])) if np.isfinite(values["f1"]) else None,
        "youden": rounded(float(values["youden"])),
        "called_positive_per_1000": round(1000 * float(called.mean())),
    }


def decision_curve(sample: Sample) -> list[Facts]:
    """Net benefit by threshold probability, beside calling every film positive, and none."""
    if sample.lack:
        return []
    everyone = np.ones(len(sample))
    return [
        {
            "threshold": odds,
            "model": rounded(net_benefit(sample.probabilities, sample.positives, odds)),
            "all": rounded(net_benefit(everyone, sample.positives, odds)),
            "none": 0.0,
        }
        for odds in ODDS
    ]
