"""The training report's second half: how the scorer does on the validation films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation import plots
from xrayscan.evaluation.figures import Plot, png_uri
from xrayscan.evaluation.result_plots import Marks, performance_plots
from xrayscan.evaluation.sample import Sample, as_written
from xrayscan.evaluation.telling import ExplainedFilm, pictures, sureness, top
from xrayscan.scoring import card as cards
from xrayscan.scoring.engine import Scores
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.outcome.report_data import base_name

_BEST_PER_SIDE = 2
_WORST = 6
_BORDERLINE = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """Validation films and what the scorer said of them.

    Attributes:
        probabilities: (N,) P(positive), 0..1, rounded as predictions are written.
        positives: (N,) True for the positive class.
        threshold: the default one.
        sides: what a film below and a film at or above the threshold is called.
    """

    probabilities: NDArray[np.float64]
    positives: NDArray[np.bool_]
    threshold: float
    sides: tuple[str, str]

    @property
    def called(self) -> NDArray[np.bool_]:
        """(N,) True where a film is called positive."""
        return self.probabilities >= self.threshold


def judged(
    scores: Scores, films: DecodedFilms, card: Mapping[str, Any], sides: tuple[str, str]
) -> Judged:
    """Bring scores and labels together, at the card's default threshold."""
    return Judged(
        as_written(scores.probability),
        films.positives,
        float(card["thresholds"][card["default_threshold"]]["threshold"]),
        sides,
    )


def learning_plots(history: plots.History) -> tuple[Plot, ...]:
    """The learning curves, one figure per measure."""
    return tuple(
        Plot(
            title[:1].upper() + title[1:],
            png_uri(picture),
            f"Line chart of {title} over {len(history)} epochs",
        )
        for title, picture in plots.learning_panels(history).items()
    )


def result_plots(films: Judged, card: Mapping[str, Any]) -> tuple[Plot, ...]:
    """Confusion matrix, ROC, precision and recall, thresholds, reliability."""
    named = {rule: float(point["threshold"]) for rule, point in card["thresholds"].items()}
    sample = Sample(
        films.probabilities, films.positives, ("",) * len(films.probabilities), films.sides
    )
    words = f"the default threshold ({card['default_threshold']}, {films.threshold:.4f})"
    return performance_plots(
        sample,
        Marks(films.threshold, words, named),
        "Calibrated on these same films: other films will lie further from the line.",
    )


def telling_films(films: Judged) -> dict[str, tuple[int, ...]]:
    """Choose films worth a look: surely right, surely wrong, and near the threshold.

    Returns:
        Indices by "best" (of both sides), "worst" and "borderline", none of them twice.
    """
    sure = sureness(films.probabilities, films.threshold)
    right = films.called == films.positives
    best: list[int] = []
    for side in (True, False):
        best += top(sure, right & (films.called == side))[:_BEST_PER_SIDE]
    worst = top(sure, ~right)[:_WORST]
    rest = np.ones(len(sure), np.bool_)
    rest[best + worst] = False
    near = top(-np.abs(films.probabilities - films.threshold), rest)[:_BORDERLINE]
    return {"best": tuple(best), "worst": tuple(worst), "borderline": tuple(near)}


def explained(
    films: Judged,
    decoded: DecodedFilms,
    heat: Mapping[str, NDArray[np.float32]],
    indices: Sequence[int],
    classes: Sequence[str],
) -> tuple[ExplainedFilm, ...]:
    """Draw films with their heat maps.

    Args:
        films: what the scorer said.
        decoded: the same films.
        heat: by CAM method, (N, h, w), 0..1.
        indices: which of them.
        classes: names by label.
    """
    return tuple(
        ExplainedFilm(
            base_name(decoded.films[index].location),
            classes[decoded.labels[index]],
            films.sides[int(films.called[index])],
            bool(films.called[index]),
            float(films.probabilities[index]),
            pictures(decoded.pixels[index], {cam: maps[index] for cam, maps in heat.items()}),
        )
        for index in indices
    )


def drawn_heat(scores: Scores, scales: Mapping[str, float]) -> dict[str, NDArray[np.float32]]:
    """Scale raw heat as every overlay has it: (N, h, w), 0..1, by CAM method."""
    return {
        cam: np.clip(scores.heat[cam] / np.float32(scales[cam]), 0, 1)
        for cam in cards.CAMS
        if cam in scores.heat
    }
