from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import draw_folder
from xrayscan.errors import UsageError
from xrayscan.labels.films import LabelledFolder
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.training.network.given import in_terms_of
from xrayscan.training.options import FitOptions, Recipe
from xrayscan.training.task import read_task

THREE = ("NORMAL", "BACTERIA", "VIRUS")


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return load_card(model_folder(DEFAULT_MODEL))


@pytest.mark.parametrize("classes", [("NORMAL", "PNEUMONIA"), ("normal", "pneumonia")])
def test_two_classes_in_any_case(card: ModelCard, classes: tuple[str, ...]) -> None:
    found = in_terms_of("--distill", card, LabelledFolder(classes, (), classes[1]))
    assert (found.classes, found.positive) == (("NORMAL", "PNEUMONIA"), "PNEUMONIA")


def test_three_classes_in_any_case(card: ModelCard) -> None:
    several = replace(card, classes=THREE, positive="NOT NORMAL")
    data = LabelledFolder(("Normal", "Bacteria", "Virus"), (), "NOT Normal")
    found = in_terms_of("--distill", several, data)
    assert (found.classes, found.positive) == (THREE, "NOT NORMAL")


@pytest.mark.parametrize(
    "classes",
    [
        ("NORMAL", "TUBERCULOSIS"),
        ("PNEUMONIA", "NORMAL"),
        THREE,
    ],
)
def test_other_classes(card: ModelCard, classes: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as fault:
        in_terms_of("--distill", card, LabelledFolder(classes, (), classes[1]))
    assert str(fault.value) == (
        f"--distill fast: tells NORMAL, PNEUMONIA apart, the films are {', '.join(classes)}; give "
        "another model, or these classes by --classes"
    )


@pytest.mark.parametrize(
    "building",
    [
        {"ensemble_of": (DEFAULT_MODEL, DEFAULT_MODEL)},
        {"teacher": DEFAULT_MODEL, "architecture": "cnn"},
        {"recipe": Recipe(epochs=0)},
    ],
    ids=["an ensemble", "a teacher", "a model made anew"],
)
def test_folders_in_another_case(tmp_path: Path, building: dict[str, Any]) -> None:
    """Read under the model's names, by all that build on one."""
    data = draw_folder(tmp_path / "data", 8)
    for name in ("normal", "Pneumonia"):
        (data / name.upper()).rename(data / name)
    task = read_task(FitOptions(data, tmp_path / "out", folds=2, workers=1, **building))
    assert (task.data.classes, task.data.positive) == (("NORMAL", "PNEUMONIA"), "PNEUMONIA")
