from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from xrayscan.cli.fit import fit
from xrayscan.errors import UsageError
from xrayscan.training.learning import augmentation
from xrayscan.training.learning.stages import resolved
from xrayscan.training.network.architectures import TABLE, architecture
from xrayscan.training.network.start import find_start
from xrayscan.training.options import FitOptions, Optimizer, Recipe, Unfreeze
from xrayscan.training.presets import PRESETS, preset

ELSEWHERE = {"arch": "architecture"}  # options of another name than the record's


def every_option() -> list[Any]:
    return [
        pytest.param(name, option, value, id=f"{name} {option}")
        for name, options in PRESETS.items()
        for option, value in options.items()
    ]


@pytest.mark.parametrize(("name", "option", "value"), every_option())
def test_names_and_kinds(name: str, option: str, value: object) -> None:
    """What a preset names is an option of the command, and of what the command fills in."""
    parameters = inspect.signature(fit).parameters
    assert option in parameters
    default = parameters[option].default
    assert default is None or type(value) is type(default)
    known = {field.name for record in (FitOptions, Recipe) for field in fields(record)}
    assert ELSEWHERE.get(option, option) in known


ACCEPTED: dict[str, Any] = {
    "arch": lambda value: value in TABLE,
    "origin": lambda value: value in ("imagenet", "none"),
    "augmentation": lambda value: value in augmentation.PRESETS,
    "optimizer": lambda value: value in list(Optimizer),
    "unfreeze": lambda value: value in list(Unfreeze),
    "epochs": lambda value: value >= 0,
    "patience": lambda value: value >= 0,
    "learning_rate": lambda value: 0 < value < 0.1,
    "population": bool,
    "licence": bool,
    "mirrored": bool,
    "smoothing": lambda value: value >= 0,
}


@pytest.mark.parametrize(("name", "option", "value"), every_option())
def test_values(name: str, option: str, value: object) -> None:
    assert ACCEPTED[option](value)


@pytest.mark.parametrize("name", [name for name in PRESETS if "arch" in PRESETS[name]])
def test_a_start_can_be_found(name: str) -> None:
    """The architecture can start from where the preset says, and has blocks to unfreeze."""
    options = preset(name)
    start = find_start(options["arch"], options.get("origin", ""))
    assert start.architecture is architecture(options["arch"])
    assert start.pretrained is (options.get("origin") != "none")
    if options.get("unfreeze") == "last":
        assert start.architecture.last_blocks
        recipe = resolved(Recipe(unfreeze=Unfreeze.LAST), start)
        assert recipe.learning_rate == 1e-5


@pytest.mark.parametrize("name", [name for name in PRESETS if "patience" in PRESETS[name]])
def test_patience_can_run_out(name: str) -> None:
    assert 0 < preset(name)["patience"] < preset(name)["epochs"]


def test_names() -> None:
    assert all(
        name == f"published-{options['arch'].replace('_', '-')}"
        for name, options in PRESETS.items()
        if not name.startswith("bundled-")
    )
    help_text = str(inspect.signature(fit).parameters["preset"].annotation)
    assert all(name in help_text for name in PRESETS if name.startswith("published-"))
    assert "bundled-*" in help_text


def test_none() -> None:
    assert preset("") == {}


@pytest.mark.parametrize("name", ["published", "Published-CNN", "published-cnn ", "none"])
def test_unknown(name: str) -> None:
    with pytest.raises(UsageError) as fault:
        preset(name)
    expected = "bundled-accurate, bundled-fast, bundled-first, bundled-margins, bundled-smoothed, "
    expected += "bundled-taught, bundled-varied, published-cnn, "
    expected += "published-cnn-transformer, published-densenet121, "
    expected += "published-mobilenet, published-resnet50"
    assert str(fault.value) == f"--preset {name}: choose one of {expected}"
