from __future__ import annotations

import copy

import pytest

from xrayscan.evaluation.model_readme import model_readme
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import load_card


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("films\udcff", "films\\udcff"),
        ("two\nlines", "two\\nlines"),
        ("this | that", "this \\| that"),
        ("right\u202eleft", "right\\u202eleft"),
    ],
    ids=["no UTF-8", "a line break", "a table's border", "a direction mark"],
)
def test_an_odd_name_stays_in_its_cell(name: str, shown: str) -> None:
    card = copy.deepcopy(dict(load_card(model_folder(DEFAULT_MODEL)).facts))
    plain = model_readme(card)
    card["training"]["population"] = name
    page = model_readme(card)
    page.encode()  # can be written
    assert f"| Whose films | {shown} |\n" in page
    assert page.count("\n") == plain.count("\n")


@pytest.mark.parametrize(
    ("known", "certain"),
    [({}, True), ({"made_from": [{"name": "first"}]}, False), ({"teacher": "first"}, False)],
    ids=["from nothing", "from a model", "taught"],
)
def test_of_a_model_s_own_beginnings_patients_are_not_known(
    known: dict[str, object], certain: bool
) -> None:
    card = copy.deepcopy(dict(load_card(model_folder(DEFAULT_MODEL)).facts))
    card["training"] |= {"made_from": [], "teacher": "", **known}
    page = model_readme(card)
    assert ("of patients never trained on" in page) is certain
    assert ("whether a model that it builds on learnt from other films of theirs" in page) is (
        not certain
    )


def test_what_a_model_was_made_from_stands_below_it() -> None:
    card = copy.deepcopy(dict(load_card(model_folder(DEFAULT_MODEL)).facts))
    first = {"name": "first", "card_sha256": "ab", "created": "2026-11-20"}
    trained = {"epochs": 4, "best_epoch": 2, "seconds": 2407, "machine": "x86_64, 2 cores"}
    then = {"name": "then", "card_sha256": "cd", "created": "2026-11-21", "command": "fit it"}
    card["training"]["made_from"] = [{**then, **trained, "made_from": [first]}, first]
    page = model_readme(card)
    assert page.partition("## Made from\n\n")[2].startswith(
        "- then, card sha256 cd, made 2026-11-21; 4 epochs, number 2 kept; 2,407 s on x86_64, "
        "2 cores: `fit it`\n"
        "  - first, card sha256 ab, made 2026-11-20\n"
        "- first, card sha256 ab, made 2026-11-20\n\n"
    )
