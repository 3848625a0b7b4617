"""A small real architecture, and labelled folders of drawn films."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from xrayscan.training.network.architectures import Architecture, heads

SIZE = 64


def tiny_backbone(size: int) -> Any:
    """Two convolutions: (B, size, size, 3) to (B, size / 8, size / 8, 16)."""
    import keras
    from keras import layers

    pixels = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255)(pixels)
    x = layers.Conv2D(8, 3, 4, "same", activation="relu", name="first")(x)
    x = layers.Conv2D(16, 3, 2, "same", activation="relu", name="second")(x)
    return keras.Model(pixels, x, name="backbone")


TINY = Architecture(
    "tiny",
    SIZE,
    tiny_backbone,
    dropout=0.1,
    admission_layers=("first", "second"),
    source="a test",
)


def build_tiny(
    lowest_weight: float = -6.0, bias: float = -1.5, head: Callable[[Any], Any] = heads.pooled
) -> Any:
    """Build the small classifier with a head that tells films apart, its bias as given."""
    import keras

    from xrayscan.training.network.classifier import LOGIT, build_classifier

    keras.utils.set_random_seed(11)
    classifier = build_classifier(replace(TINY, head=head), SIZE)
    width = classifier.get_layer(LOGIT).input.shape[1]
    kernel = np.random.default_rng(2).uniform(lowest_weight, 9, (width, 1)).astype(np.float32)
    classifier.get_layer(LOGIT).set_weights([kernel, np.array([bias], np.float32)])
    return classifier


@pytest.fixture(scope="session")
def make_tiny() -> Callable[..., Any]:
    """What builds the small classifier."""
    return build_tiny


@pytest.fixture(scope="session")
def films() -> np.ndarray:
    """(6, 64, 64) float32, 0..255: coarse patterns under noise."""
    rng = np.random.default_rng(5)
    coarse = rng.uniform(0, 255, (6, 8, 8)).repeat(8, axis=1).repeat(8, axis=2)
    return (0.7 * coarse + 0.3 * rng.uniform(0, 255, coarse.shape)).astype(np.float32)


def draw_film(path: Path, seed: int, side: int = 96, *, blob: bool = False) -> None:
    """Write a grey PNG; a positive has a bright blob somewhere."""
    rng = np.random.default_rng(seed)
    film = rng.normal(90, 12, (side, side))
    if blob:
        rows, columns = np.mgrid[:side, :side]
        row, column = rng.uniform(0.3 * side, 0.7 * side, 2)
        film += 130 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (side / 6) ** 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.clip(film, 0, 255).astype(np.uint8))


def draw_folder(root: Path, count: int, side: int = 96) -> Path:
    """Draw ``count`` films of each of two classes; every film is a patient of its own."""
    for index in range(count):
        draw_film(root / "NORMAL" / f"IM-{index:04d}-0001.png", index, side)
        name = f"person{index}_bacteria_{index}.png"
        draw_film(root / "PNEUMONIA" / name, 1000 + index, side, blob=True)
    return root


def write_listing(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8"
) -> Path:
    """Write a CSV of films."""
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path
