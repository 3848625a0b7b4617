from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.test_films import made_card
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.evaluations import FILE, SCHEMA, evaluations


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return made_card(tmp_path / "model")


def write(card: ModelCard, content: Any) -> None:
    (card.folder / FILE).write_text(json.dumps(content), encoding="utf-8")


def test_those_of_the_card_alone(card: ModelCard) -> None:
    """The folder may have held another model when the others were kept."""
    own, other = ({"name": name, "model_sha256": sha256} for name, sha256 in (
        ("own", card.sha256), ("other", "0" * 64)
    ))  # fmt: skip
    write(card, {"schema": SCHEMA, "evaluations": [other, own]})
    assert evaluations(card) == [own]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param([], id="no object"),
        pytest.param({"schema": SCHEMA + 1, "evaluations": []}, id="a later version"),
        pytest.param({"schema": SCHEMA, "evaluations": [{}]}, id="of no model"),
        pytest.param({"schema": SCHEMA, "evaluations": 1}, id="no list"),
    ],
)
def test_what_cannot_be_read_ends_no_run(card: ModelCard, content: Any) -> None:
    write(card, content)
    assert evaluations(card) == []


def test_nothing_kept(card: ModelCard) -> None:
    assert evaluations(card) == []
