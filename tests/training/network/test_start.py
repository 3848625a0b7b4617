from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from xrayscan.errors import ModelError, UsageError
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import KERAS
from xrayscan.training.network.start import find_start
from xrayscan.training.options import Recipe


@pytest.mark.parametrize(
    ("name", "origin", "architecture", "told"),
    [
        pytest.param("", "", "efficientnet_lite0", "model fast", id="the bundled model"),
        pytest.param("efficientnet_lite0", "", "efficientnet_lite0", "model fast", id="its arch"),
        pytest.param("cnn", "", "cnn", "none", id="another architecture starts from chance"),
        pytest.param("", "none", "efficientnet_lite0", "none", id="none"),
        pytest.param("vit", "none", "vit", "none", id="none, of a kind"),
        pytest.param("", DEFAULT_MODEL, "efficientnet_lite0", "model fast", id="by name"),
        pytest.param("resnet50", "imagenet", "resnet50", "imagenet", id="imagenet"),
        pytest.param("keras:Xception", "imagenet", "keras:Xception", "imagenet", id="any of keras"),
    ],
)
def test_what_it_starts_from(name: str, origin: str, architecture: str, told: str) -> None:
    start = find_start(name, origin)
    assert start.architecture.name == architecture
    assert start.origin.startswith(told)


def test_a_model_folder_and_a_weights_file(tmp_path: Path) -> None:
    folder = model_folder(DEFAULT_MODEL)
    assert find_start("", str(folder)).model == folder
    weights = tmp_path / "some.weights.h5"
    weights.touch()
    start = find_start("mobilenet", str(weights))
    assert (start.weights, start.origin) == (
        weights,
        f"some.weights.h5, sha256 {hashlib.sha256(b'').hexdigest()}",
    )


@pytest.mark.parametrize(
    ("name", "origin", "words"),
    [
        pytest.param("cnn", DEFAULT_MODEL, "is a efficientnet_lite0; leave --arch out", id="other"),
        pytest.param("", "nowhere", "neither a model", id="no such start"),
        pytest.param("lenet", "none", "choose one of", id="no such architecture"),
        pytest.param("cnn", "imagenet", "give --from none", id="never pretrained"),
        pytest.param(
            "efficientnet_lite0", "imagenet", "--from FILE .efficientnet-lite0", id="not in keras"
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(name: str, origin: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        find_start(name, origin)


def test_fine_tuning_starts_where_the_model_ended() -> None:
    import keras

    start = find_start("", "")
    recipe = Recipe(seed=1, smoothing=start.smoothing)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 1)).astype(np.float32)
    model = keras.models.load_model(model_folder(DEFAULT_MODEL) / KERAS)
    from xrayscan.training.network.classifier import logit_model

    mine = logit_model(start.classifier(2, recipe)).predict(pixels, verbose=0)
    assert np.array_equal(mine, logit_model(model).predict(pixels, verbose=0))


def test_without_a_network_it_says_which_file_to_fetch(monkeypatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        address = "https://host.invalid/keras-applications/densenet121_notop.h5"
        raise Exception(f"URL fetch failure on {address}: None -- [Errno -2] unknown host")

    import keras

    start = find_start("densenet121", "imagenet")
    monkeypatch.setattr(
        "xrayscan.training.network.start.build_classifier", lambda *_: None
    )  # the network itself is not needed
    monkeypatch.setattr(keras.applications, "DenseNet121", unreachable)
    with pytest.raises(ModelError) as caught:
        start.classifier(2, Recipe(seed=1))
    assert str(caught.value) == (
        "--from imagenet: https://host.invalid/keras-applications/densenet121_notop.h5 cannot be "
        "reached; fetch the file on another machine and put it here as "
        "~/.keras/models/densenet121_notop.h5"
    )
