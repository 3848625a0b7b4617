"""The comparison as one page: table, tests, ROC curves, films on which calls differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrayscan.evaluation import performance
from xrayscan.evaluation.figures import Plot, png_uri
from xrayscan.evaluation.metrics import auc
from xrayscan.evaluation.sample import Sample
from xrayscan.journal.atomic import atomic_text
from xrayscan.reporting.overlay import colour_bar
from xrayscan.reporting.page import page_environment
from xrayscan.resources import templates_folder
from xrayscan.scoring.thresholds import operating_curve

_TEMPLATE = "comparison.html"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A film that is called differently.

    Attributes:
        name: of the file.
        truth: its label.
        calls: (contender, called, probability) of each.
        pictures: (what it is, data URI) pairs.
    """

    name: str
    truth: str
    calls: tuple[tuple[str, str, float], ...]
    pictures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What the page is made of: everything measured, the samples by name, and films."""

    facts: Mapping[str, Any]
    samples: Mapping[str, Sample]
    disagreements: Sequence[Disagreement]


def write_page(path: Path, page: Page) -> None:
    """Write the page, whole or not at all.

    Raises:
        XrayscanError: it cannot be written.
    """
    template = page_environment(templates_folder()).get_template(_TEMPLATE)
    pieces = template.generate(
        facts=page.facts,
        positive=page.facts["names"][1],
        plots=_plots(page.samples),
        disagreements=page.disagreements,
        colours=colour_bar(),
    )
    with atomic_text(path) as file:
        file.writelines(pieces)


def _plots(samples: Mapping[str, Sample]) -> tuple[Plot, ...]:
    if any(sample.lack for sample in samples.values()):
        return ()
    curves = {
        name: operating_curve(sample.probabilities, sample.positives)
        for name, sample in samples.items()
    }
    areas = {name: auc(each.probabilities, each.positives) for name, each in samples.items()}
    words = ", ".join(f"{name} {area:.4f}" for name, area in areas.items())
    return (
        Plot(
            "All on the same films",
            png_uri(performance.roc_curves(curves, areas)),
            f"Receiver operating characteristics; areas: {words}",
        ),
    )
