"""Models in other runtimes' formats: what is delivered scores as the scorer does."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.scoring.conftest import card_facts, write_card
from tests.training.conftest import SIZE, TINY
from xrayscan.cli.app import app
from xrayscan.errors import ModelError, UsageError, XrayscanError
from xrayscan.resources import DEFAULT_MODEL
from xrayscan.scoring.engine import Engine
from xrayscan.training.outcome import deliver
from xrayscan.training.outcome.deliver import WITHIN, ExportOptions, export_model
from xrayscan.training.outcome.export import export_scorer, scoring_function
from xrayscan.training.outcome.formats import Format

OUTPUTS = {"probability", "embedding", "heat_gradcam", "heat_gradcam++"}


def put_model(folder: Path, network: Any, function: Any, **facts: Any) -> Path:
    folder.mkdir()
    network.save(folder / "model.keras")
    export_scorer(function, folder / "scorer.xml")
    (folder / "admission.npz").write_bytes(b"not looked at")
    write_card(folder, card_facts(score="calibrated P(PNEUMONIA)", **facts))
    return folder


@pytest.fixture(scope="module")
def model(make_tiny: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = make_tiny()
    function = scoring_function(network, TINY.admission_layers)
    return put_model(tmp_path_factory.mktemp("one") / "model", network, function)


def run_saved_model(path: Path, pixels: np.ndarray) -> dict[str, np.ndarray]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    outputs = loaded.signatures["serving_default"](tf.constant(pixels))
    return {name: values.numpy() for name, values in outputs.items()}


def run_onnx(path: Path, pixels: np.ndarray) -> dict[str, np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    rows = [session.run(names, {"pixels": film[None]}) for film in pixels]
    return {name: np.concatenate(parts) for name, *parts in zip(names, *rows, strict=True)}


RUNTIMES = {
    Format.SAVED_MODEL: run_saved_model,
    Format.ONNX: run_onnx,
}
needs_onnx = pytest.mark.skipif(find_spec("tf2onnx") is None, reason="needs xrayscan[onnx]")
FORMATS = [pytest.param(each, marks=needs_onnx if each == "onnx" else ()) for each in Format]


@pytest.mark.parametrize(
    "format",
    # TFLite's own runtime sees nothing in a network as small as this one; see the bundled model's
    [pytest.param(Format.ONNX, marks=needs_onnx), Format.SAVED_MODEL],
)
def test_it_scores_as_the_scorer(
    tmp_path: Path, model: Path, films: np.ndarray, format: Format
) -> None:
    out = tmp_path / f"exported.{format}"
    assert export_model(ExportOptions(str(model), format, out)) <= WITHIN
    known = Engine(model / "scorer.xml", SIZE, 1).outputs(films)
    found = RUNTIMES[format](out, films[..., None])
    assert set(found) == OUTPUTS
    for name, values in found.items():
        scale = max(1.0, np.abs(known[name]).max())
        np.testing.assert_allclose(values, known[name], atol=WITHIN * scale)
    assert np.ptp(known["probability"]) > 10 * WITHIN
    facts = json.loads((tmp_path / f"{out.name}.json").read_text())
    assert {name: shape[1:] for name, shape in facts["outputs"].items()} == {
        name: list(values.shape[1:]) for name, values in found.items()
    }
    assert facts["input"]["shape"][1:] == [SIZE, SIZE, 1]
    assert facts["thresholds"]["youden"]["threshold"] == 0.37
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, f"{out.name}.json"]


def test_what_scores_otherwise_is_not_delivered(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(Engine):
        def outputs(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
            found = super().outputs(pixels)
            return {**found, "probability": found["probability"] + 2 * WITHIN}

    monkeypatch.setattr(deliver, "Engine", Other)
    with pytest.raises(ModelError, match=r"differs from the scorer by 0\.002 .*is not delivered"):
        export_model(ExportOptions(str(model), Format.SAVED_MODEL, tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_what_the_converter_cannot_say_is_one_sentence(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    def refuse(folder: str) -> None:
        raise ValueError("no such operation\nand a long story")

    monkeypatch.setattr(tf.lite.TFLiteConverter, "from_saved_model", refuse)
    with pytest.raises(ModelError) as raised:
        export_model(ExportOptions(str(model), Format.TFLITE, tmp_path / "out"))
    assert str(raised.value) == (
        "--format tflite: cannot say what this network does (no such operation); give another"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", [Format.TFLITE, Format.SAVED_MODEL])
def test_no_room_is_said_of_the_output(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, format: Format
) -> None:
    import tensorflow as tf

    def fill(module: Any, folder: str, signatures: Any) -> None:
        words = f"{{{{node}}}} {folder}/part-0; No space left on device [Op:SaveV2]"
        raise tf.errors.ResourceExhaustedError(None, None, words)

    monkeypatch.setattr(tf.saved_model, "save", fill)
    with pytest.raises(XrayscanError) as raised:
        export_model(ExportOptions(str(model), format, tmp_path / "out"))
    words = f"{tmp_path / 'out'}: cannot be written (no space left on device); check space"
    assert str(raised.value).startswith(words)
    assert list(tmp_path.iterdir()) == []


def test_no_temporary_folder_is_needed(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setattr(deliver, "WITHIN", np.inf)  # TFLite sees nothing in so small a network
    export_model(ExportOptions(str(model), Format.TFLITE, tmp_path / "out"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.json"]


@pytest.mark.parametrize("name", ["out", "out.json"])
def test_nothing_is_overwritten(tmp_path: Path, model: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=f"{name}: exists; give another name by --out"):
        export_model(ExportOptions(str(model), Format.TFLITE, tmp_path / "out"))
    assert (tmp_path / name).read_text() == "mine"


def changed(folder: Path, model: Path, **facts: Any) -> Path:
    shutil.copytree(model, folder)
    (folder / "card.json").unlink()
    write_card(folder, card_facts(**facts))
    return folder


def test_a_site_that_corrects_probabilities(tmp_path: Path, model: Path) -> None:
    site = changed(tmp_path / "site", model, recalibration={"temperature": 1.2, "offset": 0.1})
    with pytest.raises(UsageError, match="export the model it was made of"):
        export_model(ExportOptions(str(site), Format.TFLITE, tmp_path / "out"))


def test_a_scorer_of_integers(tmp_path: Path, model: Path) -> None:
    """No format would come within what is delivered: its network is that before quantization."""
    small = changed(tmp_path / "small", model, quantization={"method": "NNCF, int8"})
    with pytest.raises(UsageError, match="export a model that was made without --int8"):
        export_model(ExportOptions(str(small), Format.TFLITE, tmp_path / "out"))


def test_a_folder_without_a_network(tmp_path: Path, model: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(model, bare)
    for name in ("model.keras", "card.json"):
        (bare / name).unlink()
    write_card(bare, card_facts())
    with pytest.raises(UsageError, match=r"has no model\.keras to export"):
        export_model(ExportOptions(str(bare), Format.TFLITE, tmp_path / "out"))


def test_missing_packages_are_named(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as raised:
        export_model(ExportOptions(str(model), Format.ONNX, tmp_path / "out.onnx"))
    assert str(raised.value) == (
        "--format onnx: needs tf2onnx and onnxruntime; pip install 'xrayscan[onnx]'"
    )


def test_command(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "m"
    asked = ["models", "export", str(model), "--out", str(out)]
    done = CliRunner().invoke(app, [*asked, "--format", "saved_model"])
    assert done.exit_code == 0, done.output
    assert f"{out}: as the scorer within" in done.output
    wrong = CliRunner().invoke(app, [*asked, "--format", "torch"])
    assert wrong.exit_code == 2
    assert "--format torch: give onnx, tflite, saved_model" in wrong.output


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_the_bundled_model(tmp_path: Path, format: Format) -> None:
    out = tmp_path / "out"
    assert export_model(ExportOptions(DEFAULT_MODEL, format, out)) <= WITHIN
    assert out.exists()
