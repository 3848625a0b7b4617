from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.errors import XrayscanError
from xrayscan.records import Assessment, Facts, Identifiers, Reason, Scan, Status, Zone
from xrayscan.reporting.table import ModelIdentity, TableWriter
from xrayscan.reporting.table_reading import read_table

MODEL = ModelIdentity("fast", "ab" * 32)


def written(folder: Path, *rows: Assessment, with_identifiers: bool = False) -> Path:
    file = io.StringIO(newline="")
    writer = TableWriter(file, with_identifiers=with_identifiers)
    for row in rows:
        writer.write(row, MODEL)
    path = folder / "p.csv"
    path.write_text(file.getvalue(), encoding="utf-8", newline="")
    return path


ROWS = {
    "scored": Assessment(
        Scan("a/=b.dcm", "", 123, 1_700_000_000_123_456_000),
        Status.SCORED,
        None,
        "-first, of 2 frames",
        "DICOM",
        20,
        10,
        "cd" * 32,
        0.123456,
        0.5,
        "NORMAL",
        Zone.REVIEW,
        0.1235,
        "2026-11-21T03:04:05+00:00",
    ),
    "unreadable": Assessment(
        Scan(os.fsdecode(b"\xff\n.png"), "", 0, 0), Status.UNREADABLE, Reason.EMPTY, "'quoted"
    ),
    "gone": Assessment(
        Scan("y", "", 1, 0),
        Status.UNREADABLE,
        Reason.EMPTY,
        "has no bytes; copy it again",
        gone_since="2026-11-21T03:04:05+00:00",
    ),
    "gone, nothing else said": Assessment(
        Scan("z", "", 1, 0), Status.SCORED, gone_since="2026-11-21T03:04:05+00:00"
    ),
    "the threshold above every film": Assessment(
        Scan("x", "", 1, 0), Status.SCORED, probability=1.0, threshold=1.0000000000000002, label="A"
    ),
}

ROWS["noughts"] = replace(
    ROWS["scored"], probability=0.0, threshold=0.0, embedding_distance=0.0, facts=Facts(0.0)
)
ROWS["facts"] = replace(ROWS["scored"], facts=Facts(0.5, "F", "PA"))


def test_a_table_without_facts_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS["scored"])
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rsplit(",", 3)[0] for line in lines), encoding="utf-8")
    assert [read.assessment for read in read_table(path)] == [ROWS["scored"]]


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_is_read_back_as_it_was(tmp_path: Path, row: Assessment) -> None:
    (read,) = read_table(written(tmp_path, row))
    assert read.assessment == row
    assert read.model == MODEL


@given(st.lists(st.text(st.characters(exclude_characters="\0/"), min_size=1), max_size=5))
def test_every_name_is_read_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]):
    safe = [name for name in names if all(not 0xD800 <= ord(c) <= 0xDFFF for c in name)]
    rows = [Assessment(Scan(name, "", 1, 0), Status.VANISHED, Reason.GONE) for name in safe]
    path = written(tmp_path_factory.mktemp("names"), *rows)
    assert [row.assessment.scan.name for row in read_table(path)] == safe


def test_a_table_that_was_saved_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS["scored"])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [read.assessment for read in read_table(path)] == [ROWS["scored"]]


def test_names_of_patients_are_passed_over(tmp_path: Path) -> None:
    row = Assessment(
        Scan("x", "", 1, 0), Status.VANISHED, identifiers=Identifiers("Doe^Jane", "7", "19990101")
    )
    (read,) = read_table(written(tmp_path, row, with_identifiers=True))
    assert read.assessment.identifiers == Identifiers()


HEAD = (
    "path,status,label,probability,threshold,zone,reason,detail,format,width,height,size_bytes,"
    "modified,sha256,embedding_distance,model,model_sha256,assessed_at\n"
)
DAMAGED = {
    "missing": (None, "no such file"),
    "another table": ("a,b\n1,2\n", "has no column path"),
    "empty": ("", "has no column path"),
    "cut off": (HEAD + "x,scored,NOR", "line 2 is cut off"),
    "an unknown status": (HEAD + "x,burnt,,,,,,,,,,1,,,,,,\n", "line 2 is damaged"),
    "no number": (HEAD + "x,scored,,many,,,,,,,,1,,,,,,\n", "line 2 is damaged"),
    "no probability": (HEAD + "x,scored,,1.5,,,,,,,,1,,,,,,\n", "1.5 is no probability"),
    "not a number": (HEAD + "x,scored,,nan,,,,,,,,1,,,,,,\n", "nan is no probability"),
    "no distance": (HEAD + "x,scored,,,,,,,,,,1,,,nan,,,\n", "nan is no distance"),
    "endless distance": (HEAD + "x,scored,,,,,,,,,,1,,,inf,,,\n", "inf is no distance"),
    "no time": (HEAD + "x,scored,,,,,,,,,,1,,,,,,yesterday\n", "line 2 is damaged"),
    "a time of no zone": (HEAD + "x,scored,,,,,,,,,,1,2026-01-01,,,,,\n", "line 2 is damaged"),
    "bytes": (b"\xff\xfe\x00", "is no text; give a CSV"),
}


@pytest.mark.parametrize(("content", "words"), DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_table_is_said(tmp_path: Path, content: str | bytes | None, words: str) -> None:
    path = tmp_path / "p.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(XrayscanError, match=rf"p\.csv: .*{words}"):
        list(read_table(path))
