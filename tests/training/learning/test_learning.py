"""Every architecture learns what can be learnt, from nothing, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import draw_folder
from xrayscan.labels.layouts import read_labelled
from xrayscan.training.films.data import decode_films
from xrayscan.training.films.parts import Parts
from xrayscan.training.learning.recipe import Lesson, train
from xrayscan.training.learning.state import TrainingState
from xrayscan.training.network.architectures import TABLE, architecture
from xrayscan.training.options import Recipe, Unfreeze

SIDE = 96  # the smallest at which every architecture has a map of more than one position
FAST = ("cnn",)
NAMES = [
    pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
    for name in (*TABLE, "keras:MobileNetV3Small", "keras:EfficientNetV2B0")
]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    films = read_labelled(draw_folder(tmp_path_factory.mktemp("drawn"), 40)).films
    return Parts(decode_films(films[::2], SIDE, 2), decode_films(films[1::2], SIDE, 2))


def best_auc(name: str, parts: Parts, folder: Path) -> float:
    import keras

    from xrayscan.training.network.classifier import build_classifier

    entry = architecture(name)
    recipe = Recipe(
        epochs=10,
        batch_size=8,
        learning_rate=entry.learning_rate,
        augmentation="seed",
        unfreeze=Unfreeze.ALL,
        seed=3,
    )
    keras.utils.set_random_seed(3)
    state = TrainingState(folder, {})
    train(build_classifier(entry, SIDE), Lesson(parts, 2, recipe), state)
    return max(row["val_auc"] for row in state.history[-3:])  # not a lucky beginning


@pytest.mark.parametrize("name", NAMES)
def test_a_blob_is_learnt(name: str, parts: Parts, tmp_path: Path) -> None:
    assert best_auc(name, parts, tmp_path) > 0.95


@pytest.mark.parametrize(
    "name", ["cnn", pytest.param("efficientnet_lite0", marks=pytest.mark.slow)]
)
def test_shuffled_labels_are_not(name: str, parts: Parts, tmp_path: Path) -> None:
    """The best of three epochs on 40 films: chance alone gives more than 0.8 once in a thousand."""
    rng = np.random.default_rng(8)
    shuffled = Parts(
        *(
            replace(films, labels=rng.permutation(films.labels))
            for films in (parts.train, parts.validation)
        )
    )
    assert best_auc(name, shuffled, tmp_path) < 0.8
