"""Training under JAX, export under TensorFlow in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import draw_folder
from xrayscan.scoring.card import load_card
from xrayscan.scoring.model import ScoringModel

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax"),
]

# Hides a package as if it was never installed: what is found by path is looked up without it.
WITHOUT_TENSORFLOW = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
from xrayscan.cli import main
sys.argv[0] = "xrayscan"
main()
"""
RECIPE = ["--arch=cnn", "--from=none", "--batch-size=8", "--folds=3", "--augmentation=none"]
RECIPE += ["--workers=1", "--learning-rate=0.001"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("drawn"), 9)


def run(
    data: Path, out: Path, *more: str, backend: str = "jax", code: str = ""
) -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "xrayscan"]
    return subprocess.run(
        [sys.executable, *start, "fit", data, "--out", out, *RECIPE, *more],
        env=os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


@pytest.fixture(scope="module")
def fitted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "model"
    done = run(data, out, "--epochs=1")
    assert done.returncode == 0, done.stderr
    assert f"model written to {out}" in done.stdout
    return out


def test_it_leaves_a_model_that_scores(fitted: Path) -> None:
    assert [path.name for path in fitted.parent.iterdir()] == ["model"]
    assert {path.name for path in fitted.iterdir()} == {
        "README.md",
        "admission.npz",
        "card.json",
        "films_seen.npy",
        "films_looks.npy",
        "model.keras",
        "report.html",
        "scorer.bin",
        "scorer.xml",
        "training",
    }
    card = load_card(fitted)
    assert card.architecture == "cnn"
    assert card.facts["training"]["epochs"] == 1
    films = np.random.default_rng(0).uniform(0, 255, (2, card.input_size, card.input_size))
    for film in ScoringModel(fitted, 1).score(films.astype(np.float32), "gradcam"):
        assert 0 <= film.probability <= 1
        assert film.heat_map is not None


def test_epochs_are_added(fitted: Path, data: Path) -> None:
    """After ``test_it_leaves_a_model_that_scores``: the model is replaced."""
    done = run(data, fitted, "--epochs=2", "--resume")
    assert done.returncode == 0, done.stderr
    assert load_card(fitted).facts["training"]["epochs"] == 2
    assert [path.name for path in fitted.parent.iterdir()] == ["model"]


def test_without_tensorflow(data: Path, tmp_path: Path) -> None:
    """What was trained stays, and becomes a model where TensorFlow is."""
    out = tmp_path / "model"
    done = run(data, out, "--epochs=1", code=WITHOUT_TENSORFLOW)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (said,) = [line for line in done.stderr.splitlines() if str(out) in line]
    assert f"{out}: trained, but export needs TensorFlow; " in said
    assert "give the same command with --resume where it is installed" in said
    assert [path.name for path in tmp_path.iterdir()] == ["model.training"]
    assert (tmp_path / "model.training" / "progress.json").is_file()
    done = run(data, out, "--epochs=1", "--resume", backend="tensorflow")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert load_card(out).facts["training"]["epochs"] == 1
