"""The training report's second half: how the scorer does on the validation films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation import metrics, performance, plots
from xrayscan.evaluation.figures import data_uri as png_uri
from xrayscan.records import PROBABILITY_DECIMALS
from xrayscan.reporting.overlay import data_uri, overlay
from xrayscan.scoring import card as cards
from xrayscan.scoring.engine import Scores
from xrayscan.scoring.thresholds import operating_curve
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.outcome.report_data import Plot, base_name, fitting

_CAM_NAMES = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++"}
_BEST_PER_SIDE = 2
_WORST = 6
_BORDERLINE = 4
_FILM_SIDE = 224  # pixels, at most


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


@dataclass(frozen=True, slots=True)
class ExplainedFilm:
    """A validation film with its heat maps: (what it is, data URI) pairs."""

    name: str
    truth: str
    called: str
    positive: bool
    probability: float
    pictures: tuple[tuple[str, str], ...]


def judged(
    scores: Scores, films: DecodedFilms, card: Mapping[str, Any], sides: tuple[str, str]
) -> Judged:
    """Bring scores and labels together, at the card's default threshold."""
    return Judged(
        np.asarray(np.round(scores.probability.astype(np.float64), PROBABILITY_DECIMALS)),
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
    curve = operating_curve(films.probabilities, films.positives)
    counts = metrics.confusion(films.called, films.positives)
    area = metrics.auc(films.probabilities, films.positives)
    bins = metrics.reliability(films.probabilities, films.positives)
    marked = {rule: float(point["threshold"]) for rule, point in card["thresholds"].items()}
    rule, chosen = card["default_threshold"], f"{films.threshold:.4f}"
    return (
        Plot(
            f"Confusion matrix at the default threshold ({rule}, {chosen})",
            png_uri(performance.confusion_matrix(counts, films.sides)),
            _in_words(counts, films.sides),
            "Films, and their share of the class.",
        ),
        Plot(
            "ROC",
            png_uri(performance.roc(curve, marked, area)),
            f"Receiver operating characteristic with an area of {area:.4f}",
            "The marks are the card's thresholds.",
        ),
        Plot(
            "Precision and recall",
            png_uri(performance.precision_recall(curve, marked)),
            "Precision over recall, average precision "
            f"{metrics.average_precision(curve):.4f}, prevalence {curve.prevalence:.3f}",
            "At this folder's prevalence; where the disease is rarer, precision is lower.",
        ),
        Plot(
            "Over the threshold",
            png_uri(performance.threshold_curves(curve, films.threshold)),
            f"Sensitivity, specificity, F1 and Youden's J over the threshold; default {chosen}",
        ),
        Plot(
            "Reliability",
            png_uri(performance.reliability_diagram(bins)),
            f"Share of positives over mean probability, calibration error {bins.error:.4f}",
            "Calibrated on these same films: other films will lie further from the line.",
        ),
    )


def telling_films(films: Judged) -> dict[str, tuple[int, ...]]:
    """Choose films worth a look: surely right, surely wrong, and near the threshold.

    Returns:
        Indices by "best" (of both sides), "worst" and "borderline", none of them twice.
    """
    sure = _sureness(films)
    right = films.called == films.positives
    best: list[int] = []
    for side in (True, False):
        best += _top(sure, right & (films.called == side))[:_BEST_PER_SIDE]
    worst = _top(sure, ~right)[:_WORST]
    rest = np.ones(len(sure), np.bool_)
    rest[best + worst] = False
    near = _top(-np.abs(films.probabilities - films.threshold), rest)[:_BORDERLINE]
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
            _pictures(decoded.pixels[index], {cam: maps[index] for cam, maps in heat.items()}),
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


def _pictures(
    film: NDArray[np.uint8], heat: Mapping[str, NDArray[np.float32]]
) -> tuple[tuple[str, str], ...]:
    shown = fitting(film, _FILM_SIDE)
    maps = ((_CAM_NAMES[cam], data_uri(overlay(shown, each))) for cam, each in heat.items())
    return (("film", data_uri(shown)), *maps)


def _sureness(films: Judged) -> NDArray[np.float64]:
    """How far from the threshold towards certainty a film lies, (N,) 0..1, alike on both sides."""
    above = (films.probabilities - films.threshold) / max(1 - films.threshold, 1e-9)
    below = (films.threshold - films.probabilities) / max(films.threshold, 1e-9)
    return np.where(films.called, above, below)


def _top(values: NDArray[np.float64], among: NDArray[np.bool_]) -> list[int]:
    """Indices of the films ``among`` which to choose, the highest value first."""
    order = np.argsort(-values, kind="stable")
    return [int(index) for index in order if among[index]]


def _in_words(counts: NDArray[np.int64], names: Sequence[str]) -> str:
    return "; ".join(
        f"{counts[row, column]} films of {names[row]} called {names[column]}"
        for row in range(len(names))
        for column in range(len(names))
    )
