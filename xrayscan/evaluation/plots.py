"""The figures of films and of training, one function each: numbers in, a PNG out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.figures import (
    COLOURS,
    DASHES,
    INK,
    SOFT,
    label,
    legend,
    literal,
    panels,
    png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Sequence[Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class _Panel:
    """One panel of the learning curves: what it shows, by the history's keys."""

    title: str
    lines: tuple[tuple[str, str], ...]  # key, words
    peak: str = ""  # the line whose highest point is marked

    def recorded(self, history: History) -> bool:
        return any(key in epoch for epoch in history for key, _ in self.lines)


_PANELS = (
    _Panel("loss", (("loss", "training"), ("val_loss", "validation"))),
    _Panel("AUC", (("auc", "training"), ("val_auc", "validation")), peak="val_auc"),
    _Panel("learning rate", (("learning_rate", "learning rate"),)),
)


def learning_curves(history: History) -> bytes:
    """Draw loss, AUC and learning rate by epoch, side by side.

    Args:
        history: by epoch any of epoch, loss, val_loss, auc, val_auc and learning_rate. Epochs
            without a number of their own are counted from 1.
    """
    shown = _recorded(history)
    figure, all_axes = panels(max(1, len(shown)))
    if not shown:
        all_axes[0].set_axis_off()
        all_axes[0].text(0.5, 0.5, "nothing recorded yet", ha="center", color=SOFT)
    for axes, panel in zip(all_axes, shown, strict=False):
        _draw_panel(axes, panel, history)
    return png(figure)


def learning_panels(history: History) -> dict[str, bytes]:
    """Draw the same as ``learning_curves``, one picture per panel, by what it shows."""
    pictures = {}
    for panel in _recorded(history):
        figure, (axes,) = panels()
        _draw_panel(axes, panel, history)
        pictures[panel.title] = png(figure)
    return pictures


def histogram(values: Mapping[str, NDArray[np.float64]], across: str) -> bytes:
    """Draw the distribution of a measure by class, each class filling the same area.

    Args:
        values: (N,) by class name.
        across: what is measured, and its unit.
    """
    figure, (axes,) = panels()
    everything = np.concatenate(list(values.values()))
    edges = np.histogram_bin_edges(everything, bins=min(40, max(5, int(everything.size**0.5))))
    width = edges[1] - edges[0]
    for place, (name, numbers) in enumerate(values.items()):
        colour = COLOURS[place % len(COLOURS)]
        shares = np.histogram(numbers, edges)[0] / max(1, len(numbers))
        words = literal(f"{len(numbers)} {name}")  # begins with no underscore: those are not shown
        axes.stairs(shares, edges, fill=True, alpha=0.18, color=colour)
        axes.stairs(
            shares,
            edges,
            color=colour,
            linewidth=1.8,
            linestyle=DASHES[place % len(DASHES)],
            label=words,
        )
    label(axes, across, f"share of the class per {width:.2g}")
    legend(axes)
    return png(figure)


def _recorded(history: History) -> list[_Panel]:
    return [panel for panel in _PANELS if panel.recorded(history)]


def _draw_panel(axes: Axes, panel: _Panel, history: History) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = [epoch.get("epoch", place + 1) for place, epoch in enumerate(history)]
    for place, (key, words) in enumerate(panel.lines):
        values = np.array([epoch.get(key, np.nan) for epoch in history], np.float64)
        values[~np.isfinite(values)] = np.nan
        if np.isnan(values).all():
            continue
        axes.plot(
            epochs, values, "o", color=COLOURS[place], ls=DASHES[place], lw=1.8, ms=4, label=words
        )
        if key == panel.peak:
            at = int(np.nanargmax(values))
            words = f"highest: {values[at]:.4f}, epoch {epochs[at]:g}"
            axes.plot(epochs[at], values[at], "D", ms=8, mfc="none", color=INK, label=words)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.ticklabel_format(axis="y", scilimits=(-3, 4), useOffset=False)
    axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    label(axes, "epoch", panel.title)
    if len(panel.lines) > 1 and axes.get_lines():
        legend(axes)
