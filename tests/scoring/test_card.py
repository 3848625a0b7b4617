from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import CHECKOUT
from xrayscan.errors import ModelError
from xrayscan.records import Zone
from xrayscan.scoring.card import SCORING_FILES, file_sha256, load_card, trained_on
from xrayscan.scoring.faithfulness import Chance
from xrayscan.scoring.thresholds import OperatingPoint, resolve_rule

from .conftest import card_facts, write_card

LISTED = ("scorer.xml", "scorer.bin", "admission.npz", "model.keras")


def test_a_whole_folder_loads(handmade: Path) -> None:
    card = load_card(handmade)
    assert card.folder == handmade
    assert card.sha256 == hashlib.sha256((handmade / "card.json").read_bytes()).hexdigest()
    assert (card.name, card.architecture, card.input_size) == ("handmade", "tiny", 64)
    assert card.classes == ("NORMAL", "PNEUMONIA")
    assert (card.positive, card.negative) == ("PNEUMONIA", "NORMAL")
    assert card.default_rule == "youden"
    assert card.thresholds["sens=0.95"] == OperatingPoint(0.25, 0.95, 0.8)
    assert card.curve.prevalence == 0.4
    # with the named threshold that fits in; the other one cannot be of the same films
    np.testing.assert_array_equal(card.curve.thresholds, [1.0, 0.6, 0.37, 0.3, 0.01])
    np.testing.assert_array_equal(card.curve.sensitivity, [0.0, 0.9, 0.93, 1.0, 1.0])
    np.testing.assert_array_equal(card.curve.specificity, [1.0, 0.95, 0.9, 0.6, 0.0])
    zones = [card.zones.zone(probability) for probability in (0.1, 0.5, 0.9)]
    assert zones == [Zone.NEGATIVE, Zone.REVIEW, Zone.POSITIVE]
    assert card.heat_scale == {"gradcam": 0.5, "gradcam++": 0.25}
    assert card.heat_chance == {"gradcam": Chance(0.1, 0.7, between=0.3, within=0.2)}
    assert card.distance_limit == 2.5
    assert card.facts["name"] == "handmade"


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [("", 0.37), ("sens=0.95", 0.25), ("0.123456789", 0.1234568)],
    ids=["the default", "a name", "rounded as a run writes it"],
)
def test_threshold(handmade: Path, rule: str, threshold: float) -> None:
    assert load_card(handmade).threshold(rule) == threshold


@pytest.mark.parametrize(
    ("training", "whose"),
    [
        ({"trained_on": "adults", "population": "children"}, "adults"),
        ({"trained_on": "adults", "population": "children", "epochs": 0}, "adults"),
        ({"population": "children", "epochs": 3}, "children"),
        ({"population": "children"}, "children"),
        ({"population": "children", "epochs": 0}, ""),
        ({}, ""),
    ],
)
def test_whose_films_a_model_was_trained_on(training: dict[str, Any], whose: str) -> None:
    assert trained_on(training) == whose


@pytest.mark.parametrize(
    ("classes", "negative"),
    [
        (["NORMAL", "PNEUMONIA"], "NORMAL"),
        (["PNEUMONIA", "healthy"], "healthy"),
        (["NORMAL", "BACTERIAL", "VIRAL"], "NORMAL"),
    ],
)
def test_negative_label(handmade: Path, classes: list[str], negative: str) -> None:
    write_card(handmade, card_facts(classes=classes))
    assert load_card(handmade).negative == negative


BUNDLED = sorted(path.parent for path in (CHECKOUT / "models").glob("*/card.json"))


@pytest.mark.parametrize("folder", BUNDLED, ids=lambda folder: folder.name)
@pytest.mark.parametrize(("kind", "turn"), [("sens", -1), ("spec", 1)], ids=["sens", "spec"])
def test_a_higher_aim_never_takes_the_threshold_back(folder: Path, kind: str, turn: int) -> None:
    """Whether the card names an aim or not, and however it is written."""
    card = load_card(folder)

    def threshold(aim: str) -> float:
        return resolve_rule(f"{kind}={aim}", card.thresholds, card.curve)

    aims = [f"0.{thousandths:03}" for thousandths in range(1000)] + ["1"]
    thresholds = np.array([threshold(aim) for aim in aims])
    assert (turn * np.diff(thresholds) >= 0).all()
    for aim in ("0.95", ".95", "0.950", "0.9500"):
        assert threshold(aim) == card.thresholds[f"{kind}=0.95"].threshold


def refusal(folder: Path, file: Path) -> str:
    """Load a folder that must be refused, in one sentence on ``file`` that ends in a next step."""
    with pytest.raises(ModelError) as fault:
        load_card(folder)
    message = str(fault.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    next_step = message.rpartition("; ")[2]
    assert next_step.startswith(("restore", "give"))
    return message


def test_no_folder(tmp_path: Path) -> None:
    assert "no card.json in it" in refusal(tmp_path / "nowhere", tmp_path / "nowhere")


def test_no_card(handmade: Path) -> None:
    (handmade / "card.json").unlink()
    assert "no card.json in it" in refusal(handmade, handmade)


def test_a_file_is_no_model_folder(handmade: Path) -> None:
    file = handmade / "model.keras"
    assert "cannot be read (not a directory);" in refusal(file, file / "card.json")


BROKEN = {
    "empty": b"",
    "cut in the middle": b'{"schema": 1, "name": "hand',
    "not JSON": b"name = handmade",
    "not UTF-8": b'{"name": "\xff\xfe\xfa"}',
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_json(handmade: Path, content: bytes) -> None:
    (handmade / "card.json").write_bytes(content)
    assert "cannot be read" in refusal(handmade, handmade / "card.json")


def test_a_card_of_another_schema(handmade: Path) -> None:
    write_card(handmade, card_facts(schema=2))
    assert "schema 2, this version reads 1" in refusal(handmade, handmade / "card.json")


@pytest.mark.parametrize("key", [*card_facts(), "files"])
def test_a_missing_key(handmade: Path, key: str) -> None:
    facts = json.loads((handmade / "card.json").read_text())
    del facts[key]
    (handmade / "card.json").write_text(json.dumps(facts))
    message = refusal(handmade, handmade / "card.json")
    assert "is not a valid card" in message
    assert key in message


WRONG_VALUES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a list": lambda facts: [facts],
    "nothing": lambda facts: None,
    "size in words": lambda facts: facts | {"input": {"size": "large"}},
    "no size": lambda facts: facts | {"input": {}},
    "curve of two columns": lambda facts: (
        facts | {"operating_curve": {"prevalence": 0.4, "points": [[0.5, 1.0]] * 4}}
    ),
    "a zone too many": lambda facts: facts | {"zones": {"review": 0, "positive": 1, "rest": 1}},
    "a threshold without figures": lambda facts: facts | {"thresholds": {"youden": {}}},
    "thresholds as a list": lambda facts: facts | {"thresholds": ["youden"]},
    "heat without scales": lambda facts: facts | {"heat": {"scale": [0.5, 0.25]}},
    "files as a list": lambda facts: facts | {"files": ["scorer.xml"]},
    "a file above the folder": lambda facts: facts | {"files": facts["files"] | {"../x": "0"}},
    "a file elsewhere": lambda facts: facts | {"files": facts["files"] | {"/dev/zero": "0"}},
    "a limit of null": lambda facts: facts | {"admission": {"distance_limit": None}},
}


@pytest.mark.parametrize("change", WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_wrong_value(handmade: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = handmade / "card.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    assert "is not a valid card" in refusal(handmade, path)


@pytest.mark.parametrize("name", SCORING_FILES)
def test_a_file_that_scores_and_is_not_vouched_for(handmade: Path, name: str) -> None:
    path = handmade / "card.json"
    facts = json.loads(path.read_text())
    del facts["files"][name]
    path.write_text(json.dumps(facts))
    assert f"no sha256 of {name}" in refusal(handmade, path)


@pytest.mark.parametrize("name", LISTED)
def test_a_missing_file(handmade: Path, name: str) -> None:
    (handmade / name).unlink()
    assert "no such file" in refusal(handmade, handmade / name)


def test_a_pipe_is_not_waited_for(handmade: Path) -> None:
    (handmade / "scorer.bin").unlink()
    os.mkfifo(handmade / "scorer.bin")
    assert "is no file" in refusal(handmade, handmade / "scorer.bin")


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: bytes([data[0] ^ 1]) + data[1:], id="first bit flipped"),
        pytest.param(lambda data: data[:-1] + bytes([data[-1] ^ 128]), id="last bit flipped"),
        pytest.param(lambda data: data[:-1], id="one byte less"),
        pytest.param(lambda data: data + b"\n", id="one byte more"),
        pytest.param(lambda data: b"", id="empty"),
    ],
)
def test_a_changed_file(handmade: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    path = handmade / name
    path.write_bytes(change(path.read_bytes()))
    assert "sha256 differs" in refusal(handmade, path)


def test_a_file_that_the_card_does_not_list_is_let_be(handmade: Path) -> None:
    (handmade / "README.md").write_text("for people")
    assert load_card(handmade).name == "handmade"


@pytest.mark.parametrize(
    "content", [b"", b"a film", bytes(3_000_000)], ids=["empty", "few", "many"]
)
def test_file_sha256(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
