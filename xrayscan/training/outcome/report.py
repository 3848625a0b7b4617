"""The training report: what was learnt from, how it went, and what came of it, in one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrayscan.journal.atomic import atomic_text
from xrayscan.reporting.overlay import colour_bar
from xrayscan.reporting.page import display_name, page_environment
from xrayscan.resources import templates_folder
from xrayscan.scoring.engine import Scores
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.films.leaks import LeakedFilm
from xrayscan.training.learning.augmentation import Augmentation
from xrayscan.training.outcome import report_data as data
from xrayscan.training.outcome import report_results as results

_TEMPLATE = "fit_report.html"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the training report shows.

    Attributes:
        classes: names by label; the first is the negative one.
        train: films learnt from.
        validation: films of other patients.
        leaks: training films that were found on the other side, too.
        scores: of the exported scorer on the validation films, in their order.
        history: one entry per epoch with any of epoch, loss, auc, val_loss, val_auc and
            learning_rate.
        augmentation: ranges of the variations in training.
        seed: of everything that chance decides here.
    """

    classes: tuple[str, ...]
    train: DecodedFilms
    validation: DecodedFilms
    leaks: tuple[LeakedFilm, ...]
    scores: Scores
    history: tuple[Mapping[str, float], ...]
    augmentation: Augmentation
    seed: int


def write_training_report(path: Path, card: Mapping[str, Any], evidence: Evidence) -> None:
    """Write the report, whole or not at all.

    Args:
        path: the page to be.
        card: the content of ``card.json``.
        evidence: what the figures and pictures are made of.

    Raises:
        XrayscanError: it cannot be written.
    """
    classes = tuple(display_name(name) for name in evidence.classes)
    sides = (classes[0], display_name(card["positive"]))
    template = page_environment(templates_folder()).get_template(_TEMPLATE)
    pieces = template.generate(
        card=card,
        positive=sides[1],
        colours=colour_bar(),
        **_data_part(evidence, classes),
        **_results_part(card, evidence, classes, sides),
    )
    with atomic_text(path) as file:
        file.writelines(pieces)


def _data_part(evidence: Evidence, classes: tuple[str, ...]) -> dict[str, Any]:
    parts = {"training": evidence.train, "validation": evidence.validation}
    unreadable = [
        (part, data.base_name(location), words)
        for part, films in parts.items()
        for location, words in films.unreadable
    ]
    in_two_classes = data.rows_in_two_classes(parts, classes)
    return {
        "parts_of_data": {part: data.class_counts(films, classes) for part, films in parts.items()},
        "patients": {
            part: len({film.patient for film in films.films}) for part, films in parts.items()
        },
        "unnamed": {part: films.unnamed_patients for part, films in parts.items()},
        "unreadable": unreadable[: data.LISTED],
        "unreadable_total": len(unreadable),
        "in_two_classes": in_two_classes[: data.LISTED],
        "in_two_classes_total": len(in_two_classes),
        "statistics": [
            row
            for part, films in parts.items()
            for row in data.grey_statistics(part, films, classes)
        ],
        "grey_plots": data.grey_plots(evidence.train, classes),
        "leaks": data.leak_facts(evidence.leaks),
        "samples": data.sample_grid(evidence.train, classes, evidence.seed),
        "ranges": data.ranges_in_words(evidence.augmentation),
        "augmented": data.augmented_grid(
            evidence.train, classes, evidence.augmentation, evidence.seed
        ),
    }


def _results_part(
    card: Mapping[str, Any], evidence: Evidence, classes: tuple[str, ...], sides: tuple[str, str]
) -> dict[str, Any]:
    films = results.judged(evidence.scores, evidence.validation, card, sides)
    heat = results.drawn_heat(evidence.scores, card["heat"]["scale"])
    return {
        "learning_plots": results.learning_plots(evidence.history),
        "result_plots": results.result_plots(films, card),
        "telling": {
            group: results.explained(films, evidence.validation, heat, indices, classes)
            for group, indices in results.telling_films(films).items()
        },
    }
