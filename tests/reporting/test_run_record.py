from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from xrayscan.errors import XrayscanError
from xrayscan.records import Assessment, Ending, RunSummary, Scan, Status
from xrayscan.reporting.run_record import (
    Night,
    RunFacts,
    from_record,
    is_of,
    read_run_record,
    write_run_record,
)
from xrayscan.reporting.table import ModelIdentity
from xrayscan.reporting.table_reading import TableRow

FACTS = RunFacts(
    started="2026-11-21T02:00:00+00:00",
    finished="2026-11-21T03:00:00+00:00",
    options={"paths": ["scans"], "cam": "gradcam"},
    model="fast",
    model_sha256="0" * 64,
    threshold_rule="youden",
    threshold=0.5,
    summary=RunSummary(
        9, 5, 2, 1, 1, 3, 1, 0, 4, Ending.STOPPED, 1.5, workload="Three.", drift=("Two.",)
    ),
    notices=("One.",),
    nights=(Night("2026-11-20T02:00:00+00:00", 8, 7, 6, 5, 4, 3, 2, tuple(range(20))),),
    versions={"xrayscan": "0.1.0"},
)


def test_a_record_names_a_page_from_its_own_folder_on_and_no_pipe(tmp_path: Path) -> None:
    record, pipe = tmp_path / "records" / "a.run.json", tmp_path / "pipe.html"
    os.mkfifo(pipe)
    assert from_record(record, tmp_path / "pages" / "a.html") == "../pages/a.html"
    assert (from_record(record, pipe), from_record(record, None)) == ("", "")


def test_a_record_is_read_back_as_it_was(tmp_path: Path) -> None:
    write_run_record(tmp_path / "a.run.json", FACTS)
    assert read_run_record(tmp_path / "a.run.json") == FACTS


def test_a_record_of_another_version(tmp_path: Path) -> None:
    write_run_record(tmp_path / "a.run.json", FACTS)
    record = json.loads((tmp_path / "a.run.json").read_text())
    del record["nights"]  # the first version has none of them
    for name in ("drift", "workload"):
        del record["summary"][name]
    record["later"] = record["summary"]["later"] = 7
    (tmp_path / "a.run.json").write_text(json.dumps(record))
    read = read_run_record(tmp_path / "a.run.json")
    assert read.nights == ()
    assert read.summary == replace(FACTS.summary, drift=(), workload="")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(None, "no such file", id="missing"),
        pytest.param("{", "no run record", id="cut off"),
        pytest.param("[]", "no run record", id="a list"),
        pytest.param('{"summary": {}}', "no run record", id="without a summary"),
        pytest.param('{"summary": {"ending": "burnt"}}', "no run record", id="unknown ending"),
    ],
)
def test_what_is_no_record_is_said(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "a.run.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(XrayscanError, match=f"a.run.json: {words}.*; run xrayscan predict again"):
        read_run_record(path)


def scored(name: str, threshold: float, sha256: str, gone: str = "") -> TableRow:
    row = Assessment(
        Scan(name, name, 1, 1), Status.SCORED, probability=0.1, threshold=threshold, gone_since=gone
    )
    return TableRow(row, ModelIdentity("some", sha256))


ONE = replace(
    FACTS,
    summary=replace(
        FACTS.summary, found=1, scored=1, not_assessed=0, unreadable=0, vanished=0, gone=1
    ),
)
OWN = scored("a", 0.5, FACTS.model_sha256)
GONE = scored("b", 0.4, "1" * 64, "2026-11-20T02:00:00+00:00")


def test_a_gone_film_may_have_been_called_by_an_earlier_model() -> None:
    """At that model's threshold, which is none of the run's."""
    assert is_of(ONE, [OWN, GONE])
    assert not is_of(ONE, [scored("a", 0.4, FACTS.model_sha256), GONE])


def test_the_row_of_a_film_that_was_not_listed_is_none_of_the_run_s() -> None:
    gone = scored("b", 0.5, FACTS.model_sha256, "2026-11-20T02:00:00+00:00")
    assert is_of(ONE, [OWN, gone])
    assert is_of(replace(ONE, summary=replace(ONE.summary, found=2, not_reached=1)), [OWN, gone])


@pytest.mark.parametrize(
    "count", ["scored", "admitted", "not_assessed", "unreadable", "vanished", "gone"]
)
def test_a_record_that_counts_otherwise_is_of_another_run(count: str) -> None:
    more = (getattr(ONE.summary, count) or 0) + 1
    assert not is_of(replace(ONE, summary=replace(ONE.summary, **{count: more})), [OWN, GONE])
