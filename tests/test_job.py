from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.films import draw_film, png_bytes
from xrayscan.errors import UsageError, XrayscanError
from xrayscan.intake.admission import Admission
from xrayscan.job.options import LOG_FILES, JobOptions, check_outputs, find_scans
from xrayscan.job.run import Listeners, run_job
from xrayscan.pipeline import RunHooks
from xrayscan.report_files import is_report_files
from xrayscan.reporting import pictures


@pytest.mark.parametrize(
    ("csv", "report", "table", "records"),
    [
        pytest.param(None, None, None, [], id="standard output"),
        pytest.param("p.csv", None, "p.csv", ["p.run.json"], id="csv"),
        pytest.param(None, "out.html", "out.csv", ["out.run.json"], id="report"),
        pytest.param("p.csv", "out.html", "p.csv", ["p.run.json", "out.run.json"], id="both"),
        pytest.param("-", "out.html", None, ["out.run.json"], id="report, and - for the csv"),
        pytest.param("-", None, None, [], id="-"),
    ],
)
def test_where_outputs_go(csv, report, table, records) -> None:
    options = JobOptions(
        ("films",), csv=Path(csv) if csv else None, report=Path(report) if report else None
    )
    assert options.table == (Path(table) if table else None)
    assert list(map(str, options.run_records)) == records


def test_outputs_of_a_job_are_none_of_its_scans(tmp_path: Path) -> None:
    for name in ("a.csv", "a.html", "a.run.json", "film.jpg", "b.csv"):
        (tmp_path / name).write_bytes(b"x")
    options = JobOptions((str(tmp_path),), report=tmp_path / "a.html")
    discovery = find_scans(options)
    assert [scan.name for scan in discovery.scans] == ["film.jpg"]
    assert discovery.other_files == 1  # b.csv: not of this job


def test_logs_of_a_job_are_none_of_its_scans(tmp_path: Path) -> None:
    for name in ("night", "night.1", f"night.{LOG_FILES}", "1.2.3", "n.log"):
        (tmp_path / name).write_bytes(LOG)
    options = JobOptions((str(tmp_path),), log=tmp_path / "night")
    assert [scan.name for scan in find_scans(options).scans] == ["1.2.3"]


PICTURE = "0" * 32 + ".jpg"


def test_pictures_beside_the_report_are_none_of_its_scans(tmp_path: Path) -> None:
    (tmp_path / "a_files").mkdir()
    (tmp_path / "b_files").mkdir()
    for name in ("a_files/" + "0" * 32 + ".jpg", "b_files/film.jpg"):
        (tmp_path / name).write_bytes(FILM)
    options = JobOptions((str(tmp_path),), report=tmp_path / "a.html")
    check_outputs(options)
    assert [scan.name for scan in find_scans(options).scans] == ["b_files/film.jpg"]
    (tmp_path / "a_files" / "film.jpg").write_bytes(FILM)
    with pytest.raises(UsageError, match=r"film\.jpg: would be taken for a picture of a\.html"):
        check_outputs(options)


PAGE = b'<!DOCTYPE html>\n<html><head>\n<meta name="generator" content="xrayscan 0.1.0">\n'


@pytest.mark.parametrize(
    ("page", "files", "found"),
    [
        pytest.param(PAGE, [PICTURE], [], id="report"),
        pytest.param(PAGE, [PICTURE, "Thumbs.db", ".DS_Store"], [], id="file manager"),
        pytest.param(PAGE, [PICTURE, "film.jpg"], [PICTURE, "film.jpg"], id="a film among them"),
        pytest.param(b"<!DOCTYPE html>", [PICTURE], [PICTURE], id="another page"),
        pytest.param(None, [PICTURE], [PICTURE], id="no page"),
    ],
)
def test_pictures_of_other_reports_are_none_of_its_scans(
    tmp_path: Path, page: bytes | None, files: list[str], found: list[str]
) -> None:
    (tmp_path / "a_files").mkdir()
    for name in files:
        (tmp_path / "a_files" / name).write_bytes(FILM if name.endswith("jpg") else b"x")
    if page is not None:
        (tmp_path / "a.html").write_bytes(page)
    discovery = find_scans(JobOptions((str(tmp_path),), report=tmp_path / "b.html"))
    assert [scan.name for scan in discovery.scans] == [f"a_files/{name}" for name in found]


def test_a_second_report_keeps_pictures_as_the_options_say(tmp_path: Path, monkeypatch) -> None:
    """Beyond the limit they become files beside the page, unless one file is asked for."""
    monkeypatch.setattr(pictures, "ONE_FILE_BYTES", 0)
    (tmp_path / "film.png").write_bytes(FILM)
    for self_contained, files in ((False, 1), (True, 0)):
        options = JobOptions(
            (str(tmp_path / "film.png"),),
            report=tmp_path / "out.html",
            model="fast",
            admission=Admission.OFF,
            self_contained=self_contained,
        )
        run_job(options, Listeners(lambda total: nullcontext(RunHooks())))
        assert len(list(tmp_path.glob("out_files/*.jpg"))) == files
        assert is_report_files(f"{tmp_path}/out_files") is bool(files)
        page = (tmp_path / "out.html").read_text(encoding="utf-8")
        assert ("data:image/jpeg" in page) is self_contained


FILM = png_bytes(draw_film(seed=1))
CSV = b"path,status,label\n"
LOG = b"2026-11-21 01:02:03,004 INFO found 3 = scored 3\n"


@pytest.mark.parametrize(
    ("before", "given", "outputs", "refused"),
    [
        pytest.param({"b/n.jpg": FILM}, ["b/n.jpg"], {"csv": "b/n.jpg"}, True, id="given film"),
        pytest.param({"b/n.jpg": FILM}, ["b"], {"csv": "b/n.jpg"}, True, id="found film"),
        pytest.param({"b/n.jpg": FILM}, ["b"], {"report": "b/../b/n.jpg"}, True, id="spelt oddly"),
        pytest.param({"b/n": FILM}, ["b"], {"report": "b/n"}, True, id="found by content"),
        pytest.param({"n.dat": FILM}, ["b"], {"csv": "n.dat"}, True, id="a film elsewhere"),
        pytest.param({"b/n.jpg": b"\0" * 9}, ["b"], {"csv": "b/n.jpg"}, True, id="damaged film"),
        pytest.param({"b/x.txt": b"text"}, ["b/x.txt"], {"csv": "b/x.txt"}, True, id="given text"),
        pytest.param({"b/x.csv": b"id,age"}, ["b"], {"report": "b/x.html"}, True, id="not asked"),
        pytest.param({"b/x.csv": b"id,age"}, ["b"], {"csv": "b/x.csv"}, False, id="asked for"),
        pytest.param({"b/x": CSV}, ["b"], {"csv": "b/x"}, False, id="of an earlier run"),
        pytest.param(
            {"b/x.csv": CSV}, ["b/x.csv"], {"csv": "b/x.csv"}, False, id="given by a glob"
        ),
        pytest.param(
            {"b/x.csv": CSV}, ["b"], {"report": "b/x.html"}, False, id="beside the report"
        ),
        pytest.param({"b/n.jpg": b""}, ["b"], {"csv": "b/n.jpg"}, False, id="empty"),
        pytest.param({}, ["b"], {"csv": "b/n.csv"}, False, id="nothing there"),
        pytest.param({"b/n.jpg": FILM}, ["b"], {"log": "b/n.jpg"}, True, id="log into a film"),
        pytest.param({"b/n.jpg": b"\0"}, ["b"], {"log": "b/n.jpg"}, True, id="log into damage"),
        pytest.param({"b/n": LOG}, ["b"], {"log": "b/n"}, False, id="log goes on"),
        pytest.param({"b/n.log": LOG}, ["b/n.log"], {"log": "b/n.log"}, False, id="log in a glob"),
        pytest.param({"b/n.log": b"text"}, ["b"], {"log": "b/n.log"}, False, id="another's log"),
    ],
)
def test_no_output_overwrites_a_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before, given, outputs, refused: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b").mkdir()
    for name, content in before.items():
        Path(name).write_bytes(content)
    options = JobOptions(tuple(given), **{kind: Path(name) for kind, name in outputs.items()})
    if refused:
        with pytest.raises(UsageError, match="give another name"):
            check_outputs(options)
    else:
        check_outputs(options)
    assert {str(path): path.read_bytes() for path in Path().rglob("*.*")} == {
        name: content for name, content in before.items() if "." in name
    }


def test_a_link_to_a_film_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(FILM)
    (tmp_path / "out.csv").symlink_to("film.png")
    with pytest.raises(UsageError, match="give another name"):
        check_outputs(JobOptions((".",), csv=tmp_path / "out.csv"))


@pytest.mark.parametrize(
    ("csv", "report", "words"),
    [
        pytest.param("sub/../q.html", "q.html", "names of their own", id="same file"),
        pytest.param("link.html", "q.html", "names of their own", id="same by a link"),
        pytest.param("q.run.json", "q.html", "names of their own", id="same as the record"),
        pytest.param("q.log", "q.html", "names of their own", id="same as the log"),
        pytest.param(None, "/", "is a folder", id="root"),
        pytest.param(None, ".", "is a folder", id="here"),
        pytest.param(None, "-", "only the CSV goes to standard output", id="report to -"),
    ],
)
def test_outputs_that_stand_for_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, csv, report, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    Path("link.html").symlink_to("q.html")
    with pytest.raises(UsageError, match=words):
        check_outputs(
            JobOptions(
                (".",), csv=Path(csv) if csv else None, report=Path(report), log=Path("q.log")
            )
        )


def test_writability_is_found_out_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(XrayscanError, match=r"file/p\.html: cannot be written"):
        check_outputs(JobOptions((".",), csv=tmp_path / "a.csv", report=tmp_path / "file/p.html"))
    check_outputs(JobOptions((".",), csv=tmp_path / "new folder" / "p.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "and leaves nothing"


def test_one_run_record_beside_csv_and_report_however_they_are_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = JobOptions((".",), csv=tmp_path / "p.csv", report=Path("p.html"))
    assert [path.name for path in options.run_records] == ["p.run.json"]
    check_outputs(options)


def test_nothing_is_put_beside_a_device() -> None:
    assert JobOptions((".",), csv=Path(os.devnull)).run_records == ()
    both = JobOptions((".",), csv=Path("p.csv"), report=Path(os.devnull))
    assert both.run_records == (Path("p.run.json"),)


def test_signals_are_heard_until_all_outputs_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bool] = []
    listening = False

    @contextmanager
    def hooks(total: int) -> Iterator[RunHooks]:
        nonlocal listening
        listening = True
        yield RunHooks()
        listening = False

    for writer in ("write_report", "write_run_record"):
        monkeypatch.setattr(f"xrayscan.job.run.{writer}", lambda *_: heard.append(listening))
    (tmp_path / "film.png").write_bytes(FILM)
    options = JobOptions((str(tmp_path),), report=tmp_path / "out.html", model="fast")
    run_job(options, Listeners(hooks))
    assert heard == [True, True]
