"""The figures of probabilities against labels, one function each: numbers in, a PNG out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation import metrics
from xrayscan.evaluation.figures import (
    BLUE,
    COLOURS,
    DASHES,
    INK,
    SOFT,
    VERMILION,
    label,
    legend,
    literal,
    panels,
    png,
    unit_square,
)
from xrayscan.scoring.thresholds import OperatingCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def confusion_matrix(counts: NDArray[np.int64], names: Sequence[str]) -> bytes:
    """Draw how many films of each class were called what.

    Args:
        counts: (K, K), rows are the classes, columns what they were called.
        names: (K,) of the classes.
    """
    figure, (axes,) = panels()
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.grid(visible=False)
    for (row, column), share in np.ndenumerate(shares):
        words = f"{counts[row, column]}\n{100 * share:.1f} %"
        colour = "white" if share > 0.5 else INK
        axes.text(column, row, words, ha="center", va="center", fontsize=13, color=colour)
    shown = [literal(name if len(name) <= 16 else f"{name[:15]}…") for name in names]
    axes.set_xticks(range(len(names)), shown)
    axes.set_yticks(range(len(names)), shown, rotation=90, va="center")
    axes.tick_params(length=0)
    label(axes, "called", "class")
    return png(figure)


def roc(curve: OperatingCurve, marked: Mapping[str, float], area: float) -> bytes:
    """Draw the ROC with operating points on it.

    Args:
        curve: all operating points.
        marked: thresholds to mark, by name.
        area: under the curve, 0..1.
    """
    figure, (axes,) = panels()
    axes.plot((0, 1), (0, 1), color=SOFT, linewidth=1, linestyle=DASHES[2], label="chance")
    false = 1 - curve.specificity
    axes.plot(false, curve.sensitivity, color=BLUE, linewidth=2, label=f"model, AUC {area:.4f}")
    _mark(axes, marked, curve, false, curve.sensitivity)
    unit_square(axes)
    label(axes, "1 - specificity", "sensitivity")
    legend(axes, "lower right")
    return png(figure)


def precision_recall(curve: OperatingCurve, marked: Mapping[str, float]) -> bytes:
    """Draw precision over recall with operating points on it; arguments as of ``roc``."""
    figure, (axes,) = panels()
    axes.axhline(
        curve.prevalence, color=SOFT, linewidth=1, linestyle=DASHES[2], label="chance (prevalence)"
    )
    values = metrics.precision(curve)
    area = metrics.average_precision(curve)
    axes.plot(
        curve.sensitivity,
        values,
        color=BLUE,
        linewidth=2,
        drawstyle="steps-pre",  # a threshold between two has the precision of the next
        label=f"model, average precision {area:.4f}",
    )
    _mark(axes, marked, curve, curve.sensitivity, values)
    unit_square(axes)
    label(axes, "recall (sensitivity)", "precision")
    legend(axes, "lower left")
    return png(figure)


def threshold_curves(curve: OperatingCurve, chosen: float) -> bytes:
    """Draw what each threshold would give, with the chosen one marked."""
    figure, (axes,) = panels()
    for place, (words, values) in enumerate(
        {
            "sensitivity": curve.sensitivity,
            "specificity": curve.specificity,
            "precision": metrics.precision(curve),
            "F1": metrics.f1(curve),
            "Youden's J": metrics.youden(curve),
        }.items()
    ):
        colour = COLOURS[place]
        dashes = DASHES[place % len(DASHES)]
        axes.plot(curve.thresholds, values, color=colour, ls=dashes, lw=1.8, label=words)
    axes.axvline(chosen, color=INK, linewidth=1.2, label=f"in use, {chosen:.3f}")
    unit_square(axes)
    label(axes, "threshold", "value")
    legend(axes)
    return png(figure)


def decision_curve(
    thresholds: NDArray[np.float64], lines: Mapping[str, NDArray[np.float64]]
) -> bytes:
    """Draw net benefit over the threshold probability.

    Args:
        thresholds: (K,) 0..1.
        lines: (K,) net benefit by name; "model" is drawn first.
    """
    figure, (axes,) = panels()
    styles = {"model": (BLUE, DASHES[0]), "all": (VERMILION, DASHES[1]), "none": (SOFT, DASHES[2])}
    for name, values in lines.items():
        colour, dashes = styles[name]
        words = name if name == "model" else f"refer {name}"
        axes.plot(thresholds, values, color=colour, ls=dashes, lw=1.8, label=words)
    highest = max(0.01, max(float(values.max()) for values in lines.values()))
    # referring all falls without end; what lies far below none says nothing more
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.25 * highest, 1.1 * highest))
    label(axes, "threshold probability", "net benefit, true positives per film")
    legend(axes)
    return png(figure)


def roc_curves(curves: Mapping[str, OperatingCurve], areas: Mapping[str, float]) -> bytes:
    """Draw the ROCs of several models in one picture; ``areas`` under them by the same names."""
    figure, (axes,) = panels()
    axes.plot((0, 1), (0, 1), color=SOFT, linewidth=1, linestyle=DASHES[2], label="chance")
    for place, (name, curve) in enumerate(curves.items()):
        axes.plot(
            1 - curve.specificity,
            curve.sensitivity,
            color=COLOURS[place % len(COLOURS)],
            ls=DASHES[place % len(DASHES)],
            lw=1.8,
            label=literal(f"{name}, AUC {areas[name]:.3f}"),
        )
    unit_square(axes)
    label(axes, "1 - specificity", "sensitivity")
    legend(axes, "lower right")
    return png(figure)


def reliability_diagram(bins: metrics.Reliability) -> bytes:
    """Draw how often films of like probability are positive; on the diagonal is calibrated."""
    figure, (axes,) = panels()
    axes.plot((0, 1), (0, 1), color=SOFT, linewidth=1, linestyle=DASHES[2], label="calibrated")
    fewest, most = bins.count.min(), bins.count.max()
    size = str(most) if fewest == most else f"{fewest} to {most}"
    axes.plot(
        bins.confidence,
        bins.frequency,
        color=BLUE,
        marker="o",
        linewidth=1.5,
        label=f"bins of {size} films, ECE {bins.error:.4f}",
    )
    unit_square(axes)
    label(axes, "mean probability of the bin", "share of positives")
    legend(axes, "upper left")
    return png(figure)


def _mark(
    axes: Axes,
    marked: Mapping[str, float],
    curve: OperatingCurve,
    across: NDArray[np.float64],
    up: NDArray[np.float64],
) -> None:
    """Mark thresholds on a curve, each at the last operating point at or above it."""
    for place, (name, threshold) in enumerate(marked.items()):
        at = int(np.searchsorted(-curve.thresholds, -threshold, side="right")) - 1
        axes.plot(
            across[max(0, at)],
            up[max(0, at)],
            "oDs^v"[place % 5],
            ms=8,
            mfc="none",
            mew=1.8,
            color=COLOURS[(place + 1) % len(COLOURS)],
            label=literal(name),
        )
