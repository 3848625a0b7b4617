from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY, draw_folder
from xrayscan.scoring.card import KERAS
from xrayscan.scoring.model import ScoringModel
from xrayscan.training.fit import fit
from xrayscan.training.learning.devices import TENSORFLOW, backend, gpus, precision, spread_over
from xrayscan.training.network.architectures import TABLE
from xrayscan.training.options import FitOptions, Precision, Recipe

POLICIES = {Precision.FLOAT32: "float32", Precision.MIXED: "mixed_bfloat16"}


# -- precision -----------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", POLICIES)
def test_precision_holds_while_the_context_lasts(choice: Precision) -> None:
    import keras

    before = keras.config.dtype_policy().name
    with precision(choice):
        assert keras.config.dtype_policy().name == POLICIES[choice]
        assert keras.layers.Dense(1).dtype_policy.name == POLICIES[choice]
    assert keras.config.dtype_policy().name == before


def test_precision_is_given_back_after_a_fault() -> None:
    import keras

    before = keras.config.dtype_policy().name
    with pytest.raises(RuntimeError), precision(Precision.MIXED):
        raise RuntimeError
    assert keras.config.dtype_policy().name == before


@pytest.mark.parametrize(
    ("seen", "policy"), [([], "float32"), (["/device:GPU:0"], "mixed_bfloat16")]
)
def test_auto_is_mixed_where_there_is_a_gpu(
    monkeypatch: pytest.MonkeyPatch, seen: list[str], policy: str
) -> None:
    import keras

    monkeypatch.setattr("xrayscan.training.learning.devices.gpus", lambda: seen)
    with precision(Precision.AUTO):
        assert keras.config.dtype_policy().name == policy


@pytest.fixture
def _in_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, TINY.name, TINY)


@pytest.mark.usefixtures("_in_table")
@pytest.mark.parametrize("classes", ["", "NORMAL,BACTERIA,VIRUS"], ids=["two", "three"])
def test_trained_in_mixed_kept_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: str
) -> None:
    """It computes in bfloat16 while training, its logits and all that is saved are float32."""
    import keras

    from xrayscan.training.learning import recipe, stages

    seen: list[Any] = []
    freeze = stages.freeze
    monkeypatch.setattr(recipe, "freeze", lambda backbone, *rest: seen.append(backbone) or
                        freeze(backbone, *rest))  # fmt: skip
    data = draw_folder(tmp_path / "data", 12)
    if classes:
        (data / "PNEUMONIA").rename(data / "BACTERIA")
        draw_folder(tmp_path / "more", 12)
        (tmp_path / "more" / "PNEUMONIA").rename(data / "VIRUS")
        for path in (data / "VIRUS").iterdir():  # the same film twice would be a leak
            path.write_bytes(_darker(path))
            path.rename(path.with_name(f"other{path.name}"))
    schedule = Recipe(2, 8, 1e-2, augmentation="none", precision=Precision.MIXED)
    options = FitOptions(
        data, tmp_path / "model", TINY.name, "none", classes, folds=3, workers=1, recipe=schedule
    )
    fit(options)
    backbone, _ = seen  # of the network that is trained, and of the one that is kept
    assert backbone.get_layer("second").compute_dtype == "bfloat16"
    assert backbone.get_layer("second").kernel.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"
    model = keras.models.load_model(tmp_path / "model" / KERAS, compile=False)
    layers = [layer for layer in model._flatten_layers() if layer is not model]
    assert {layer.dtype_policy.name for layer in layers} == {"float32"}
    assert {np.asarray(weight).dtype for weight in model.weights} == {np.dtype(np.float32)}
    films = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE)).astype(np.float32)
    expected = model.predict_on_batch(films[..., None])[:, 0]
    found = [film.probability for film in ScoringModel(tmp_path / "model", 1).score(films)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def _darker(path: Path) -> bytes:
    import cv2

    film = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return bytes(cv2.imencode(".png", film[::-1] // 3)[1])


# -- several devices -----------------------------------------------------------------------------


def test_the_backend_here() -> None:
    assert backend() in (TENSORFLOW, "jax", "torch")
    assert all(isinstance(name, str) for name in gpus())


@pytest.mark.parametrize("devices", [[], ["CPU:0"]])
def test_one_device_changes_nothing(devices: list[str]) -> None:
    import tensorflow as tf

    spread = spread_over(devices)
    with spread.building(), spread.training(), spread.apart():
        assert not tf.distribute.has_strategy()
    assert spread.replicas == 1


SETUP = {
    "tensorflow": """
import tensorflow as tf
halves = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)
DEVICES = ["CPU:0", "CPU:1"]
""",
    "jax": 'DEVICES = ["cpu:0", "cpu:1"]',
}
BACKENDS = ["tensorflow", "jax"]
CHILD = """
import json, sys
import numpy as np
from dataclasses import replace
from pathlib import Path
{setup}
import keras
from sklearn.metrics import roc_auc_score
from tests.training.conftest import SIZE, TINY
from xrayscan.training.network.classifier import build_classifier
from xrayscan.training.films.data import decode_films
from xrayscan.training.learning.devices import spread_over
from xrayscan.labels.layouts import read_labelled
from xrayscan.training.options import Recipe, Unfreeze
from xrayscan.training.films.parts import Parts
from xrayscan.training.learning.recipe import Lesson, predict_logits, train
from xrayscan.training.learning.state import TrainingState

SURE = replace(TINY, dropout=0.0)  # dropped units would differ by device
if sys.argv[3] == "norm":
    def normed(size):
        plain = TINY.backbone(size)
        norm = keras.layers.BatchNormalization(name="norm")
        return keras.Model(plain.input, norm(plain.output), name="backbone")
    SURE = replace(SURE, backbone=normed)
data, work = map(Path, sys.argv[1:3])
even = sys.argv[3] == "even"
films = read_labelled(data).films
learnt, chosen = (decode_films(films[at::2], SIZE, 1) for at in (0, 1))
parts = Parts(learnt.without(learnt.films[:1]) if even else learnt, chosen)
length = (4, 8) if even else (1, 50) if sys.argv[3] == "odd" else (2, 8)
schedule = Recipe(*length, 1e-2, augmentation="none", unfreeze=Unfreeze.ALL, seed=5)
lesson = Lesson(parts, 2, schedule, pretrained=True)

def replicas():
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf
        return tf.distribute.get_strategy().num_replicas_in_sync
    spread = keras.distribution.distribution()
    return 1 if spread is None else spread.device_mesh.devices.size

def trained(devices):
    state = TrainingState(work / str(len(devices)), {{}})
    keras.utils.set_random_seed(3)
    spread = spread_over(devices)
    with spread.building():
        count = replicas()
    train(build_classifier(SURE, SIZE), replace(lesson, spread=spread), state)
    best = build_classifier(SURE, SIZE)  # outside: on one device again
    best.load_weights(state.best)
    stats = []
    if sys.argv[3] == "norm":
        norm = best.get_layer("backbone").get_layer("norm")
        pixels = parts.train.pixels.astype("float32")[..., None]
        within = keras.Model(best.get_layer("backbone").input, norm.input)
        found = within.predict(pixels.repeat(3, axis=3), verbose=0)
        stats = [abs(float(np.mean(norm.moving_mean - found.mean((0, 1, 2)))) /
                 float(np.mean(found.mean((0, 1, 2)))))]
    auc = roc_auc_score(parts.validation.labels, predict_logits(best, parts.validation))
    return {{"replicas": count, "auc": auc, "stats": stats, "history": state.history}}

print(json.dumps([trained(devices) for devices in ([DEVICES, []] if even else [DEVICES])]))
"""


def trained_apart(folder: Path, checkout: Path, name: str, shared: str) -> list[dict[str, Any]]:
    """Train in a process of its own: two devices have to be asked for before anything else."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs {name}")
    data = draw_folder(folder / "data", 21)
    environment = os.environ | {
        "KERAS_BACKEND": name,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2" if name == "jax" else "",
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(checkout),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(setup=SETUP[name]), data, folder / "work", shared],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    said: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
def test_two_devices(tmp_path: Path, checkout: Path, name: str) -> None:
    """Each gets half of every batch, and what comes out is what one device makes of it."""
    two, one = trained_apart(tmp_path, checkout, name, "even")
    assert (two["replicas"], one["replicas"]) == (2, 1)
    assert two["auc"] > 0.9
    assert max(row["val_auc"] for row in two["history"]) == pytest.approx(two["auc"], abs=1e-3)
    # the mean over devices is the mean over the batch: nothing else changes
    for figure in ("loss", "val_loss", "learning_rate"):
        rows = [[row[figure] for row in each["history"]] for each in (two, one)]
        np.testing.assert_allclose(*rows, rtol=1e-3, err_msg=figure)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
def test_films_that_cannot_be_shared_evenly(tmp_path: Path, checkout: Path, name: str) -> None:
    """21 of them, in one short batch."""
    (odd,) = trained_apart(tmp_path, checkout, name, "odd")
    assert odd["replicas"] == 2
    assert [row["epoch"] for row in odd["history"]] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
def test_batch_norm_is_measured_for_the_weights_that_are_kept(
    tmp_path: Path, checkout: Path, name: str
) -> None:
    """As on one device: its mean is that of the training films under these weights."""
    (found,) = trained_apart(tmp_path, checkout, name, "norm")
    assert found["replicas"] == 2
    assert found["stats"][0] < 0.1
