"""The evaluation as one page: figures with intervals, curves, subgroups, failures, checklist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrayscan.evaluation.checklist import checklist
from xrayscan.evaluation.figures import Plot
from xrayscan.evaluation.judging import Explained, Judged
from xrayscan.evaluation.panels import shown
from xrayscan.evaluation.result_plots import Marks, decision_plot, performance_plots
from xrayscan.evaluation.telling import CAM_NAMES
from xrayscan.journal.atomic import atomic_text
from xrayscan.reporting.overlay import colour_bar
from xrayscan.reporting.page import page_environment
from xrayscan.resources import templates_folder
from xrayscan.scoring.card import ModelCard

_TEMPLATE = "evaluation.html"


@dataclass(frozen=True, slots=True)
class Page:
    """What the page is made of.

    Attributes:
        facts: everything measured, as written to JSON.
        card: the model's.
        judged: the films.
        panels: indices of the films to show, by panel.
        explained: those films with their heat maps, by location.
    """

    facts: Mapping[str, Any]
    card: ModelCard
    judged: Judged
    panels: Mapping[str, tuple[int, ...]]
    explained: dict[str, Explained]


def write_page(path: Path, page: Page) -> None:
    """Write the page, whole or not at all.

    Raises:
        XrayscanError: it cannot be written.
    """
    threshold = page.facts["threshold"]
    template = page_environment(templates_folder()).get_template(_TEMPLATE)
    pieces = template.generate(
        facts=page.facts,
        card=page.card.facts,
        positive=page.judged.names[1],
        negative=page.judged.names[0],
        plots=_plots(page),
        panels={
            group: shown(page.judged, films, page.explained, threshold)
            for group, films in page.panels.items()
        },
        colours=colour_bar(),
        cam_names=CAM_NAMES,
        checklist=checklist(page.facts, page.card.facts),
    )
    with atomic_text(path) as file:
        file.writelines(pieces)


def _plots(page: Page) -> tuple[Plot, ...]:
    sample = page.judged.sample
    if sample.lack:
        return ()
    marks = Marks(
        page.facts["threshold"],
        f"the threshold in use ({page.facts['rule']}, {page.facts['threshold']:.4f})",
        {name: point.threshold for name, point in page.card.thresholds.items()},
    )
    note = "On the diagonal, a probability is the share of films that are positive."
    return (
        *performance_plots(sample, marks, note),
        decision_plot(page.facts["measures"]["decision_curve"]),
    )
