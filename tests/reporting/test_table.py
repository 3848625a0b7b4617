from __future__ import annotations

import csv
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.cells import cell_text, path_name
from xrayscan.records import Assessment, Facts, Reason, Scan, Status, Zone
from xrayscan.reporting.table import COLUMNS, ModelIdentity, TableWriter, row_facts

CONTRACT = (
    "path, status, label, probability, threshold, zone, reason, detail, format, width, height, "
    "size_bytes, modified, sha256, embedding_distance, model, model_sha256, assessed_at"
)


def rows_of(*assessments: Assessment) -> list[dict[str, str]]:
    file = io.StringIO(newline="")
    writer = TableWriter(file)
    for assessment in assessments:
        writer.write(assessment, ModelIdentity("fast", "ab" * 32))
    return list(csv.DictReader(io.StringIO(file.getvalue(), newline="")))


def test_columns_are_those_of_the_contract() -> None:
    assert ", ".join(COLUMNS) == CONTRACT
    (row,) = rows_of(Assessment(Scan("a", "a", 1, 1), Status.UNREADABLE))
    assert ", ".join(row) == f"{CONTRACT}, age, sex, view"


def test_scored_row() -> None:
    scan = Scan("a/b.dcm", "/films/a/b.dcm", 1234, 1_700_000_000_123_456_789)
    (row,) = rows_of(
        Assessment(
            scan,
            Status.SCORED,
            format="DICOM",
            width=30,
            height=20,
            sha256="cd",
            probability=0.1234567,
            threshold=0.0834375,
            label="PNEUMONIA",
            zone=Zone.REVIEW,
            embedding_distance=1.23456,
            assessed_at="2026-01-02T03:04:05+00:00",
        )
    )
    assert row == {
        "path": "a/b.dcm",
        "status": "scored",
        "label": "PNEUMONIA",
        "probability": "0.123457",
        "threshold": "0.0834375",
        "zone": "review",
        "reason": "",
        "detail": "",
        "format": "DICOM",
        "width": "30",
        "height": "20",
        "size_bytes": "1234",
        "modified": "2023-11-14T22:13:20.123456+00:00",
        "sha256": "cd",
        "embedding_distance": "1.2346",
        "model": "fast",
        "model_sha256": "ab" * 32,
        "assessed_at": "2026-01-02T03:04:05+00:00",
        "age": "",
        "sex": "",
        "view": "",
    }


@pytest.mark.parametrize(
    ("facts", "cells"),
    [
        (Facts(), ["", "", ""]),
        (Facts(34.0, "F", "PA"), ["34", "F", "PA"]),
        (Facts(0.5, "M", "AP"), ["0.5", "M", "AP"]),
        (Facts(0.0, "O"), ["0", "O", ""]),
    ],
)
def test_what_is_known_of_the_patient_stands_behind(facts: Facts, cells: list[str]) -> None:
    scan = Scan("a.dcm", "a.dcm", 1, 1)
    (row,) = rows_of(Assessment(scan, Status.SCORED, facts=facts))
    assert list(row)[-3:] == ["age", "sex", "view"]
    assert list(row.values())[-3:] == cells


def test_row_without_probability_says_why() -> None:
    scan = Scan("gone.png", "gone.png", 0, 0)
    (row,) = rows_of(Assessment(scan, Status.VANISHED, Reason.GONE, "was listed, and gone"))
    assert (row["status"], row["reason"], row["probability"]) == ("vanished", "gone", "")
    assert row["modified"] == row["width"] == row["threshold"] == ""


def test_programs_are_told_values_of_their_own_kind() -> None:
    scan = Scan("a.dcm", "/films/a.dcm", 1234, 0)
    facts = Facts(34.0, "F")
    told = row_facts(
        Assessment(scan, Status.SCORED, probability=0.5, width=30, height=20, facts=facts),
        ModelIdentity("fast", "ab"),
    )
    assert list(told) == [*COLUMNS, "age", "sex", "view"]
    assert {name: value for name, value in told.items() if value is not None} == {
        "path": "a.dcm",
        "status": "scored",
        "probability": 0.5,
        "width": 30,
        "height": 20,
        "size_bytes": 1234,
        "model": "fast",
        "model_sha256": "ab",
        "age": 34.0,
        "sex": "F",
    }


def test_times_of_whole_seconds_are_written_as_others_are() -> None:
    (row,) = rows_of(Assessment(Scan("a", "a", 1, 1_700_000_000 * 10**9), Status.SCORED))
    assert row["modified"] == "2023-11-14T22:13:20.000000+00:00"


def test_lines_end_as_on_unix() -> None:
    file = io.StringIO(newline="")
    TableWriter(file).write(Assessment(Scan("a", "a", 1, 1), Status.SCORED), ModelIdentity("", ""))
    assert file.getvalue().count("\n") == 2
    assert "\r" not in file.getvalue()


@pytest.mark.parametrize("seconds", [999_999_999_999, -99_999_999_999, 2**62])
def test_a_time_beyond_the_calendar_costs_no_row(seconds: int) -> None:
    scan = Scan("film.png", "film.png", 1, seconds * 1_000_000_000)
    (row,) = rows_of(Assessment(scan, Status.UNREADABLE, Reason.DAMAGED))
    assert row["modified"] == ""


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw))
def test_any_file_name_survives_the_csv(raw: bytes) -> None:
    name = os.fsdecode(raw)
    (row,) = rows_of(Assessment(Scan(name, name, 1, 1), Status.UNREADABLE, Reason.DAMAGED))
    assert path_name(cell_text(row["path"])) == name
    assert "\n" not in row["path"]
    assert "\r" not in row["path"]
