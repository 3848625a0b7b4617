from __future__ import annotations

import json
import os
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.records import Assessment, Facts, Identifiers, Reason, Scan, Status, Zone
from xrayscan.reporting.rows import FIELDS, joined_rows, row_json, script_json


def test_a_scored_row() -> None:
    row = Assessment(
        Scan("a/b.dcm", "", 123, 1_700_000_000_900_000_000),
        Status.SCORED,
        detail="first of  2\nframes",
        format="DICOM",
        width=20,
        height=10,
        sha256="ab" * 32,
        probability=0.12345678,
        threshold=0.5,
        label="NORMAL",
        zone=Zone.REVIEW,
        embedding_distance=0.123456,
        assessed_at="2026-11-21T03:04:05+00:00",
    )
    assert dict(zip(FIELDS, json.loads(row_json(row, 4)), strict=True)) == {
        "section": 4,
        "path": "a/b.dcm",
        "status": "scored",
        "label": "NORMAL",
        "probability": 0.123457,
        "zone": "review",
        "reason": "",
        "detail": "first of 2 frames",
        "format": "DICOM",
        "width": 20,
        "height": 10,
        "size_bytes": 123,
        "modified": 1_700_000_000,
        "sha256": "ab" * 32,
        "embedding_distance": 0.1235,
        "assessed_at": 1_795_230_245,
        "gone": 0,
    }


def test_a_row_without_anything() -> None:
    row = Assessment(Scan(os.fsdecode(b"\xff.png"), "", 0, 0), Status.VANISHED, Reason.GONE)
    cells = dict(zip(FIELDS, json.loads(row_json(row, 3)), strict=True))
    assert cells["path"] == "bytes:%FF.png"
    assert cells["reason"] == "gone"
    assert [cells[name] for name in ("probability", "modified", "assessed_at")] == [None] * 3


def test_a_distance_beyond_all_numbers_does_not_stop_the_report() -> None:
    row = Assessment(Scan("x", "", 1, 1), Status.NOT_ASSESSED, embedding_distance=float("inf"))
    cells = dict(zip(FIELDS, json.loads(row_json(row, 1)), strict=True))
    assert cells["embedding_distance"] is None


def test_facts_stand_behind_and_only_where_there_are_any() -> None:
    row = Assessment(
        Scan("x", "", 1, 1),
        Status.SCORED,
        facts=Facts(0.5, view="PA"),
        identifiers=Identifiers("Nobody^Known", "4711", "1950-01-01"),
    )
    written = row_json(row, 0)
    assert json.loads(written)[len(FIELDS) :] == ["0.5", "", "PA"]
    assert not re.search(rb"Nobody|4711|1950", written)
    assert len(json.loads(row_json(replace(row, facts=Facts()), 0))) == len(FIELDS)


@given(st.text(st.characters()))
def test_no_text_ends_the_script_element(text: str) -> None:
    written = script_json({"text": text})
    assert json.loads(written) == {"text": text}
    assert "<" not in written
    assert written.isascii()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_are_one_array(count: int) -> None:
    assert json.loads("".join(joined_rows([b"[1]"] * count))) == [[1]] * count
