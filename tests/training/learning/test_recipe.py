from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY, draw_folder
from xrayscan.errors import StoppedError, XrayscanError
from xrayscan.labels.layouts import read_labelled
from xrayscan.training.films.data import DecodedFilms, decode_films
from xrayscan.training.films.parts import Parts
from xrayscan.training.learning import recipe as recipe_module
from xrayscan.training.learning.metrics import validation_figures
from xrayscan.training.learning.recipe import Lesson, predict_logits, train
from xrayscan.training.learning.state import CURVES, TrainingState
from xrayscan.training.network.classifier import build_classifier
from xrayscan.training.options import FitHooks, Recipe, Unfreeze

RECIPE = Recipe(
    epochs=6, batch_size=4, learning_rate=1e-2, augmentation="seed", unfreeze=Unfreeze.ALL, seed=5
)

STEPS = 6  # of an epoch: 24 films


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    films = read_labelled(draw_folder(tmp_path_factory.mktemp("drawn"), 24)).films
    return Parts(_decoded(films[::2]), _decoded(films[1::2]))


def _decoded(films: Any) -> DecodedFilms:
    return decode_films(films, SIZE, workers=2)


def lesson(parts: Parts, **changed: Any) -> Lesson:
    return Lesson(parts, 2, replace(RECIPE, **changed))


def untrained() -> Any:
    import keras

    from xrayscan.training.network.classifier import build_classifier

    keras.utils.set_random_seed(1)
    return build_classifier(TINY, SIZE)


def best(state: TrainingState) -> Any:
    classifier = untrained()
    classifier.load_weights(state.best)
    return classifier


@pytest.fixture(scope="module")
def trained(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> TrainingState:
    state = TrainingState(tmp_path_factory.mktemp("state"), {})
    train(untrained(), lesson(parts), state)
    return state


def auc(classifier: Any, films: DecodedFilms) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(films.labels, predict_logits(classifier, films)))


def test_learns_what_is_easy(trained: TrainingState, parts: Parts) -> None:
    assert auc(best(trained), parts.validation) > 0.95


def test_one_row_of_history_per_epoch(trained: TrainingState) -> None:
    assert [row["epoch"] for row in trained.history] == [1, 2, 3, 4, 5, 6]
    for row in trained.history:
        assert set(row) == {
            "epoch",
            "loss",
            "auc",
            "val_loss",
            "val_auc",
            "learning_rate",
            "seconds",
        }
    assert (trained.folder / CURVES).read_bytes().startswith(b"\x89PNG")


def test_the_best_epoch_is_kept(
    parts: Parts, make_tiny: Callable[..., Any], tmp_path: Path
) -> None:
    """With a rate that wrecks the network, what is kept is as good as its best epoch."""
    state = TrainingState(tmp_path / "state", {})
    wild = lesson(parts, epochs=4, batch_size=4, learning_rate=0.03, augmentation="none", seed=2)
    train(make_tiny(), wild, state)
    aucs = [row["val_auc"] for row in state.history]
    assert min(aucs) < max(aucs) - 0.02  # else it proves nothing
    assert auc(best(state), parts.validation) == pytest.approx(max(aucs), abs=1e-6)


def test_same_seed_same_weights(parts: Parts, trained: TrainingState, tmp_path: Path) -> None:
    state = TrainingState(tmp_path / "state", {})
    train(untrained(), lesson(parts), state)
    logits = [predict_logits(best(each), parts.validation) for each in (trained, state)]
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("stop_in", [1, 2, 6])
def test_resumed_equals_unbroken(
    parts: Parts, trained: TrainingState, tmp_path: Path, stop_in: int
) -> None:
    """Stopped in the middle of an epoch: optimizer, averages, schedule, order and dropout go on."""
    steps = 0

    def stop() -> bool:
        nonlocal steps
        steps += 1
        return steps == STEPS * (stop_in - 1) + 2

    with pytest.raises(StoppedError):
        train(untrained(), lesson(parts), TrainingState(tmp_path, {}), FitHooks(stop=stop))
    state = TrainingState.load(tmp_path, {})
    assert state.epochs == stop_in - 1
    train(untrained(), lesson(parts), state)
    for one, other in zip(trained.history, state.history, strict=True):
        for name in ("loss", "val_loss", "val_auc", "learning_rate"):
            assert one[name] == pytest.approx(other[name], rel=1e-3, abs=1e-4), name
    logits = [predict_logits(best(each), parts.validation) for each in (trained, state)]
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-3, atol=1e-3)


def test_stops_early(parts: Parts, tmp_path: Path) -> None:
    """With a rate of next to nothing no epoch is better than the first."""
    state = TrainingState(tmp_path / "state", {})
    train(untrained(), lesson(parts, epochs=9, learning_rate=1e-12, patience=2), state)
    assert state.epochs == state.best_epoch + 2 < 9


def test_divergence_is_one_sentence(parts: Parts, tmp_path: Path) -> None:
    state = TrainingState(tmp_path / "state", {})
    with pytest.raises(XrayscanError, match=r"diverged in epoch 1 .* lower --learning-rate"):
        train(untrained(), lesson(parts, learning_rate=1e30), state)


@pytest.mark.parametrize("figure", ["loss", "val_loss", "val_auc"])
@pytest.mark.parametrize("sound", [0, 2])
def test_no_epoch_without_numbers_is_kept(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: str, sound: int
) -> None:
    """Whichever figure is none; the epochs before it can still become the model."""
    epochs = iter(range(1, 9))

    def broken(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
        figures = validation_figures(logits, labels)
        return figures | ({figure: np.nan} if next(epochs) > sound else {})

    monkeypatch.setattr(recipe_module, "validation_figures", broken)
    state = TrainingState(tmp_path / "state", {})
    with pytest.raises(XrayscanError, match=f"diverged in epoch {sound + 1} ") as fault:
        train(untrained(), lesson(parts, epochs=3), state)
    assert ("--resume with --epochs 2 takes what was learnt before" in str(fault.value)) == bool(
        sound
    )
    kept = TrainingState.load(tmp_path / "state", {})
    assert kept.epochs == sound
    if sound:
        assert np.isfinite(predict_logits(best(kept), parts.validation)).all()


@pytest.mark.parametrize(
    ("unfreeze", "moves"), [(Unfreeze.NONE, False), (Unfreeze.LAST, True), (Unfreeze.ALL, True)]
)
def test_what_is_frozen_stays(
    parts: Parts, tmp_path: Path, unfreeze: Unfreeze, moves: bool
) -> None:
    state = TrainingState(tmp_path / "state", {})
    before = untrained().get_layer("backbone").get_weights()
    train(untrained(), replace(lesson(parts, unfreeze=unfreeze), last_blocks="second"), state)
    after = best(state).get_layer("backbone").get_weights()
    moved = [not np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert moved[-1] == moves
    assert moved[0] == (unfreeze is Unfreeze.ALL)


def attending_backbone(size: int) -> Any:
    """As TINY's, with attention before the second convolution."""
    import keras
    from keras import layers

    pixels = keras.Input((size, size, 3))
    x = layers.Conv2D(8, 3, 4, "same", activation="relu", name="first")(pixels)
    attended = layers.MultiHeadAttention(1, 4, name="attention")(x, x)
    x = layers.Conv2D(16, 3, 2, "same", activation="relu", name="second")(attended)
    return keras.Model(pixels, x, name="backbone")


@pytest.mark.parametrize("unfreeze", [Unfreeze.NONE, Unfreeze.LAST])
def test_layers_within_layers_stay_frozen(parts: Parts, tmp_path: Path, unfreeze: Unfreeze) -> None:
    architecture = replace(TINY, backbone=attending_backbone)
    state = TrainingState(tmp_path / "state", {})
    classifier = build_classifier(architecture, SIZE)
    attention = classifier.get_layer("backbone").get_layer("attention")
    before = attention.get_weights()
    train(classifier, replace(lesson(parts, unfreeze=unfreeze), last_blocks="second"), state)
    for one, other in zip(before, attention.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("pretrained", [False, True])
def test_the_head_comes_first_on_what_is_pretrained(
    parts: Parts, tmp_path: Path, pretrained: bool
) -> None:
    """On features from chance there is nothing to be learnt first."""
    state = TrainingState(tmp_path, {})
    given = replace(lesson(parts, learning_rate=1e-12, epochs=1), pretrained=pretrained)
    train(untrained(), given, state)
    before, after = (
        classifier.get_layer("logit").get_weights()[0] for classifier in (untrained(), best(state))
    )
    assert np.allclose(before, after, atol=1e-5) != pretrained


@pytest.mark.parametrize("count", [1, 64, 65, 130])
def test_predict_logits_in_pieces(make_tiny: Callable[..., Any], count: int) -> None:
    from xrayscan.labels.films import LabelledFilm
    from xrayscan.training.network.classifier import logit_model

    pixels = np.random.default_rng(3).integers(0, 256, (count, SIZE, SIZE), np.uint8)
    classifier = make_tiny()
    films = DecodedFilms(
        (LabelledFilm("", 0, ""),) * count, pixels, np.zeros(count, np.int64), (), ()
    )
    logits = predict_logits(classifier, films)
    assert logits.shape == (count,)
    assert logits.dtype == np.float64
    expected = logit_model(classifier).predict_on_batch(pixels[..., None].astype(np.float32))
    np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-4, atol=1e-4)
