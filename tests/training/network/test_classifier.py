from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY, tiny_backbone
from xrayscan.errors import ModelError
from xrayscan.evaluation.calibration import Calibration
from xrayscan.training.network.architectures import TABLE
from xrayscan.training.network.classifier import (
    BACKBONE,
    RGB,
    build_classifier,
    calibrated,
    logit_model,
)

LITE0 = TABLE["efficientnet_lite0"]
# (filters out, expansion, stride, kernel) of each block, from table 1 of Tan and Le 2019
BLOCKS = [
    (16, 1, 1, 3),
    (24, 6, 2, 3), (24, 6, 1, 3),
    (40, 6, 2, 5), (40, 6, 1, 5),
    (80, 6, 2, 3), (80, 6, 1, 3), (80, 6, 1, 3),
    (112, 6, 1, 5), (112, 6, 1, 5), (112, 6, 1, 5),
    (192, 6, 2, 5), (192, 6, 1, 5), (192, 6, 1, 5), (192, 6, 1, 5),
    (320, 6, 1, 3),
]  # fmt: skip


@pytest.fixture(scope="module")
def lite0() -> Any:
    return LITE0.backbone(224)


def parameters_by_hand() -> int:
    """Convolutions without bias, and four numbers per channel of each batch norm."""
    count = 3 * 3 * 3 * 32 + 4 * 32
    width = 32
    for filters, expansion, _, kernel in BLOCKS:
        inner = width * expansion
        if expansion > 1:
            count += width * inner + 4 * inner
        count += kernel * kernel * inner + 4 * inner
        count += inner * filters + 4 * filters
        width = filters
    return count + width * 1280 + 4 * 1280


def test_table_entries_are_named_by_their_key() -> None:
    for name, entry in TABLE.items():
        assert entry.name == name
        assert entry.source
        assert 0 <= entry.dropout < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_table_entries_have_the_joints_that_export_needs(name: str) -> None:
    backbone = TABLE[name].backbone(TABLE[name].input_size)
    assert backbone.name == BACKBONE
    assert TABLE[name].admission_layers
    for layer in TABLE[name].admission_layers:
        assert len(backbone.get_layer(layer).output.shape) == 4


def test_lite0_has_the_documented_size(lite0: Any) -> None:
    assert lite0.input_shape == (None, 224, 224, 3)
    assert lite0.output_shape == (None, 7, 7, 1280)
    assert lite0.count_params() == parameters_by_hand()
    assert lite0.count_params() == pytest.approx(3.4e6, rel=0.01)


def test_lite0_has_the_documented_layers(lite0: Any) -> None:
    names = [layer.name for layer in lite0.layers if layer.weights]
    expected = ["stem_conv", "stem_bn"]
    for number, (_, expansion, _, _) in enumerate(BLOCKS):
        parts = ["dw", "dw_bn", "project_conv", "project_bn"]
        parts = (["expand_conv", "expand_bn"] if expansion > 1 else []) + parts
        expected += [f"block{number}_{part}" for part in parts]
    assert names == [*expected, "head_conv", "head_bn"]


def test_lite0_has_the_documented_blocks(lite0: Any) -> None:
    width = 32
    for number, (filters, _, stride, kernel) in enumerate(BLOCKS):
        depthwise = lite0.get_layer(f"block{number}_dw")
        assert depthwise.strides == (stride, stride)
        assert depthwise.kernel_size == (kernel, kernel)
        assert lite0.get_layer(f"block{number}_project_conv").filters == filters
        skips = stride == 1 and filters == width
        assert any(layer.name == f"block{number}_add" for layer in lite0.layers) == skips
        width = filters


@pytest.mark.parametrize("size", [64, 96])
def test_lite0_takes_other_sizes(size: int) -> None:
    side = math.ceil(size / 32)
    assert LITE0.backbone(size).output_shape == (None, side, side, 1280)


def test_joints(make_tiny: Callable[..., Any]) -> None:
    classifier = make_tiny()
    assert classifier.input_shape == (None, SIZE, SIZE, 1)
    assert classifier.output_shape == (None, 1)
    shapes = {
        name: classifier.get_layer(name).output.shape
        for name in ("last_feature_map", "embedding", "logit", "calibration", "probability")
    }
    assert shapes == {
        "last_feature_map": (None, 8, 8, 16),
        "embedding": (None, 16),
        "logit": (None, 1),
        "calibration": (None, 1),
        "probability": (None, 1),
    }
    assert classifier.get_layer("dropout").rate == TINY.dropout


def logits_of(classifier: Any, films: np.ndarray) -> np.ndarray:
    return logit_model(classifier).predict_on_batch(films[..., None])


@pytest.mark.parametrize(
    "calibration",
    [Calibration(), Calibration(0.3), Calibration(2.5, 0.7), Calibration(1.0, -1.2)],
    ids=str,
)
def test_calibrated(
    make_tiny: Callable[..., Any], films: np.ndarray, calibration: Calibration
) -> None:
    classifier = make_tiny()
    logits = logits_of(classifier, films).astype(np.float64)
    assert np.ptp(logits) > 0.1
    model = calibrated(classifier, calibration)
    expected = sigmoid(logits / calibration.temperature + calibration.offset)
    np.testing.assert_allclose(model.predict_on_batch(films[..., None]), expected, atol=1e-6)
    # again on top of it: the new calibration replaces the old one
    again = calibrated(model, Calibration(2.0, 0.1))
    expected = sigmoid(logits / 2 + 0.1)
    np.testing.assert_allclose(again.predict_on_batch(films[..., None]), expected, atol=1e-6)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def test_layers_are_shared(make_tiny: Callable[..., Any], films: np.ndarray) -> None:
    """Training the logit model trains the classifier."""
    classifier = make_tiny()
    before = classifier.predict_on_batch(films[..., None])
    network = logit_model(classifier)
    network.get_layer("logit").set_weights([np.zeros((16, 1)), np.array([2.0])])
    after = classifier.predict_on_batch(films[..., None])
    np.testing.assert_allclose(after, 1 / (1 + np.exp(-2.0)), rtol=1e-6)
    assert not np.allclose(before, after)


@pytest.mark.parametrize("which", ["tiny", "efficientnet_lite0"])
def test_saves_and_reloads_with_plain_keras(
    tmp_path: Path, make_tiny: Callable[..., Any], films: np.ndarray, which: str
) -> None:
    import keras

    built = make_tiny() if which == "tiny" else build_classifier(LITE0, SIZE)
    classifier = calibrated(built, Calibration(1.7, -0.3))
    classifier.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(
        loaded.predict_on_batch(films[..., None]), classifier.predict_on_batch(films[..., None])
    )
    # and `fit` can go on from it
    np.testing.assert_array_equal(logits_of(loaded, films), logits_of(classifier, films))


def test_only_built_in_layers(make_tiny: Callable[..., Any]) -> None:
    backbones = (LITE0.backbone(SIZE), tiny_backbone(SIZE), make_tiny())
    for layer in (layer for model in backbones for layer in model.layers):
        assert type(layer).__module__.startswith("keras.")


def test_weights_are_loaded(tmp_path: Path, films: np.ndarray) -> None:
    source = tiny_backbone(SIZE)
    source.save_weights(tmp_path / "tiny.weights.h5")
    classifier = build_classifier(TINY, SIZE, tmp_path / "tiny.weights.h5")
    for name in ("first", "second"):
        for mine, given in zip(
            classifier.get_layer("backbone").get_layer(name).get_weights(),
            source.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(mine, given)


def _garbage(path: Path) -> None:
    path.write_bytes(b"no weights at all")


def _of_another_network(path: Path) -> None:
    import keras

    inputs = keras.Input((SIZE, SIZE, 3))
    outputs = keras.layers.Conv2D(4, 5, name="first")(inputs)
    keras.Model(inputs, outputs).save_weights(path)


def _of_fewer_layers(path: Path) -> None:
    import keras

    inputs = keras.Input((SIZE, SIZE, 3))
    outputs = keras.layers.Conv2D(8, 3, 4, "same", name="first")(inputs)
    keras.Model(inputs, outputs).save_weights(path)


def _of_other_widths(path: Path) -> None:
    import keras

    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(8, 3, 4, "same", name="first")(inputs)
    outputs = keras.layers.Conv2D(99, 3, 2, "same", name="second")(x)
    keras.Model(inputs, outputs).save_weights(path)


def _cut(path: Path) -> None:
    tiny_backbone(SIZE).save_weights(path)
    path.write_bytes(path.read_bytes()[:5000])


def _missing(path: Path) -> None:
    pass


def _folder(path: Path) -> None:
    path.mkdir()


WRONG = (
    _missing,
    _garbage,
    _cut,
    _of_another_network,
    _of_fewer_layers,
    _of_other_widths,
    _folder,
)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize("prepare", WRONG, ids=lambda prepare: prepare.__name__.strip("_"))
def test_wrong_weights(tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    path = tmp_path / "wrong.weights.h5"
    prepare(path)
    with pytest.raises(ModelError) as fault:
        build_classifier(TINY, SIZE, path)
    message = str(fault.value)
    assert message.startswith(f"{path}: does not fit the architecture (")
    assert message.endswith("; give its own weights")
    assert "\n" not in message


def test_a_file_of_another_kind_is_no_weights(tmp_path: Path) -> None:
    (tmp_path / "weights.txt").write_text("1 2 3")
    with pytest.raises(ModelError, match=r"weights\.txt: does not fit the architecture"):
        build_classifier(TINY, SIZE, tmp_path / "weights.txt")


def test_the_pretrained_weights_load(shared_weights: Path) -> None:
    weights = shared_weights / "efficientnet_lite0_224_no_top.weights.h5"
    backbone = build_classifier(LITE0, 224, weights).get_layer("backbone")
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 255, (2, 7, 7, 3)).repeat(32, axis=1).repeat(32, axis=2)
    features = backbone.predict_on_batch(pictures.astype(np.float32))
    # trained: sparse, of moderate size, and neither dead nor blown up
    assert 0.02 < (features > 0).mean() < 0.7
    assert 0.05 < features.mean() < 3
    stem = backbone.get_layer("stem_bn").get_weights()
    assert not np.allclose(stem[3], 1)  # the moving variance was learnt


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_pretrained_weights_of_another_network_are_refused(shared_weights: Path) -> None:
    weights = shared_weights / "mobilenet_1_0_224_tf_no_top.weights.h5"
    with pytest.raises(ModelError, match="does not fit the architecture"):
        build_classifier(LITE0, 224, weights)


def test_mobilenet_takes_the_weights_of_keras_applications(shared_weights: Path) -> None:
    """They are a plain application's: the scaling in our backbone must not unsettle them."""
    from xrayscan.training.network.classifier import BACKBONE, build_classifier

    path = shared_weights / "mobilenet_1_0_224_tf_no_top.weights.h5"
    loaded = build_classifier(TABLE["mobilenet"], 64, path).get_layer(BACKBONE)
    fresh = TABLE["mobilenet"].backbone(64)
    assert [w.shape for w in loaded.weights] == [w.shape for w in fresh.weights]
    assert not np.array_equal(loaded.weights[0].numpy(), fresh.weights[0].numpy())


def test_help_names_every_architecture() -> None:
    from typer.testing import CliRunner

    from xrayscan.cli.app import app

    text = " ".join(CliRunner().invoke(app, ["fit", "--help"]).output.split())
    assert all(name in text for name in TABLE)


@pytest.mark.parametrize("passes", [0, 1, 3])
def test_smoothing_takes_the_mean_of_each_neighbourhood(passes: int) -> None:
    """Passes of a mean over what lies within the film: nothing darkens at its borders."""
    import cv2

    classifier = build_classifier(TINY, SIZE, smoothing=passes)
    film = np.random.default_rng(0).uniform(0, 255, (SIZE, SIZE)).astype(np.float32)
    expected: Any = film
    for _ in range(passes):
        held = cv2.blur(np.ones_like(film), (3, 3), borderType=cv2.BORDER_CONSTANT)
        expected = cv2.blur(expected, (3, 3), borderType=cv2.BORDER_CONSTANT) / held
    smooth = keras_model(classifier, RGB).predict(film[None, :, :, None], verbose=0)
    assert smooth[0, :, :, 0] == pytest.approx(expected, abs=1e-3)


def keras_model(classifier: Any, layer: str) -> Any:
    import keras

    return keras.Model(classifier.input, classifier.get_layer(layer).output)
