"""The report's pictures from night to night: those of films taken over are there, or it is said."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.films import draw_film, jpeg_bytes
from tests.test_incremental import FILMS, run, scans, table
from xrayscan.errors import XrayscanError
from xrayscan.intake.admission import Admission
from xrayscan.job import pictures
from xrayscan.job.options import JobOptions
from xrayscan.job.run import Listeners, run_job
from xrayscan.pipeline import RunHooks

__all__ = ["scans"]  # the fixture


def block(page: Path, name: str) -> Any:
    text = page.read_text(encoding="utf-8")
    found = re.findall(f'<script type="application/json" id="{name}">(.*?)</script>', text, re.S)
    return json.loads(found[0])


def films(page: Path) -> dict[str, Any]:
    """A page's pictures by film."""
    found: dict[str, Any] = block(page, "pictures")["films"]
    return found


def test_a_run_that_was_broken_off_and_its_next_show_what_one_run_does(scans: Path) -> None:
    page, whole = scans.parent / "p.html", scans.parent / "whole.html"
    run(scans, stop_after=2)  # as after a kill: rows in the journal, and no picture anywhere
    before = (scans.parent / "p.csv").read_text().splitlines()[:3]
    second = run(scans, report=page)
    run(scans, report=whole, csv=scans.parent / "whole.csv")
    assert films(page) == films(whole)
    assert len(films(page)) == len(FILMS)
    assert second.assessed == ["c.jpg", "sub/d.jpg"], "pictures are no new rows"
    assert (second.summary.found, second.summary.taken_over) == (4, 2)
    assert (scans.parent / "p.csv").read_text().splitlines()[:3] == before
    assert any("2 films are without a picture in" in said for said in second.said)


def without_a_report_first(scans: Path) -> dict[str, object]:
    run(scans)
    return {}


def with_another_heat_map(scans: Path) -> dict[str, object]:
    run(scans, report=scans.parent / "p.html")
    return {"cam": "gradcam++"}


def after_one_night_of_some_films(scans: Path) -> dict[str, object]:
    run(scans, report=scans.parent / "p.html")
    run(scans, report=scans.parent / "p.html", include=("a*",))
    assert len(films(scans.parent / "p.html")) == 1
    return {}


def after_a_night_without_pictures(scans: Path) -> dict[str, object]:
    run(scans, report=scans.parent / "p.html", max_overlays=0)
    assert not films(scans.parent / "p.html")
    return {}


EARLIER = (
    without_a_report_first,
    with_another_heat_map,
    after_one_night_of_some_films,
    after_a_night_without_pictures,
)


@pytest.mark.parametrize("earlier", EARLIER)
def test_films_taken_over_get_their_pictures(scans: Path, earlier: Any) -> None:
    options = earlier(scans)
    again = run(scans, report=scans.parent / "p.html", **options)
    assert again.assessed == []
    assert len(films(scans.parent / "p.html")) == len(FILMS)
    assert "shown have no picture" not in (scans.parent / "p.html").read_text(encoding="utf-8")


def test_nothing_is_read_again_where_every_picture_is_there(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(scans, report=scans.parent / "p.html")
    before = films(scans.parent / "p.html")
    monkeypatch.setattr(pictures, "batches", None)
    assert run(scans, report=scans.parent / "p.html").said == []
    assert films(scans.parent / "p.html") == before


def test_what_never_had_a_picture_is_not_read_for_one(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scans / "small.jpg").write_bytes(jpeg_bytes(draw_film(seed=1, width=20, height=20)))
    run(scans, report=scans.parent / "p.html")
    assert table(scans.parent / "p.csv")["small.jpg"]["status"] == "not_assessed"
    monkeypatch.setattr(pictures, "batches", None)
    assert run(scans, report=scans.parent / "p.html").said[:1] == []


def test_a_film_that_changed_in_silence_gets_no_picture_and_keeps_its_row(scans: Path) -> None:
    first = run(scans)
    stat = (scans / "b.jpg").stat()
    changed = bytearray((scans / "b.jpg").read_bytes())
    changed[-40] ^= 1
    (scans / "b.jpg").write_bytes(changed)
    os.utime(scans / "b.jpg", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again = run(scans, report=scans.parent / "p.html")
    assert again.rows == first.rows
    assert len(films(scans.parent / "p.html")) == len(FILMS) - 1
    assert "1 film shown has no picture" in again.said[-1]
    assert "1 film shown has no picture" in (scans.parent / "p.html").read_text(encoding="utf-8")


def test_pictures_can_be_broken_off_and_come_the_next_night(scans: Path) -> None:
    run(scans)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    @contextmanager
    def hooks(total: int) -> Any:
        yield RunHooks(stop=stop)

    page = scans.parent / "p.html"
    options = JobOptions(
        (str(scans),),
        csv=scans.parent / "p.csv",
        report=page,
        model="fast",
        admission=Admission.OFF,
        batch_size=2,
    )
    summary = run_job(options, Listeners(hooks))
    assert summary.not_reached == 0
    assert 0 < len(films(page)) < len(FILMS)
    assert "films shown have no picture" in page.read_text(encoding="utf-8")
    run(scans, report=page)
    assert len(films(page)) == len(FILMS)


def test_the_page_is_there_while_pictures_are_made(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night can end at any moment: what is read again must not keep the rows from the page."""
    run(scans)
    page = scans.parent / "p.html"

    def killed(*_: object) -> Any:
        assert len(block(page, "rows")) == len(FILMS)
        assert (scans.parent / "p.run.json").is_file()
        raise KeyboardInterrupt

    monkeypatch.setattr(pictures, "batches", killed)
    with pytest.raises(KeyboardInterrupt):
        run(scans, report=page)
    assert "4 films shown have no picture" in page.read_text(encoding="utf-8")


def test_what_cannot_be_drawn_costs_no_page(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(scans)

    def broken(*_: object) -> Any:
        raise XrayscanError("the cluster cannot be reached")

    monkeypatch.setattr(pictures, "batches", broken)
    again = run(scans, report=scans.parent / "p.html")
    assert "the cluster cannot be reached" in again.said[1]
    assert not films(scans.parent / "p.html")


def test_a_share_that_is_away_for_a_night_leaves_the_page_as_it_was(scans: Path) -> None:
    page, record = scans.parent / "p.html", scans.parent / "p.run.json"
    run(scans, report=page)
    before = (page.read_bytes(), record.read_bytes())
    scans.rename(scans.parent / "away")
    scans.mkdir()
    empty = run(scans, report=page)
    assert (page.read_bytes(), record.read_bytes()) == before
    assert "stay as they were" in empty.said[-1]
    scans.rmdir()
    (scans.parent / "away").rename(scans)
    assert run(scans, report=page).said == []
    assert len(films(page)) == len(FILMS)


def test_an_empty_folder_that_was_always_empty_gets_its_page(scans: Path) -> None:
    folder = scans.parent / "new"
    folder.mkdir()
    run(folder, report=scans.parent / "p.html")
    assert (scans.parent / "p.html").is_file()
