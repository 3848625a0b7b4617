"""Films worth a look, and how they are shown: the film beside its heat maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.reporting.overlay import data_uri, overlay

CAM_NAMES = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++"}
FILM_SIDE = 224  # pixels, at most: three stand beside each other


@dataclass(frozen=True, slots=True)
class ExplainedFilm:
    """A film with its heat maps: (what it is, data URI) pairs."""

    name: str
    truth: str
    called: str
    positive: bool
    probability: float
    pictures: tuple[tuple[str, str], ...]


def pictures(
    film: NDArray[np.uint8], heat: Mapping[str, NDArray[np.float32]]
) -> tuple[tuple[str, str], ...]:
    """Draw a film, (H, W), and each of its heat maps, (h, w) of 0..1 by CAM method, over it."""
    shown = fitting(film, FILM_SIDE)
    maps = ((CAM_NAMES[cam], data_uri(overlay(shown, each))) for cam, each in heat.items())
    return (("film", data_uri(shown)), *maps)


def fitting(film: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Shrink a film, (H, W) or (H, W, 3), to at most ``side`` pixels on its longer side."""
    height, width = film.shape[:2]
    share = side / max(height, width)
    if share >= 1:
        return film
    size = (max(1, round(share * width)), max(1, round(share * height)))
    return np.asarray(cv2.resize(film, size, interpolation=cv2.INTER_AREA), np.uint8)


def sureness(probabilities: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """How far from the threshold towards certainty a film lies, (N,) 0..1, alike on both sides."""
    above = (probabilities - threshold) / max(1 - threshold, 1e-9)
    below = (threshold - probabilities) / max(threshold, 1e-9)
    return np.where(probabilities >= threshold, above, below)


def top(values: NDArray[np.float64], among: NDArray[np.bool_]) -> list[int]:
    """Indices of the films ``among`` which to choose, the highest value first."""
    order = np.argsort(-values, kind="stable")
    return [int(index) for index in order if among[index]]
