"""The figures of one model on one sample, with their titles and captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation import metrics, performance
from xrayscan.evaluation.figures import Plot, png_uri
from xrayscan.evaluation.sample import Sample
from xrayscan.scoring.thresholds import operating_curve


@dataclass(frozen=True, slots=True)
class Marks:
    """Which thresholds the figures mark.

    Attributes:
        threshold: the one in use.
        words: it in words, for a title.
        named: further ones by name.
    """

    threshold: float
    words: str
    named: Mapping[str, float] = field(default_factory=dict)


def performance_plots(sample: Sample, marks: Marks, reliability_note: str) -> tuple[Plot, ...]:
    """Draw confusion matrix, ROC, precision and recall, thresholds and reliability.

    Args:
        sample: films of both classes.
        marks: thresholds to mark.
        reliability_note: the caption of the reliability diagram.
    """
    curve = operating_curve(sample.probabilities, sample.positives)
    called = sample.probabilities >= marks.threshold
    counts = metrics.confusion(called, sample.positives)
    area = metrics.auc(sample.probabilities, sample.positives)
    bins = metrics.reliability(sample.probabilities, sample.positives)
    return (
        Plot(
            f"Confusion matrix at {marks.words}",
            png_uri(performance.confusion_matrix(counts, sample.names)),
            in_words(counts, sample.names),
            "Films, and their share of the class.",
        ),
        Plot(
            "ROC",
            png_uri(performance.roc(curve, marks.named, area)),
            f"Receiver operating characteristic with an area of {area:.4f}",
            "The marks are the card's thresholds.",
        ),
        Plot(
            "Precision and recall",
            png_uri(performance.precision_recall(curve, marks.named)),
            "Precision over recall, average precision "
            f"{metrics.average_precision(curve):.4f}, prevalence {curve.prevalence:.3f}",
            "At this folder's prevalence; where the disease is rarer, precision is lower.",
        ),
        Plot(
            "Over the threshold",
            png_uri(performance.threshold_curves(curve, marks.threshold)),
            "Sensitivity, specificity, precision, F1 and Youden's J over the threshold; "
            f"in use {marks.threshold:.4f}",
        ),
        Plot(
            "Reliability",
            png_uri(performance.reliability_diagram(bins)),
            f"Share of positives over mean probability, calibration error {bins.error:.4f}",
            reliability_note,
        ),
    )


def decision_plot(rows: Sequence[Mapping[str, float]]) -> Plot:
    """Draw the decision curve from the rows that ``measure`` gives."""
    thresholds = np.array([row["threshold"] for row in rows])
    lines = {name: np.array([row[name] for row in rows]) for name in ("model", "all", "none")}
    return Plot(
        "Decision curve",
        png_uri(performance.decision_curve(thresholds, lines)),
        "Net benefit of the model, of referring every film and of referring none, over the "
        "threshold probability",
        "Net benefit counts true positives per film, less false ones at the rate at which the "
        "threshold trades them (Vickers and Elkin 2006). Where the model's line is not the "
        "highest, it is of no use at that trade.",
    )


def in_words(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    """A confusion matrix as a sentence."""
    return "; ".join(
        f"{counts[row, column]} films of {names[row]} called {names[column]}"
        for row in range(len(names))
        for column in range(len(names))
    )
