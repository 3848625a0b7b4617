from __future__ import annotations

from typing import Any

import pytest

from xrayscan.evaluation.checklist import checklist
from xrayscan.evaluation.checklist_items import CLAIM, CLAIM_ITEMS, TRIPOD, TRIPOD_ITEMS
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import load_card

FACTS: dict[str, Any] = {
    "options": {"admission": "on"},
    "flow": {
        "labelled": 12, "patients": 9, "scored": 10, "not_assessed": 1, "unreadable": 1,
        "vanished": 0, "without_probability": 2, "learnt_from": 0,
        "without_patient": 3,
    },
    "measures": {
        "films": {"positive": 4, "scored": 10, "names": ["NORMAL", "PNEUMONIA"]},
        "prevalence": None,
    },
    "subgroups": {"sex": {}, "view": {}},
    "threshold": 0.5,
    "rule": "youden",
    "versions": {"xrayscan": "0.1.0", "openvino": "2026.4"},
    "model": {"name": "fast", "sha256": "ab" * 32},
}  # fmt: skip
# How far the letters of each number of TRIPOD+AI go; those without letters are one item.
LETTERS = {
    3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc",
    23: "ab", 27: "abc",
}  # fmt: skip


def test_the_items_are_those_of_the_standards() -> None:
    expected = [f"{n}{letter}" for n in range(1, 28) for letter in LETTERS.get(n, "") or [""]]
    assert [number for number, _ in TRIPOD_ITEMS] == expected
    assert [number for number, _ in CLAIM_ITEMS] == [str(n) for n in range(1, 45)]


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], str]:
    card = load_card(model_folder(DEFAULT_MODEL)).facts
    return {(row.standard, row.number): row.answer for row in checklist(FACTS, card)}


def test_every_item_is_there_once(rows: dict[tuple[str, str], str]) -> None:
    assert len(rows) == len(TRIPOD_ITEMS) + len(CLAIM_ITEMS) == 96


SAID = {
    "missing data": ((TRIPOD, "11"), (CLAIM, "12"), "2 of 12 films got no probability"),
    "flow": ((TRIPOD, "20a"), (CLAIM, "35"), "12 films of 9 patients; 10 scored"),
    "preparation": ((TRIPOD, "7"), (CLAIM, "9"), "224 × 224 pixels"),
    "the model": ((TRIPOD, "22"), (CLAIM, "22"), "card sha256 abab"),
    "learnt from": ((TRIPOD, "16"), (CLAIM, "20"), "has learnt from: 0"),
    "code": ((TRIPOD, "18f"), (CLAIM, "43"), "xrayscan 0.1.0, open source"),
    "patients": ((TRIPOD, "12d"), (CLAIM, "20"), "every interval. 3 films name none and count"),
    "admission": ((TRIPOD, "7"), (CLAIM, "9"), "were not scored (admission on)"),
    "groups": ((TRIPOD, "14"), (TRIPOD, "14"), "By sex, view."),
}


@pytest.mark.parametrize(("one", "other", "words"), SAID.values(), ids=SAID)
def test_what_the_run_can_answer(
    rows: dict[tuple[str, str], str], one: tuple[str, str], other: tuple[str, str], words: str
) -> None:
    assert words in rows[one]
    assert words in rows[other]


@pytest.mark.parametrize(
    "item", [(TRIPOD, "17"), (TRIPOD, "18a"), (TRIPOD, "26"), (CLAIM, "14"), (CLAIM, "44")], ids=str
)
def test_what_only_a_person_can_answer_is_left_to_one(
    rows: dict[tuple[str, str], str], item: tuple[str, str]
) -> None:
    assert rows[item] == ""


def test_a_site_profile_says_how_it_was_corrected() -> None:
    card = load_card(model_folder(DEFAULT_MODEL)).facts
    profile = {**card, "recalibration": {"words": "Probabilities are corrected."}}
    found = {row.number: row.answer for row in checklist(FACTS, profile) if row.standard == TRIPOD}
    assert found["12f"] == "Probabilities are corrected."


@pytest.mark.parametrize("admission", ["warn", "off"])
def test_films_unlike_the_training_films_that_were_scored_are_not_said_to_be_left_out(
    admission: str,
) -> None:
    card = load_card(model_folder(DEFAULT_MODEL)).facts
    facts = FACTS | {"options": {"admission": admission}}
    answers = {(row.standard, row.number): row.answer for row in checklist(facts, card)}
    assert f"were scored, too (admission {admission})" in answers[TRIPOD, "7"]
