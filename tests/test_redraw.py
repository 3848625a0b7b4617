from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.planted import Planted
from xrayscan.errors import UsageError, XrayscanError
from xrayscan.records import Assessment, Status
from xrayscan.redraw import RedrawOptions, redraw
from xrayscan.reporting.run_record import (
    RunFacts,
    from_record,
    read_run_record,
    write_run_record,
)
from xrayscan.reporting.table import ModelIdentity, TableWriter
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import load_card

ROWS = 60
THRESHOLD = load_card(model_folder(DEFAULT_MODEL)).threshold("")


class Run:
    """Files of a run, as ``predict`` leaves them."""

    def __init__(self, folder: Path) -> None:
        self.csv, self.page = folder / "p.csv", folder / "p.html"
        self.record = folder / "p.run.json"
        self.rows = Planted(ROWS, max_overlays=ROWS).write(self.page)
        write_run_record(self.record, Planted(ROWS).facts())
        self.write_csv(self.rows)

    def write_csv(self, rows: list[Assessment], sha256: str = "") -> None:
        facts = Planted(ROWS).facts()
        with self.csv.open("w", encoding="utf-8", newline="") as file:
            writer = TableWriter(file)
            for row in rows:
                writer.write(row, ModelIdentity("fast", sha256 or facts.model_sha256))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def block(page: Path, name: str) -> Any:
    text = page.read_text(encoding="utf-8")
    found = re.findall(f'<script type="application/json" id="{name}">(.*?)</script>', text, re.S)
    return json.loads(found[0])


def test_the_page_is_the_one_that_predict_wrote(run: Run) -> None:
    before = run.page.read_text(encoding="utf-8")
    redraw(RedrawOptions(run.csv, max_overlays=ROWS))
    assert run.page.read_text(encoding="utf-8") == before


def test_versions_are_those_of_the_run_not_of_who_draws_it_again(run: Run) -> None:
    write_run_record(run.record, replace(Planted(ROWS).facts(), versions={"openvino": "2019.3"}))
    redraw(RedrawOptions(run.csv))
    assert "<dt>Versions</dt><dd>openvino 2019.3</dd>" in run.page.read_text(encoding="utf-8")
    run.record.unlink()
    redraw(RedrawOptions(run.csv))
    assert "<dt>Versions</dt>" not in run.page.read_text(encoding="utf-8")


def test_another_page_has_the_pictures_too(run: Run, tmp_path: Path) -> None:
    redraw(RedrawOptions(run.csv, report=tmp_path / "other.html", max_overlays=ROWS))
    assert block(tmp_path / "other.html", "pictures") == block(run.page, "pictures")


def test_a_page_of_another_name_is_found_by_its_record(run: Run, tmp_path: Path) -> None:
    for path, name in ((run.page, "out.html"), (run.record, "out.run.json")):
        path.rename(tmp_path / name)
    redraw(RedrawOptions(run.csv, record=tmp_path / "out.run.json", max_overlays=ROWS))
    assert block(run.page, "pictures") == block(tmp_path / "out.html", "pictures")


def test_another_threshold_decides_anew(run: Run) -> None:
    summary = redraw(RedrawOptions(run.csv, threshold="0.1"))
    probabilities = [row.probability for row in run.rows if row.probability is not None]
    assert summary.positive == sum(p >= 0.1 for p in probabilities)
    facts = block(run.page, "facts")
    assert (facts["threshold"], facts["rule"]) == (0.1, "0.1")
    at = facts["fields"].index
    for row in block(run.page, "rows"):
        if row[at("probability")] is not None:
            called = "PNEUMONIA" if row[at("probability")] >= 0.1 else "NORMAL"
            assert row[at("label")] == called
    assert f"the run itself had {THRESHOLD}" in run.page.read_text(encoding="utf-8")


def test_the_same_threshold_by_another_name_changes_nothing(run: Run) -> None:
    redraw(RedrawOptions(run.csv, threshold=str(THRESHOLD)))
    assert "another threshold" not in run.page.read_text(encoding="utf-8")


ONLY = {
    "status": ({"status": ("unreadable",)}, lambda row: row.status == "unreadable"),
    "either of two": (
        {"status": ("unreadable", "vanished")},
        lambda row: row.status in ("unreadable", "vanished"),
    ),
    "both of two": (
        {"label": ("NORMAL",), "zone": ("review",)},
        lambda row: row.label == "NORMAL" and row.zone == "review",
    ),
    "folder": ({"folder": ("ward 3/",)}, lambda row: row.scan.name.startswith("ward 3/")),
    "reason": ({"reason": ("truncated",)}, lambda row: row.reason == "truncated"),
    "none": ({"folder": ("no such ward",)}, lambda row: False),
}


@pytest.mark.parametrize(("only", "passes"), ONLY.values(), ids=ONLY)
def test_only_some_rows(run: Run, only: dict[str, tuple[str, ...]], passes: Any) -> None:
    page = run.csv.with_name("some.html")
    summary = redraw(RedrawOptions(run.csv, report=page, only=only))
    expected = [row for row in run.rows if passes(row)]
    assert summary.found == len(expected) == len(block(page, "rows"))
    left_out = f"{ROWS - len(expected)} are left out"
    assert left_out in page.read_text(encoding="utf-8")


def test_some_rows_need_a_page_of_their_own(run: Run) -> None:
    """The run's own page has the only pictures of the others."""
    before = run.page.read_bytes()
    with pytest.raises(UsageError, match=r"p\.html with some of its rows; name another page by"):
        redraw(RedrawOptions(run.csv, only={"zone": ("review",)}))
    assert run.page.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("status", "scored, not_assessed, unreadable, vanished"),
        ("zone", "negative, review, positive"),
        ("label", "NORMAL, PNEUMONIA"),
        ("reason", "empty, truncated, .*, growing"),
    ],
)
def test_what_a_column_never_holds_is_refused(run: Run, name: str, choices: str) -> None:
    before = run.page.read_bytes()
    with pytest.raises(UsageError, match=f"--only {name}=reviw: choose one of {choices}$"):
        redraw(RedrawOptions(run.csv, run.page, only={name: ("reviw",)}))
    assert run.page.read_bytes() == before


def test_without_a_record_the_rows_tell_what_they_know(run: Run) -> None:
    run.record.unlink()
    summary = redraw(RedrawOptions(run.csv))
    assert summary.found == ROWS
    text = run.page.read_text(encoding="utf-8")
    assert "Drawn without the run record" in text
    assert f"PNEUMONIA from P = {THRESHOLD:.4f} on" in text


def test_dates_in_a_language(run: Run) -> None:
    redraw(RedrawOptions(run.csv, dates="de"))
    assert block(run.page, "facts")["dates"] == "de"


def test_what_hangs_on_the_old_threshold_goes(run: Run) -> None:
    facts: RunFacts = read_run_record(run.record)
    facts = replace(facts, summary=replace(facts.summary, workload="12 films to read."))
    write_run_record(run.record, facts)
    redraw(RedrawOptions(run.csv))
    assert "12 films to read." in run.page.read_text(encoding="utf-8")
    redraw(
        RedrawOptions(run.csv, report=run.csv.with_name("some.html"), only={"zone": ("review",)})
    )
    assert "12 films to read." not in run.csv.with_name("some.html").read_text(encoding="utf-8")
    redraw(RedrawOptions(run.csv, threshold="0.1"))
    assert "12 films to read." not in run.page.read_text(encoding="utf-8")


def test_rows_of_another_model_are_refused(run: Run) -> None:
    run.record.unlink()
    run.write_csv(run.rows, sha256="ab" * 32)
    with pytest.raises(UsageError, match=r"another model fast \(card sha256 abab"):
        redraw(RedrawOptions(run.csv))


def test_a_page_that_is_named_by_the_record_is_found(run: Run, tmp_path: Path) -> None:
    before = block(run.page, "pictures")
    (tmp_path / "pages").mkdir()
    run.page.rename(tmp_path / "pages" / "out.html")
    page = from_record(run.record, tmp_path / "pages" / "out.html")
    write_run_record(run.record, replace(read_run_record(run.record), page=page))
    redraw(RedrawOptions(run.csv, max_overlays=ROWS))
    assert block(run.page, "pictures") == before


STALE = {
    "another threshold": lambda rows: [
        replace(row, threshold=row.threshold and 0.123) for row in rows
    ],
    "fewer films": lambda rows: rows[1:],
    "films that are gone": lambda rows: [
        *rows,
        replace(rows[0], gone_since="2026-11-22T01:00:00+00:00"),
    ],
}


@pytest.mark.parametrize("change", STALE.values(), ids=STALE)
def test_a_record_of_another_run_is_not_used(run: Run, change: Any) -> None:
    run.write_csv(change(run.rows))
    redraw(RedrawOptions(run.csv))
    words = "Drawn without p.run.json, which is of another run: options"
    assert words in run.page.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match=r"p\.run\.json: is not of the run that .*p\.csv is of"):
        redraw(RedrawOptions(run.csv, record=run.record))


def test_films_that_the_run_was_not_asked_for_are_not_in_its_page(run: Run) -> None:
    before = run.page.read_text(encoding="utf-8")
    others = [replace(row, scan=replace(row.scan, name=f"x{row.scan.name}")) for row in run.rows]
    run.write_csv([*run.rows, *others])  # as after a night with --include
    redraw(RedrawOptions(run.csv, max_overlays=ROWS))
    assert run.page.read_text(encoding="utf-8") == before


def test_limits_of_zones_are_those_of_the_run(run: Run) -> None:
    facts = read_run_record(run.record)
    write_run_record(run.record, replace(facts, options={**facts.options, "zones": [0.3, 0.4]}))
    redraw(RedrawOptions(run.csv))
    assert block(run.page, "facts")["zones"] == {"review": 0.3, "positive": 0.4}


def test_nothing_scored_and_no_record(run: Run) -> None:
    run.record.unlink()
    run.write_csv([row for row in run.rows if row.probability is None])
    with pytest.raises(UsageError, match="give one by --record"):
        redraw(RedrawOptions(run.csv))


def test_rows_of_a_check_among_those_of_a_run(run: Run) -> None:
    """As in tables that were put together by hand."""
    run.record.unlink()
    run.write_csv([*run.rows, Assessment(run.rows[0].scan, Status.ADMITTED)])
    with pytest.raises(UsageError, match=r"p\.csv: is of xrayscan check, which scores nothing"):
        redraw(RedrawOptions(run.csv))


def test_a_file_of_someone_s_own_is_overwritten_only_where_it_is_named(run: Run) -> None:
    run.page.write_text("my notes")
    with pytest.raises(UsageError, match=r"p\.html: exists, and is .* nothing that xrayscan wrote"):
        redraw(RedrawOptions(run.csv))
    redraw(RedrawOptions(run.csv, report=run.page))
    assert len(block(run.page, "rows")) == ROWS


REFUSED = {
    "the CSV itself": ("p.csv", "is the CSV itself"),
    "a folder": (".", "is a folder"),
    "a film": ("film.jpg", "is a film"),
}


@pytest.mark.parametrize(("name", "words"), REFUSED.values(), ids=REFUSED)
def test_pages_that_would_overwrite_something(
    run: Run, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "film.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"0" * 100)
    before = run.csv.read_bytes()
    with pytest.raises(XrayscanError, match=words):
        redraw(RedrawOptions(run.csv, report=tmp_path / name))
    assert run.csv.read_bytes() == before


def test_the_page_in_the_place_of_the_csv(run: Run) -> None:
    with pytest.raises(UsageError, match="is a page; give the CSV that it was drawn from"):
        redraw(RedrawOptions(run.page))
