"""Which films failed, and how: the panels that a person looks at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.judging import Explained, Judged
from xrayscan.evaluation.telling import CAM_NAMES, ExplainedFilm, pictures, sureness, top
from xrayscan.reporting.page import display_name

CONFIDENT, PER_SIDE, BORDERLINE = 6, 9, 6  # films of a panel: rows of three


def chosen_films(judged: Judged, threshold: float) -> dict[str, tuple[int, ...]]:
    """Choose the films of each panel; none is in two.

    Returns:
        Indices among all films by "confident", "false_positive", "false_negative", "borderline".
    """
    sample, places = judged.sample, judged.places()
    called = sample.probabilities >= threshold
    sure = sureness(sample.probabilities, threshold)
    left = np.ones(len(sample), np.bool_)

    def take(values: NDArray[np.float64], among: NDArray[np.bool_], most: int) -> tuple[int, ...]:
        taken = top(values, among & left)[:most]
        left[taken] = False
        return tuple(int(places[index]) for index in taken)

    wrong = called != sample.positives
    return {
        "confident": take(sure, wrong, CONFIDENT),
        "false_positive": take(sure, wrong & called, PER_SIDE),
        "false_negative": take(sure, wrong & ~called, PER_SIDE),
        "borderline": take(-np.abs(sample.probabilities - threshold), left.copy(), BORDERLINE),
    }


def shown(
    judged: Judged,
    indices: tuple[int, ...],
    explained: Mapping[str, Explained],
    threshold: float,
) -> tuple[ExplainedFilm, ...]:
    """Draw the films of a panel beside their heat maps, with what a test of each map found."""
    found = []
    for index in indices:
        film, row = judged.films[index], judged.rows[index]
        drawn = explained.get(film.scan.location)
        if drawn is None or row.probability is None:  # gone since it was scored
            continue
        called = row.probability >= threshold
        found.append(
            ExplainedFilm(
                display_name(film.scan.location.replace("\\", "/").rpartition("/")[2]),
                display_name(film.label),
                judged.names[int(called)],
                called,
                row.probability,
                _marked(pictures(drawn.view, drawn.heat), drawn),
            )
        )
    return tuple(found)


def _marked(drawn: tuple[tuple[str, str], ...], film: Explained) -> tuple[tuple[str, str], ...]:
    """The pictures, each map's title with its mark where it was tested."""
    titles = {CAM_NAMES[cam]: words for cam, words in film.marks.items()}
    return tuple(
        (f"{what}: {titles[what]}" if what in titles else what, uri) for what, uri in drawn
    )
