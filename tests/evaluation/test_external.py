from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from xrayscan.errors import DataError, UsageError
from xrayscan.evaluation import external
from xrayscan.evaluation.external import contents, matched, read_outputs
from xrayscan.evaluation.films import LabelledScan
from xrayscan.records import Scan


def film(location: Path) -> LabelledScan:
    return LabelledScan(Scan(str(location), str(location), 0, 0), "NORMAL", False, "p", {})


def outputs(folder: Path, text: str) -> Path:
    path = folder / "theirs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_films_are_found_by_content_path_and_name(tmp_path: Path) -> None:
    films = [film(tmp_path / name) for name in ("a.png", "b.png", "far/c.png", "d.png")]
    csv = outputs(
        tmp_path,
        "path,probability,sha256,threshold\nrenamed.png,0.1,aa,0.3\nb.png,0.2,,\n"
        "elsewhere/c.png,0.4,,\n",
    )
    assert matched(read_outputs(csv), films, ["aa", *["xx"] * 3]) == ([0.1, 0.2, 0.4, None], 0.3)


def test_a_name_that_is_there_twice_finds_nothing(tmp_path: Path) -> None:
    csv = outputs(tmp_path, "path,probability\nx/a.png,0.1\ny/a.png,0.9\nb.png, \n")
    films = [film(tmp_path / "a.png"), film(tmp_path / "b.png")]
    assert matched(read_outputs(csv), films, ["", ""]) == ([None, None], 0.5)


def test_a_name_that_two_films_have_finds_neither(tmp_path: Path) -> None:
    """Whose film is another site's of the same name?"""
    csv = outputs(tmp_path, "path,probability\nsiteA/1.png,0.9\nfar/2.png,0.4\n")
    films = [film(tmp_path / name) for name in ("siteA/1.png", "siteB/1.png", "siteB/2.png")]
    assert matched(read_outputs(csv), films, [""] * 3)[0] == [0.9, None, 0.4]


def test_a_threshold_of_0_is_one(tmp_path: Path) -> None:
    csv = outputs(tmp_path, "path,probability,threshold\na.png,0.2,0\n")
    assert matched(read_outputs(csv), [film(tmp_path / "a.png")], [""]) == ([0.2], 0.0)


@pytest.mark.parametrize(
    ("path", "content", "found"),
    [
        pytest.param("a.png", b"this", 0.2, id="path"),
        pytest.param("far/a.png", b"this", 0.2, id="name"),
        pytest.param("a.png", b"other", None, id="path, other content"),
        pytest.param("far/a.png", b"other", None, id="name, other content"),
    ],
)
def test_a_row_that_has_a_sha256_is_of_no_other_film(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str, content: bytes,
    found: float | None,
) -> None:  # fmt: skip
    films = [film(tmp_path / name) for name in ("a.png", "b.png")]
    shas = [hashlib.sha256(data).hexdigest() for data in (content, b"b")]
    (tmp_path / "a.png").write_bytes(content)  # the other one is not there: its path has to do
    its = hashlib.sha256(b"this").hexdigest().upper()
    csv = outputs(tmp_path, f"path,sha256,probability\n{path},{its},0.2\nb.png,{shas[1]},0.4\n")
    theirs = read_outputs(csv)
    known = contents(films, [theirs])
    assert known == [shas[0], ""]
    assert matched(theirs, films, known)[0] == [found, 0.4]
    said = "1 of 2 films left out: what has their name" if found is None else ""
    assert said in caplog.text
    assert bool(said) is bool(caplog.text)


def test_films_are_read_once_for_all_outputs_and_not_at_all_for_those_without_sha256(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    monkeypatch.setattr(external, "file_sha256", lambda path: read.append(path.name) or "aa")
    films = [film(tmp_path / name) for name in ("a.png", "b.png")]
    plain = read_outputs(outputs(tmp_path, "path,probability\na.png,0.2\n"))
    assert contents(films, [plain, plain]) == ["", ""]
    assert read == []
    theirs = read_outputs(outputs(tmp_path, "path,sha256,probability\na.png,aa,0.2\n"))
    assert contents(films, [plain, theirs, theirs]) == ["aa", "aa"]
    assert read == ["a.png", "b.png"]


def test_of_rows_of_one_content_a_film_has_that_of_its_path(tmp_path: Path) -> None:
    films = [film(tmp_path / name) for name in ("a.png", "b.png", "renamed.png", "c.png")]
    csv = outputs(
        tmp_path,
        "path,sha256,probability\na.png, AA ,0.2\nb.png,aa,0.9\nc.png,,0.4\nmoved.png,cc,1\n",
    )
    found, _ = matched(read_outputs(csv), films, ["aa", "aa", "aa", "cc"])
    assert found == [0.2, 0.9, 0.9, 1]


def test_names_of_outputs_keep_their_spaces(tmp_path: Path) -> None:
    csv = outputs(tmp_path, "path, probability\n a.png, 0.2\na.png, 0.4\n")
    films = [film(tmp_path / name) for name in ("a.png", " a.png")]
    assert matched(read_outputs(csv), films, ["", ""])[0] == [0.4, 0.2]


@pytest.mark.parametrize("again", ["a.png", "./a.png", "x/../a.png"])
def test_a_path_that_is_there_twice_is_refused(tmp_path: Path, again: str) -> None:
    csv = outputs(tmp_path, f"path,probability\na.png,0.2\nb.png,0.3\n{again},0.9\n")
    with pytest.raises(DataError, match=r"line 4: .*a\.png is also on line 2; keep one of the two"):
        matched(read_outputs(csv), [film(tmp_path / "a.png")], [""])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,probability\na,0.1\n", "has no column path"),
        ("path,probability\na.png,1.2\n", "line 2: probability is '1.2'"),
        ("path,probability\na.png,high\n", "line 2: probability is 'high'"),
        ("path,probability\nz.png,0.5\n", "has none of the 1 films"),
        ("", "has no column path"),
        ("path;probability\na.png;0.1\n", "has no column path; .* separated by commas"),
        ("Path,PROBABILITY,path\na.png,0.5,b.png\n", "has the column path twice"),
        ('path,probability\n"a.png,0.5\nb.png,0.5\n', "line 2: .*; check its quotes"),
        ("path,probability\na.png,0.5,0.6\n", "line 2: has 3 cells under 2 columns"),
    ],
)
def test_faults(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        matched(read_outputs(outputs(tmp_path, text)), [film(tmp_path / "a.png")], [""])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.csv: no such file or directory; give"):
        read_outputs(tmp_path / "gone.csv")
