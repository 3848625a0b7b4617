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


EVERYONE_NAMED = FACTS["flow"] | {"without_patient": 0}
ELSEWHERE = FACTS["measures"] | {"prevalence": 0.05}
LEARNT_IS_NOT_KNOWN = FACTS["flow"] | {"learnt_from": None}
MADE_ANEW = {"epochs": 0, "population": "adults"}
# what a run or a card says otherwise, and the end of the answer that comes of it
OTHERWISE: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, str], str]] = {
    "own share": ({}, {}, (TRIPOD, "13"), "at this share only (--prevalence gives others)."),
    "prevalence": ({"measures": ELSEWHERE}, {}, (TRIPOD, "13"), "at a prevalence of 0.05."),
    "all named": ({"flow": EVERYONE_NAMED}, {}, (TRIPOD, "12d"), "together in every interval."),
    "no groups": ({"subgroups": {}}, {}, (TRIPOD, "14"), "give a CSV with such columns."),
    "not corrected": ({}, {}, (TRIPOD, "12f"), "The model is evaluated as it is."),
    "corrected": ({}, {"recalibration": {"words": "Moved."}}, (TRIPOD, "12f"), "Moved."),
    "started": ({}, {"training": {"started_from": "x"}}, (CLAIM, "24"), "Started from x."),
    "trained": ({}, {"training": {"epochs": 3, "population": "adults"}}, (TRIPOD, "16"),
                "Trained on: adults. Films here that the model has learnt from: 0."),
    "trained on whom is not said": ({}, {"training": {}}, (TRIPOD, "16"),
                "Trained on: not said in the card. Films here that the model has learnt from: 0."),
    "made anew": ({}, {"training": MADE_ANEW}, (TRIPOD, "16"),
                "Validated on: adults. Films here that the model has learnt from: 0."),
    "made anew of another": ({}, {"training": MADE_ANEW | {"trained_on": "children"}},
                (TRIPOD, "16"),
                "Trained on: children. Films here that the model has learnt from: 0."),
    "learnt from is not known": ({"flow": LEARNT_IS_NOT_KNOWN}, {}, (TRIPOD, "16"),
                "learnt from: not known."),
    "not tested": ({}, {}, (CLAIM, "31"), "shown; not tested in this run (--explanations)."),
    "tested": ({"explanations": {"films": 3}}, {}, (CLAIM, "31"), "tested below (--explanations)."),
    "warned": ({"options": {"admission": "warn"}}, {}, (TRIPOD, "7"), "too (admission warn)."),
    "let in": ({"options": {"admission": "off"}}, {}, (TRIPOD, "7"), "too (admission off)."),
}  # fmt: skip


@pytest.mark.parametrize(("run", "model", "item", "end"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_a_run_or_its_card_says_otherwise_is_told(
    run: dict[str, Any], model: dict[str, Any], item: tuple[str, str], end: str
) -> None:
    card = load_card(model_folder(DEFAULT_MODEL)).facts
    answers = {
        (row.standard, row.number): row.answer for row in checklist(FACTS | run, {**card, **model})
    }
    assert answers[item].endswith(end)


def test_nothing_is_said_of_a_start_that_there_was_not() -> None:
    card = load_card(model_folder(DEFAULT_MODEL)).facts
    rows = checklist(FACTS, {**card, "training": {"population": "adults"}})
    answers = {(row.standard, row.number): row.answer for row in rows}
    assert answers[CLAIM, "24"] == ""
    assert answers[TRIPOD, "16"].startswith("Trained on: adults.")
