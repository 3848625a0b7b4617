"""A small real classifier, exported once, and a model folder made by hand around it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY, build_tiny
from xrayscan.scoring.admission_statistics import (
    admission_features,
    feature_groups,
    fit_statistics,
)
from xrayscan.scoring.posture import fit_posture

ADMISSION_WIDTHS = (8, 16)  # of the small classifier's layers


@pytest.fixture(scope="session")
def tiny_classifier() -> Any:
    """Two convolutions and a set head: 64 px in, an 8x8x16 map, probabilities that spread."""
    return build_tiny()


@pytest.fixture(scope="session")
def scorer(tiny_classifier: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from xrayscan.training.outcome.export import export_scorer, scoring_function

    path = tmp_path_factory.mktemp("scorer") / "scorer.xml"
    export_scorer(scoring_function(tiny_classifier, TINY.admission_layers), path)
    return path


@pytest.fixture(scope="session")
def films() -> np.ndarray:
    """(12, 64, 64) float32, 0..255: noise of different brightness and grain."""
    rng = np.random.default_rng(5)
    coarse = rng.uniform(0, 255, (12, 8, 8)).repeat(8, axis=1).repeat(8, axis=2)
    share = np.linspace(0.1, 1, 12)[:, None, None]
    return (share * coarse + (1 - share) * rng.uniform(0, 255, coarse.shape)).astype(np.float32)


def card_facts(**changed: Any) -> dict[str, Any]:
    """Everything that ``load_card`` reads, with plausible values."""
    return {
        "schema": 1,
        "name": "handmade",
        "architecture": "tiny",
        "input": {"size": SIZE, "range": [0, 255]},
        "classes": ["NORMAL", "PNEUMONIA"],
        "positive": "PNEUMONIA",
        "default_threshold": "youden",
        "thresholds": {
            "youden": {"threshold": 0.37, "sensitivity": 0.93, "specificity": 0.9},
            "sens=0.95": {"threshold": 0.25, "sensitivity": 0.95, "specificity": 0.8},
        },
        "zones": {"review": 0.2, "positive": 0.7},
        "operating_curve": {
            "prevalence": 0.4,
            "points": [[1.0, 0.0, 1.0], [0.6, 0.9, 0.95], [0.3, 1.0, 0.6], [0.01, 1.0, 0.0]],
        },
        "heat": {
            "scale": {"gradcam": 0.5, "gradcam++": 0.25},
            # of one method alone, so that both ways of testing a map are there
            "chance": {"gradcam": {"intercept": 0.1, "slope": 0.7, "between": 0.3, "within": 0.2}},
        },
        "admission": {"distance_limit": 2.5},
        **changed,
    }


def write_card(folder: Path, facts: dict[str, Any]) -> None:
    """Write a card that lists every other file of the folder with its sha256."""
    others = sorted(path for path in folder.iterdir() if path.name != "card.json")
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in others}
    text = json.dumps({"files": hashes, **facts})
    (folder / "card.json").write_text(text, encoding="utf-8")


@pytest.fixture
def handmade(tmp_path: Path) -> Path:
    """A model folder whose files hold a few bytes each: enough to be verified, not to be run."""
    folder = tmp_path / "handmade"
    folder.mkdir()
    for name in ("scorer.xml", "scorer.bin", "admission.npz", "model.keras"):
        (folder / name).write_bytes(f"content of {name}".encode())
    write_card(folder, card_facts())
    return folder


@pytest.fixture
def runnable(tmp_path: Path, scorer: Path, films: np.ndarray) -> Path:
    """A model folder around the small classifier's scorer."""
    from xrayscan.scoring.engine import Engine

    folder = tmp_path / "runnable"
    folder.mkdir()
    for path in (scorer, scorer.with_suffix(".bin")):
        (folder / path.name).write_bytes(path.read_bytes())
    features = admission_features(Engine(scorer, SIZE, 1).score(films).admission, films)
    posture = fit_posture(films.astype(np.uint8), 1)
    groups = feature_groups(ADMISSION_WIDTHS)
    statistics = fit_statistics(features[:8], features[8:], groups, posture)
    statistics.save(folder / "admission.npz")
    write_card(folder, card_facts())
    return folder
