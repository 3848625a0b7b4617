from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.cells import cell_text, path_text, safe_cell


@pytest.mark.parametrize("start", list("=+-@\t\r\n'"))
def test_formulas_are_quoted(start: str) -> None:
    assert safe_cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


@given(st.text())
def test_cells_read_back_without_loss(text: str) -> None:
    assert cell_text(safe_cell(text)) == text


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        pytest.param(b"Thorax (2).jpg", "Thorax (2).jpg", id="plain"),
        pytest.param("Röntgen 胸.png".encode(), "Röntgen 胸.png", id="unicode"),
        pytest.param(b"R\xf6ntgen.png", "bytes:R%F6ntgen.png", id="latin-1"),
        pytest.param(b"line\nbreak\r.png", "bytes:line%0Abreak%0D.png", id="line breaks"),
        pytest.param(b"bytes:R%F6ntgen.png", "bytes:bytes%3AR%25F6ntgen.png", id="looks escaped"),
    ],
)
def test_path_text(raw: bytes, written: str) -> None:
    assert path_text(os.fsdecode(raw)) == written
