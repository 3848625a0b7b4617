from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xrayscan.training.data import DecodedFilms, decode_films, read_labelled_folder
from xrayscan.training.recipe import Parts, Recipe, predict_logits, train

from .conftest import SIZE, TINY, draw_folder

RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=1e-2, augmentation="seed", seed=5)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    films = read_labelled_folder(draw_folder(tmp_path_factory.mktemp("drawn"), 24)).films
    return Parts(_decoded(films[::2]), _decoded(films[1::2]))


def _decoded(films: Any) -> DecodedFilms:
    return decode_films(films, SIZE, workers=2)


@pytest.fixture(scope="module")
def trained(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict, Path]:
    classifier = untrained()
    scratch = tmp_path_factory.mktemp("scratch")
    return classifier, train(classifier, parts, RECIPE, scratch), scratch


def untrained() -> Any:
    import keras

    from xrayscan.training.classifier import build_classifier

    keras.utils.set_random_seed(1)
    return build_classifier(TINY, SIZE)


def auc(classifier: Any, films: DecodedFilms) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(films.labels, predict_logits(classifier, films.pixels)))


def test_learns_what_is_easy(trained: tuple[Any, dict, Path], parts: Parts) -> None:
    assert auc(trained[0], parts.validation) > 0.95


def test_one_row_of_history_per_epoch(trained: tuple[Any, dict, Path]) -> None:
    _, history, scratch = trained
    assert [len(values) for values in history.values()] == [3] * len(history)
    assert {"loss", "auc", "val_loss", "val_auc"} <= set(history)
    rows = (scratch / "history.csv").read_text().splitlines()
    assert len(rows) == 4
    assert rows[0].startswith("epoch,")


def test_the_best_epoch_is_kept(
    parts: Parts, make_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    """With a rate that wrecks the network, the classifier ends as good as its best epoch."""
    classifier = make_tiny()
    wild = Recipe(epochs=4, batch_size=4, learning_rate=0.3, augmentation="none", seed=2)
    history = train(classifier, parts, wild, tmp_path)
    assert min(history["val_auc"]) < max(history["val_auc"]) - 0.02  # else it proves nothing
    assert auc(classifier, parts.validation) == pytest.approx(max(history["val_auc"]), abs=0.01)


def test_same_seed_same_weights(
    parts: Parts, trained: tuple[Any, dict, Path], tmp_path: Path
) -> None:
    again = untrained()
    train(again, parts, RECIPE, tmp_path)
    logits = [predict_logits(network, parts.validation.pixels) for network in (trained[0], again)]
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("count", [1, 64, 65, 130])
def test_predict_logits_in_pieces(make_tiny: Callable[..., Any], count: int) -> None:
    from xrayscan.training.classifier import logit_model

    pixels = np.random.default_rng(3).integers(0, 256, (count, SIZE, SIZE), np.uint8)
    classifier = make_tiny()
    logits = predict_logits(classifier, pixels)
    assert logits.shape == (count,)
    assert logits.dtype == np.float64
    expected = logit_model(classifier).predict_on_batch(pixels[..., None].astype(np.float32))
    np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-4, atol=1e-4)
