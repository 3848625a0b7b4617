from __future__ import annotations

from pathlib import Path

import pytest

from xrayscan.errors import DataError, UsageError
from xrayscan.evaluation.external import matched
from xrayscan.evaluation.films import LabelledScan
from xrayscan.records import Assessment, Scan, Status


def film(location: Path) -> LabelledScan:
    return LabelledScan(Scan(str(location), str(location), 0, 0), "NORMAL", False, "p", {})


def outputs(folder: Path, text: str) -> Path:
    path = folder / "theirs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_films_are_found_by_content_path_and_name(tmp_path: Path) -> None:
    films = [film(tmp_path / name) for name in ("a.png", "b.png", "far/c.png", "d.png")]
    rows = [
        Assessment(films[0].scan, Status.SCORED, sha256="aa"),
        *(Assessment(each.scan, Status.SCORED, sha256="xx") for each in films[1:]),
    ]
    csv = outputs(
        tmp_path,
        "path,probability,sha256,threshold\nrenamed.png,0.1,aa,0.3\nb.png,0.2,,\n"
        "elsewhere/c.png,0.4,,\n",
    )
    assert matched(csv, films, rows) == ([0.1, 0.2, 0.4, None], 0.3)


def test_a_name_that_is_there_twice_finds_nothing(tmp_path: Path) -> None:
    csv = outputs(tmp_path, "path,probability\nx/a.png,0.1\ny/a.png,0.9\nb.png,\n")
    films = [film(tmp_path / "a.png"), film(tmp_path / "b.png")]
    assert matched(csv, films, [None, None]) == ([None, None], 0.5)


def test_a_name_that_two_films_have_finds_neither(tmp_path: Path) -> None:
    """Whose film is another site's of the same name?"""
    csv = outputs(tmp_path, "path,probability\nsiteA/1.png,0.9\nfar/2.png,0.4\n")
    films = [film(tmp_path / name) for name in ("siteA/1.png", "siteB/1.png", "siteB/2.png")]
    assert matched(csv, films, [None] * 3)[0] == [0.9, None, 0.4]


def test_a_threshold_of_0_is_one(tmp_path: Path) -> None:
    csv = outputs(tmp_path, "path,probability,threshold\na.png,0.2,0\n")
    assert matched(csv, [film(tmp_path / "a.png")], [None]) == ([0.2], 0.0)


@pytest.mark.parametrize("again", ["a.png", "./a.png", "x/../a.png"])
def test_a_path_that_is_there_twice_is_refused(tmp_path: Path, again: str) -> None:
    csv = outputs(tmp_path, f"path,probability\na.png,0.2\nb.png,0.3\n{again},0.9\n")
    with pytest.raises(DataError, match=r"line 4: .*a\.png is also on line 2; keep one of the two"):
        matched(csv, [film(tmp_path / "a.png")], [None])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,probability\na,0.1\n", "has no column path"),
        ("path,probability\na.png,1.2\n", "line 2: probability is '1.2'"),
        ("path,probability\na.png,high\n", "line 2: probability is 'high'"),
        ("path,probability\nz.png,0.5\n", "has none of the 1 films"),
        ("", "has no column path, probability"),
    ],
)
def test_faults(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        matched(outputs(tmp_path, text), [film(tmp_path / "a.png")], [None])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.csv: no such file or directory; give"):
        matched(tmp_path / "gone.csv", [film(tmp_path / "a.png")], [None])
