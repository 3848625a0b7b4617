from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.films import draw_film, jpeg_bytes
from xrayscan.cli.app import app
from xrayscan.cli.report import only_rows
from xrayscan.errors import UsageError


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "films").mkdir()
    for seed in range(3):
        (folder / "films" / f"{seed}.jpg").write_bytes(jpeg_bytes(draw_film(seed)))
    (folder / "films" / "cut.jpg").write_bytes(jpeg_bytes(draw_film(9))[:3000])
    arguments = ["predict", str(folder / "films"), "--report", str(folder / "out.html"), "-q"]
    result = CliRunner().invoke(app, [*arguments, "--admission", "off"])
    assert result.exit_code == 3, result.output
    return folder


def test_the_report_of_a_real_run_is_drawn_again_as_it_was(predicted: Path) -> None:
    before = (predicted / "out.html").read_text(encoding="utf-8")
    result = CliRunner().invoke(app, ["report", str(predicted / "out.csv")])
    assert result.exit_code == 0, result.output
    assert (predicted / "out.html").read_text(encoding="utf-8") == before
    assert "out.html: found 4 = scored 3 + not assessed 0 + unreadable 1" in result.stderr


def test_films_of_a_csv_of_another_name_keep_their_pictures(predicted: Path) -> None:
    """As README has it: predict --csv p.csv --report out.html, then report p.csv."""
    csv, page = predicted / "p.csv", predicted / "other" / "out.html"
    arguments = ["predict", str(predicted / "films"), "--csv", str(csv), "--report", str(page)]
    CliRunner().invoke(app, [*arguments, "-q", "--admission", "off", "--zones", "0.3,0.4"])
    before = page.read_text(encoding="utf-8")
    result = CliRunner().invoke(app, ["report", str(csv)])
    assert result.exit_code == 0, result.output
    assert (predicted / "p.html").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("command", ["predict", "report"])
def test_a_page_goes_to_a_pipe(predicted: Path, command: str) -> None:
    """Both would look for earlier pictures where the page goes, and read their own pipe."""
    csv = predicted / f"{command}.csv"
    if command == "report":
        shutil.copy(predicted / "out.csv", csv)
        given = [str(csv)]
    else:  # its films are taken over: pictures are made again
        shutil.copy(predicted / "out.csv.journal", f"{csv}.journal")
        given = [str(predicted / "films"), "--csv", str(csv), "--admission", "off"]
    done = subprocess.run(
        [sys.executable, "-m", "xrayscan", command, *given, "--report", "/dev/stdout", "-q"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert done.returncode in (0, 3), done.stderr
    assert done.stdout.startswith(b"<!DOCTYPE html>")
    assert done.stdout.rstrip().endswith(b"</html>")
    assert done.stdout.count(b"<!DOCTYPE html>") == 1
    assert done.stdout.count(b"data:image/jpeg;base64,") == (3 if command == "predict" else 0)


def test_only_some_rows_in_another_page(predicted: Path, tmp_path: Path) -> None:
    arguments = ["report", str(predicted / "out.csv"), "--report", str(tmp_path / "bad.html")]
    result = CliRunner().invoke(app, [*arguments, "--only", "status=unreadable", "--dates", "de"])
    assert result.exit_code == 0, result.output
    assert "found 1 = scored 0" in result.stderr
    assert "3 are left out" in (tmp_path / "bad.html").read_text(encoding="utf-8")


WRONG = {
    "no CSV": (["report", "nowhere.csv"], 2, "nowhere.csv: no such file"),
    "no such filter": (["report", "a.csv", "--only", "name=x"], 2, "give one of status, zone"),
    "no value": (["report", "a.csv", "--only", "status="], 2, "--only status=: give one of"),
    "no language": (["report", "a.csv", "--dates", "de<"], 2, "--dates de<: give a language"),
}


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code
    assert words in result.stderr


def test_filters_by_name() -> None:
    assert only_rows(["zone=review", "status=scored", "zone=positive", "folder=a=b"]) == {
        "zone": ("review", "positive"),
        "status": ("scored",),
        "folder": ("a=b",),
    }
    with pytest.raises(UsageError):
        only_rows(["status"])


@pytest.mark.parametrize("name", ["out.pdf", "out", "html", "out.html.gz", "-"])
@pytest.mark.parametrize("command", ["predict", "report", "evaluate", "compare"])
def test_a_report_is_a_page_by_its_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [command, str(tmp_path), "--report", name])
    assert result.exit_code == 2
    said = f"xrayscan: --report {name}: is written as HTML; give another name, ending in .html\n"
    assert result.stderr == said


def test_other_names_of_pages(predicted: Path, tmp_path: Path) -> None:
    for name in ("A.HTML", "b.htm"):
        arguments = ["report", str(predicted / "out.csv"), "--report", str(tmp_path / name)]
        assert CliRunner().invoke(app, arguments).exit_code == 0
