from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY
from xrayscan.evaluation.calibration import Calibration
from xrayscan.scoring.engine import Engine
from xrayscan.training.network.architectures import TABLE
from xrayscan.training.network.classifier import build_classifier, calibrated
from xrayscan.training.outcome.export import CALIBRATED_LOGIT, export_scorer, scoring_function

OUTPUTS = {"probability", "embedding", "admission", "heat_gradcam", "heat_gradcam++"}


@pytest.fixture(scope="module")
def scorer(make_tiny: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scorer") / "scorer.xml"
    export_scorer(scoring_function(make_tiny(), TINY.admission_layers), path)
    return path


def test_outputs_are_named_and_free_in_their_batch(scorer: Path) -> None:
    import openvino as ov

    assert sorted(path.name for path in scorer.parent.iterdir()) == ["scorer.bin", "scorer.xml"]
    model = ov.Core().read_model(scorer)
    names = [output.get_names() for output in model.outputs]
    assert all(len(given) == 1 for given in names)  # one plain name each, without ":0"
    assert set().union(*names) == OUTPUTS
    (pixels,) = model.inputs
    assert pixels.partial_shape[0].is_dynamic
    assert [size.get_length() for size in list(pixels.partial_shape)[1:]] == [SIZE, SIZE, 1]


def test_the_converter_is_told_the_version(
    make_tiny: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own way to find it out fails from Python 3.13 on."""
    from openvino.frontend.tensorflow import utils

    def as_of_313(framework: str) -> dict[str, str]:
        raise NameError("name 'tensorflow' is not defined")

    monkeypatch.setattr(utils, "get_environment_setup", as_of_313)
    path = tmp_path / "scorer.xml"
    export_scorer(scoring_function(make_tiny(), TINY.admission_layers), path)
    assert path.is_file()
    assert utils.get_environment_setup is as_of_313


def test_scoring_function_agrees_with_keras(
    make_tiny: Callable[..., Any], films: np.ndarray
) -> None:
    classifier = make_tiny()
    outputs = scoring_function(classifier, TINY.admission_layers).score(films[..., None])
    assert set(outputs) == OUTPUTS | {CALIBRATED_LOGIT}
    expected = classifier.predict_on_batch(films[..., None])
    np.testing.assert_allclose(outputs["probability"], expected, atol=1e-6)


def test_the_calibration_is_in_the_graph(
    tmp_path: Path, scorer: Path, make_tiny: Callable[..., Any], films: np.ndarray
) -> None:
    """It moves the probability; the heat belongs to the raw logit and stays.

    Saved and reloaded on the way, as ``fit`` goes on from a saved model.
    """
    import keras

    calibrated(make_tiny(), Calibration(3.0, -0.4)).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    export_scorer(scoring_function(loaded, TINY.admission_layers), tmp_path / "scorer.xml")
    raw, cooled = (Engine(path, SIZE, 1).score(films) for path in (scorer, tmp_path / "scorer.xml"))
    logits = [np.log(p / (1 - p)) for p in (raw.probability, cooled.probability)]
    assert np.abs(logits[0]).max() > 0.5
    np.testing.assert_allclose(logits[0], 3 * (logits[1] + 0.4), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(raw.heat["gradcam"], cooled.heat["gradcam"])


@pytest.mark.parametrize("ci", [None, "false", "yes"])
def test_the_converter_reports_to_nobody(
    tmp_path: Path, make_tiny: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, ci: str | None
) -> None:
    """OpenVINO's converter would send its use to its makers, from a forked process."""
    from openvino_telemetry.utils.sender import TelemetrySender

    reports: list[object] = []
    monkeypatch.setattr(TelemetrySender, "send", lambda _, *message: reports.append(message))
    monkeypatch.setenv("HOME", str(tmp_path))  # where it would keep an identifier
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    (tmp_path / "out").mkdir()
    function = scoring_function(make_tiny(), TINY.admission_layers)
    export_scorer(function, tmp_path / "out" / "scorer.xml")
    assert reports == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert os.environ.get("CI") == ci


def test_admission_widths(make_tiny: Callable[..., Any]) -> None:
    assert scoring_function(make_tiny(), ("first", "second")).admission_widths == (8, 16)
    assert scoring_function(make_tiny(), ("second",)).admission_widths == (16,)


def test_the_default_architecture_exports(tmp_path: Path) -> None:
    """At a small size, for time."""
    classifier = assert_exports("efficientnet_lite0", SIZE, tmp_path)
    # as float32; batch norm is folded into the convolutions
    size = (tmp_path / "scorer.bin").stat().st_size
    assert 3.5 * classifier.count_params() < size < 4.2 * classifier.count_params()


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_every_architecture_exports(tmp_path: Path, name: str) -> None:
    assert_exports(name, TABLE[name].input_size, tmp_path)


def assert_exports(name: str, side: int, folder: Path) -> Any:
    """Export with a head that makes the probabilities spread; the scorer agrees with Keras."""
    classifier = build_classifier(TABLE[name], side)
    width = classifier.get_layer("embedding").output.shape[1]
    height_and_width = classifier.get_layer("last_feature_map").output.shape[1:3]
    kernel = np.random.default_rng(1).normal(0, 3, (width, 1))
    classifier.get_layer("logit").set_weights([kernel, np.zeros(1)])
    function = scoring_function(classifier, TABLE[name].admission_layers)
    export_scorer(function, folder / "scorer.xml")
    films = np.random.default_rng(2).uniform(0, 255, (3, side, side)).astype(np.float32)
    films[0] = np.linspace(0, 255, side)
    scores = Engine(folder / "scorer.xml", side, 2).score(films)
    expected = classifier.predict_on_batch(films[..., None])[:, 0]
    np.testing.assert_allclose(scores.probability, expected, atol=1e-4)
    assert scores.embedding.shape == (3, width)
    widths = scoring_function(classifier, TABLE[name].admission_layers).admission_widths
    assert scores.admission.shape == (3, sum(widths))
    for heat in scores.heat.values():
        assert heat.shape == (3, *height_and_width)
        assert np.isfinite(heat).all()
    return classifier
