from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from tests.training.conftest import write_listing
from xrayscan.cells import path_text, safe_cell
from xrayscan.errors import DataError
from xrayscan.labels.listing import Entry, read_listing


def entries(tmp_path: Path, text: str | bytes) -> list[Entry]:
    listing = tmp_path / "films.csv"
    listing.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_listing(listing)


def test_calls_of_a_model_are_no_labels(tmp_path: Path) -> None:
    header = "path,status,label,probability,threshold,zone,model,assessed_at\n"
    row = "1.png,scored,PNEUMONIA,0.9,0.5,positive,fast,2026-01-01T00:00:00+00:00\n"
    with pytest.raises(DataError, match=r"films\.csv: .*the calls of a model.*; give the labels"):
        entries(tmp_path, header + row)


def test_everything_a_line_can_say(tmp_path: Path) -> None:
    text = (
        " Path ,LABEL,Patient,Split,WEIGHT,Age Group,view\n"
        'a/1.png , NORMAL,Jane,validation, 2.5 ,"1, or 2",PA\n'
        "\n"
        "/films/2.png,PNEUMONIA,,,,,\n"
    )
    first, second = entries(tmp_path, text)
    assert first.location == str(tmp_path / "a" / "1.png")
    assert (first.label, first.split, first.weight) == ("NORMAL", "val", 2.5)
    assert first.attributes == (("age group", "1, or 2"), ("view", "PA"))
    assert first.where == f"{tmp_path / 'films.csv'}: line 2"
    assert second.location == "/films/2.png"
    assert (second.patient, second.split, second.weight) == ("", "", 1.0)
    assert second.attributes == (("age group", ""), ("view", ""))
    assert second.where.endswith(": line 4")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    rows = [("röntgen.png", "NORMAL")]
    (entry,) = read_listing(write_listing(tmp_path / "a.csv", ("path", "label"), rows, encoding))
    assert Path(entry.location).name == "röntgen.png"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_line_ends(tmp_path: Path, end: str) -> None:
    text = end.join(("path,label", "a.png,x", "b.png,y"))
    assert [entry.where[-6:] for entry in entries(tmp_path, text)] == ["line 2", "line 3"]


def test_lines_are_counted_as_an_editor_counts(tmp_path: Path) -> None:
    text = 'path,label,note\na.png,x,"one\ntwo"\n\nb.png,x,\nc.png,,\n'
    with pytest.raises(DataError, match="line 6: has no label"):
        entries(tmp_path, text)


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("train", "train"),
        (" TRAIN ", "train"),
        ("val", "val"),
        ("valid", "val"),
        ("Validation", "val"),
        ("test", "test"),
        ("Training", "train"),
        ("testing", "test"),
        ("", ""),
    ],
)
def test_split_words(tmp_path: Path, word: str, split: str) -> None:
    (entry,) = entries(tmp_path, f"path,label,split\na.png,x,{word}\n")
    assert entry.split == split


@pytest.mark.parametrize(
    ("cell", "weight"),
    [("", 1), ("0", 0), ("-0.0", 0), ("1e-3", 0.001), (" 3 ", 3), ("1e-6", 1e-6), ("1e6", 1e6)],
)
def test_weights(tmp_path: Path, cell: str, weight: float) -> None:
    (entry,) = entries(tmp_path, f"path,label,weight\na.png,x,{cell}\n")
    assert entry.weight == weight
    assert math.isfinite(entry.weight)


# what the fault is, the list, and the line that it is told of
FAULTS = {
    "nothing in it": ("", "is empty; give the columns path and label"),
    "blank lines only": ("\n\n , \n", "is empty"),
    "no rows": ("path,label\n\n", "lists no films; add"),
    "no path": ("file,label\na.png,x\n", "line 1: has no column path; name"),
    "no label": ("\npath,class\na.png,x\n", "line 2: has no column label; name"),
    "semicolons": ("path;label\na.png;x\n", "line 1: .* separated by commas"),
    "a column twice": ("path,label,Split,split\na.png,x,,\n", "line 1: .* column split twice"),
    "two patients": ("path,label,patient,PatientID\na.png,x,1,2\n", "column patient twice"),
    "empty path": ("path,label\na.png,x\n,x\n", "line 3: has no path; fill"),
    "empty label": ("path,label\na.png, \n", "line 2: has no label; fill"),
    "no label at all": ("path,label\na.png\n", "line 2: has no label; fill"),
    "same path": ("path,label\na.png,x\nb.png,x\na.png,y\n", "line 4: .*a.png is also on line 2;"),
    "same file": ("path,label\na.png,x\n./b/../a.png,x\n", "line 3: .* is also on line 2;"),
    "unknown split": ("path,label,split\na.png,x,dev\n", "line 2: split is 'dev'; write train"),
    "negative weight": ("path,label,weight\na.png,x,-1\n", "line 2: weight is '-1'; write"),
    "no number": ("path,label,weight\na.png,x,much\n", "line 2: weight is 'much'; write"),
    "nan": ("path,label,weight\na.png,x,nan\n", "line 2: weight is 'nan'; write"),
    "infinite": ("path,label,weight\na.png,x,inf\n", "line 2: weight is 'inf'; write"),
    "too heavy": ("path,label,weight\na.png,x,1e7\n", "weight is '1e7'; write 0 or a number"),
    "too light": ("path,label,weight\na.png,x,1e-9\n", "from 0.000001 to 1000000, or"),
    "no float": ("path,label,weight\na.png,x,1e-400\n", "line 2: weight is '1e-400'"),
    "too many cells": ("path,label\na,b.png,x\n", "line 2: has 3 cells under 2 columns; put"),
    "an open quote": ('path,label\na.png,x\n"b.png,x\nc.png,x\n', "line 3: .*; check its quotes"),
    "a zero byte": ("path,label\na\0.png,x\n", "line 2: .* zero byte; write"),
    "latin 1": ("path,label\na.png,x\nr\xf6.png,x\n".encode("latin-1"), "line 3: is not UTF-8;"),
    "utf-16": ("path,label\na.png,x\n".encode("utf-16"), "line 1: is not UTF-8; save"),
}


@pytest.mark.parametrize(("text", "words"), FAULTS.values(), ids=FAULTS)
def test_faults_are_told_in_one_sentence(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as fault:
        entries(tmp_path, text)
    message = str(fault.value)
    assert message.startswith(f"{tmp_path / 'films.csv'}: ")
    assert "; " in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["patient", "Patient ID", "patientId", "patient_id"])
def test_patients_are_told_apart_and_not_named(tmp_path: Path, name: str) -> None:
    found = entries(tmp_path, f"path,label,{name}\na,x,Jane Doe\nb,x,Jane Doe\nc,x,John Doe\n")
    patients = [entry.patient for entry in found]
    assert patients[0] == patients[1] != patients[2]
    assert "Doe" not in repr(found) + "".join(patients)


@pytest.mark.parametrize("name", ["Patient Name", "patientName", "MRN", "birth_date", "DOB"])
def test_columns_that_name_a_person_are_not_taken_over(tmp_path: Path, name: str) -> None:
    (entry,) = entries(tmp_path, f"path,{name},label,sex\na,secret,x,F\n")
    assert entry.attributes == (("sex", "F"),)


def test_a_column_without_a_name_is_passed_over(tmp_path: Path) -> None:
    """As pandas writes its index."""
    (entry,) = entries(tmp_path, ",path,label\n0,a.png,x\n")
    assert entry.attributes == ()
    (entry,) = entries(tmp_path, "path,label,,\na.png,x,,\n")  # as spreadsheets do
    assert entry.attributes == ()


# -- verdicts of a report ------------------------------------------------------------------------


VERDICTS = [
    {"path": "a.png", "sha256": "1", "verdict": "agree", "label": "PNEUMONIA", "reader": "r"},
    {"path": "b.png", "sha256": "2", "verdict": "unsure", "label": "", "reader": "r"},
    {"path": "c.png", "sha256": "3", "verdict": "disagree", "label": "NORMAL", "reader": "r"},
]


def test_verdicts_are_labels_but_for_the_unsure_ones(tmp_path: Path) -> None:
    rows = [list(verdict.values()) for verdict in VERDICTS]
    listing = write_listing(tmp_path / "verdicts.csv", list(VERDICTS[0]), rows)
    films = tmp_path / "films"
    found = read_listing(listing, films)
    assert [(entry.location, entry.label) for entry in found] == [
        (str(films / "a.png"), "PNEUMONIA"),
        (str(films / "c.png"), "NORMAL"),
    ]


@pytest.mark.parametrize("wrapped", [False, True])
def test_verdicts_as_json_are_those_as_csv(tmp_path: Path, wrapped: bool) -> None:
    listing = tmp_path / "verdicts.json"
    listing.write_text(json.dumps({"verdicts": VERDICTS} if wrapped else VERDICTS))
    rows = [list(verdict.values()) for verdict in VERDICTS]
    as_csv = read_listing(write_listing(tmp_path / "verdicts.csv", list(VERDICTS[0]), rows))
    assert [(each.location, each.label, each.attributes) for each in read_listing(listing)] == [
        (each.location, each.label, each.attributes) for each in as_csv
    ]


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize(
    "name", [b"=1+1.png", b"'quoted.png", b"-b.png", b"\xff.png", b"two\nlines.png", b"bytes:a.png"]
)
def test_verdicts_find_films_of_odd_names(tmp_path: Path, name: bytes, kind: str) -> None:
    """The export writes them as the table of predictions does."""
    location = str(tmp_path / os.fsdecode(name))
    verdict = {"path": path_text(location), "verdict": "agree", "label": "NORMAL", "note": "-1"}
    relative = {**verdict, "path": path_text(os.fsdecode(name))}
    for row in (verdict, relative):
        listing = tmp_path / f"verdicts.{kind}"
        if kind == "json":
            listing.write_text(json.dumps([row]))
        else:
            write_listing(listing, list(row), [[safe_cell(cell) for cell in row.values()]])
        (entry,) = read_listing(listing)
        assert entry.location == location
        assert dict(entry.attributes)["note"] == "-1"


@pytest.mark.parametrize("text", ["{}", "3", "[1]", "not json", '{"verdicts": 4}'])
def test_what_is_no_list_of_verdicts_is_refused(tmp_path: Path, text: str) -> None:
    listing = tmp_path / "verdicts.json"
    listing.write_text(text)
    with pytest.raises(DataError, match=r"no list of verdicts"):
        read_listing(listing)
