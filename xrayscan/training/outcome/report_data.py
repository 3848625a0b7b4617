"""The training report's first half: which films there were, and what was learnt from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation import metrics, plots
from xrayscan.evaluation.figures import Plot, png_uri
from xrayscan.evaluation.telling import fitting
from xrayscan.labels.contradictions import contradicting
from xrayscan.labels.films import LabelledFilm
from xrayscan.reporting.overlay import data_uri
from xrayscan.reporting.page import display_name
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.films.leaks import LeakedFilm
from xrayscan.training.learning.augmentation import Augmentation, variation

_SAMPLES = 6  # films shown per class
_VARIATIONS = 8  # of one film per class
_CLASSES_SHOWN = 8  # more would make a page that no mail takes
_MEASURED = {"Mean grey": "mean of a film", "Contrast": "standard deviation in a film"}
_THUMBNAIL_SIDE = 160  # pixels, at most
LISTED = 100  # rows of a list; the counts tell of all


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small film: what stands under it, its picture, and in words what it shows."""

    caption: str
    uri: str
    alt: str


@dataclass(frozen=True, slots=True)
class ClassCount:
    """One class in one part; ``share`` of the part's films, 0..1."""

    name: str
    films: int
    patients: int
    share: float


@dataclass(frozen=True, slots=True)
class GreyStatistics:
    """Grey levels (0..255) of one class in one part, each as (mean, standard deviation)."""

    part: str
    name: str
    mean_grey: tuple[float, float]
    contrast: tuple[float, float]


def base_name(location: str) -> str:
    """A film's name for people: folders may tell of patients or of the hospital."""
    return display_name(Path(location).name)


def class_counts(films: DecodedFilms, classes: Sequence[str]) -> tuple[ClassCount, ...]:
    """Count films and patients by class."""
    rows = []
    for label, name in enumerate(classes):
        patients = [film.patient for film in films.films if film.label == label]
        share = len(patients) / max(1, len(films.films))
        rows.append(ClassCount(name, len(patients), len(set(patients)), share))
    return tuple(rows)


def grey_levels(films: DecodedFilms) -> NDArray[np.float64]:
    """Measure each film's mean and standard deviation, (N, 2), 0..255; film by film for memory."""
    pairs = [cv2.meanStdDev(film) for film in films.pixels]
    return np.array([[mean.item(), deviation.item()] for mean, deviation in pairs]).reshape(-1, 2)


def grey_statistics(
    part: str, films: DecodedFilms, classes: Sequence[str]
) -> tuple[GreyStatistics, ...]:
    """Summarise grey levels by class; classes without films are left out."""
    levels = grey_levels(films)
    rows = []
    for label, name in enumerate(classes):
        of_class = levels[films.labels == label]
        if len(of_class):
            (mean, contrast), (mean_sd, contrast_sd) = of_class.mean(axis=0), of_class.std(axis=0)
            rows.append(GreyStatistics(part, name, (mean, mean_sd), (contrast, contrast_sd)))
    return tuple(rows)


def grey_plots(films: DecodedFilms, classes: Sequence[str]) -> tuple[Plot, ...]:
    """Draw how grey levels differ between classes, and tell how far they alone tell them apart."""
    found = []
    for title, values in zip(_MEASURED, grey_levels(films).T, strict=True):
        by_class = {
            name: values[films.labels == label]
            for label, name in enumerate(classes)
            if label in films.labels
        }
        area = metrics.auc(values, films.positives)
        found.append(
            Plot(
                f"{title} by class",
                png_uri(plots.histogram(by_class, f"{_MEASURED[title]}, grey levels")),
                f"Histograms of {title.lower()} of the training films, one per class",
                f"AUC by this alone: {area:.2f}. At 0.5 it tells nothing of the class; far from it "
                "it is a short cut that a network may take.",
            )
        )
    return tuple(found)


def leak_facts(leaks: Sequence[LeakedFilm]) -> dict[str, Any]:
    """Tell of the leaks: counts by kind, the number of training films, the first pairs."""
    return {
        "films": len({leak.training for leak in leaks}),
        "pairs": len(leaks),
        "kinds": dict(Counter(leak.kind.value for leak in leaks)),
        "rows": tuple(
            (leak.kind.value, base_name(leak.training.location), base_name(leak.other.location))
            for leak in leaks[:LISTED]
        ),
    }


def rows_in_two_classes(
    parts: Mapping[str, DecodedFilms], classes: Sequence[str]
) -> list[tuple[str, ...]]:
    """List the files that lie in two classes of a part, one of which is wrong.

    Returns:
        The part, then name and class of the file's first film and of one in another class.
    """

    def named(film: LabelledFilm) -> tuple[str, str]:
        return base_name(film.location), classes[film.label]

    return [
        (part, *named(first), *named(other))
        for part, films in parts.items()
        for (_, first), *others in contradicting(films.by_content)
        for _, other in others
        if other.label != first.label
    ]


def sample_grid(
    films: DecodedFilms, classes: Sequence[str], seed: int
) -> dict[str, tuple[Thumbnail, ...]]:
    """Draw a few films of each class by lot."""
    rng = np.random.default_rng(seed)
    return {
        name: tuple(
            _thumbnail(films.pixels[index], base_name(films.films[index].location), name)
            for index in _some_of(films, label, _SAMPLES, rng)
        )
        for label, name in enumerate(classes[:_CLASSES_SHOWN])
    }


def augmented_grid(
    films: DecodedFilms, classes: Sequence[str], ranges: Augmentation, seed: int
) -> dict[str, tuple[Thumbnail, ...]]:
    """Vary one film of each class as training does: the film itself, then its variations."""
    rng = np.random.default_rng(seed)
    grid = {}
    for label, name in enumerate(classes[:_CLASSES_SHOWN]):
        for index in _some_of(films, label, 1, rng):
            film = films.pixels[index]
            varied = (variation(film, ranges, rng) for _ in range(_VARIATIONS))
            grid[name] = (
                _thumbnail(film, "as it is", name),
                *(_thumbnail(each, "varied", name) for each in varied),
            )
    return grid


def ranges_in_words(ranges: Augmentation) -> str:
    """Name the variations that are on; "" where none is."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value:g}" for name, value in asdict(ranges).items() if value
    )


def _thumbnail(film: NDArray[np.uint8], caption: str, class_name: str) -> Thumbnail:
    picture = data_uri(fitting(film, _THUMBNAIL_SIDE))
    return Thumbnail(caption, picture, f"{class_name} film, {caption}")


def _some_of(
    films: DecodedFilms, label: int, count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    places = np.flatnonzero(films.labels == label)
    return np.sort(rng.choice(places, min(count, len(places)), replace=False))
