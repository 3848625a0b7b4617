"""Every architecture of the table: builds, saves, reloads equal, exports with its heat map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xrayscan.errors import UsageError
from xrayscan.training.network.architectures import TABLE, architecture

SIDE = 96  # the smallest at which every architecture has a map of more than one position
# Deep networks whose graphs take long to trace, on two cores.
SLOW = ("densenet121", "resnet50", "keras:EfficientNetV2B0", "keras:InceptionV3")
NAMES = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
    for name in (*TABLE, "keras:MobileNetV3Small", *SLOW[2:])
]


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """(4, SIDE, SIDE) float32, 0..255."""
    coarse = np.random.default_rng(5).uniform(0, 255, (4, 6, 6)).astype(np.float32)
    return np.kron(coarse, np.ones((SIDE // 6, SIDE // 6), np.float32))


@pytest.mark.parametrize("name", NAMES)
def test_one_classifier_through_keras_and_openvino(
    name: str, films: np.ndarray, tmp_path: Path
) -> None:
    import keras
    import tensorflow as tf

    from xrayscan.scoring.engine import Engine
    from xrayscan.training.network.classifier import BACKBONE, FEATURE_MAP, LOGIT, build_classifier
    from xrayscan.training.outcome.export import export_scorer, scoring_function

    keras.utils.set_random_seed(3)
    entry = architecture(name)
    classifier = build_classifier(entry, SIDE)
    expected = classifier.predict(films[..., None], verbose=0)[:, 0]

    classifier.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(reloaded.predict(films[..., None], verbose=0)[:, 0], expected)

    layers = entry.admission_names(classifier.get_layer(BACKBONE))
    function = scoring_function(classifier, layers)
    export_scorer(function, tmp_path / "scorer.xml")
    scores = Engine(tmp_path / "scorer.xml", SIDE, 2).score(films)
    assert np.abs(scores.probability - expected).max() < 1e-4
    assert scores.admission.shape == (4, sum(function.admission_widths))

    joint = keras.Model(
        classifier.input,
        [classifier.get_layer(FEATURE_MAP).output, classifier.get_layer(LOGIT).output],
    )
    with tf.GradientTape() as tape:
        features, logit = joint(films[..., None], training=False)
    weights = tape.gradient(logit, features).numpy().astype(np.float64).mean(axis=(1, 2))
    heat = np.maximum(np.einsum("bhwc,bc->bhw", features.numpy().astype(np.float64), weights), 0)
    assert np.allclose(scores.heat["gradcam"], heat, rtol=1e-2, atol=1e-4 * max(heat.max(), 1e-9))


@pytest.mark.parametrize(
    ("name", "words"),
    [("lenet", "choose one of cnn, "), ("keras:LeNet", "keras.applications has ConvNeXt")],
)
def test_unknown_names_say_what_there_is(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        architecture(name)


@pytest.mark.parametrize(
    ("name", "black", "white"),
    [
        pytest.param("MobileNet", -1.0, 1.0, id="to -1..1"),
        pytest.param("DenseNet121", -0.485 / 0.229, (1 - 0.485) / 0.229, id="ImageNet statistics"),
        pytest.param("ResNet50", -103.939, 255 - 103.939, id="less the mean, blue first"),
    ],
)
def test_applications_are_scaled_as_their_weights_expect(
    name: str, black: float, white: float
) -> None:
    import keras

    from xrayscan.training.network.architectures.applications import _preprocessed

    pixels = keras.Input((1, 1, 3))
    scaling = keras.Model(pixels, _preprocessed(pixels, name))
    for grey, expected in ((0.0, black), (255.0, white)):
        scaled = np.asarray(scaling(np.full((1, 1, 1, 3), grey, np.float32))).ravel()
        assert scaled[0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("height", "width", "shift"), [(14, 14, 0), (14, 14, 3), (10, 12, 3)])
def test_window_mask_joins_only_neighbours(height: int, width: int, shift: int) -> None:
    """By the positions: tokens of a window see each other unless the roll joined them."""
    from xrayscan.training.network.architectures.transformers import _window_mask

    side = 7
    mask = _window_mask(height, width, side, shift)
    down, across = -(-height // side), -(-width // side)
    assert mask.shape == (1, down * across, side * side, side * side)
    rows, columns = np.meshgrid(
        np.roll(np.arange(down * side), -shift),
        np.roll(np.arange(across * side), -shift),
        indexing="ij",
    )

    def windows(grid: np.ndarray) -> np.ndarray:
        split = grid.reshape(down, side, across, side).transpose(0, 2, 1, 3)
        return split.reshape(down * across, side * side)

    row, column = windows(rows), windows(columns)
    near = (np.abs(row[:, :, None] - row[:, None, :]) < side) & (
        np.abs(column[:, :, None] - column[:, None, :]) < side
    )
    real = (row < height) & (column < width)
    assert np.array_equal(mask[0], near & (real[:, :, None] == real[:, None, :]))
