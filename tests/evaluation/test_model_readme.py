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
