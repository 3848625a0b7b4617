"""Measures of calls: at one threshold, at many, and their use as decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation import bootstrap, counting
from xrayscan.evaluation.estimates import Estimate, estimated, rounded
from xrayscan.evaluation.metrics import confusion
from xrayscan.evaluation.probabilities import net_benefit
from xrayscan.evaluation.proportions import proportions
from xrayscan.evaluation.sample import Sample

GRID = tuple(round(0.05 * step, 2) for step in range(1, 20))  # thresholds of the table
ODDS = tuple(round(0.01 * step, 2) for step in range(1, 100))  # of the decision curve

Facts = dict[str, Any]


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
    found = proportions(sample, called) | _counted(sample, called, prevalence)
    return {
        "confusion": counts.tolist(),
        **{name: estimate.facts() for name, estimate in found.items()},
        "report": _report(called, sample),
    }


_UNDEFINED = {
    "f1": "No film is positive or called positive.",
    "balanced_accuracy": "It takes films of both classes.",
    "matthews": "It takes films of both classes, and calls of both kinds.",
    "youden": "It takes films of both classes.",
    "likelihood_ratio_positive": "No film was called positive by mistake: nothing to divide by.",
    "likelihood_ratio_negative": "No negative film was called negative: nothing to divide by.",
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
        name: estimated(float(value), intervals.get(name), lack or _UNDEFINED[name])
        for name, value in values.items()
    }


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


def threshold_table(sample: Sample, thresholds: Mapping[str, float]) -> list[Facts]:
    """Say what thresholds give: the named ones, and a grid, rising."""
    if sample.lack:
        return []
    rows = [(value, name) for name, value in thresholds.items()] + [(value, "") for value in GRID]
    return [_table_row(sample, value, name) for value, name in sorted(rows)]


def _table_row(sample: Sample, threshold: float, name: str) -> Facts:
    called = sample.probabilities >= threshold
    values = counting.measures(counting.counts_of(called, sample.positives))
    shares = proportions(sample, called)
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
