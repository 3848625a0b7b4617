from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xrayscan.errors import UsageError, XrayscanError
from xrayscan.reporting import pictures as module
from xrayscan.reporting.earlier import BLOCK, EarlierPictures, PictureSource, picture_block
from xrayscan.reporting.pictures import (
    DrawnFilm,
    Heat,
    check_files_folder,
    draw,
    files_folder,
    place,
    remove_stale,
)

SOURCE = PictureSource("m" * 64, "gradcam")
HEAT = Heat(3, 2, bytes([0, 50, 100, 150, 200, 255]))
FILMS = {
    "first": DrawnFilm(b"\xff\xd8" + b"1" * 3000, HEAT),
    "second": DrawnFilm(b"\xff\xd8" + b"2" * 3000, None),
}


def test_heat_is_kept_in_255_levels() -> None:
    heat = np.array([[0, 0.5, 1], [2, -1, 0.2]], np.float32)
    drawn = draw(np.zeros((8, 6), np.uint8), heat)
    assert drawn.heat == Heat(3, 2, bytes([0, 128, 255, 255, 0, 51]))
    assert drawn.jpeg.startswith(b"\xff\xd8")


def write_page(page: Path, entries: Mapping[str, Any]) -> None:
    page.write_text(f"<p>\n{BLOCK}{''.join(picture_block(SOURCE, entries))}</script>\n</p>")


def written(page: Path, films: dict[str, DrawnFilm] = FILMS, **options: bool) -> module.Placement:
    """Place pictures, and write of the page what is read back of it."""
    placed = place(page, films, 0, self_contained=options.get("self_contained", False))
    write_page(page, placed.entries)
    remove_stale(page, placed)
    return placed


@pytest.mark.parametrize("one_file", [10**6, 0], ids=["inside the page", "beside it"])
def test_pictures_are_read_back_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_file: int
) -> None:
    monkeypatch.setattr(module, "ONE_FILE_BYTES", one_file)
    page = tmp_path / "näch%te #1.html"
    placed = written(page)
    assert (placed.folder is None) is bool(one_file)
    assert files_folder(page).exists() is not bool(one_file)
    assert dict(EarlierPictures((page,), SOURCE)) == FILMS


@pytest.mark.parametrize("reliable", [True, False, None])
def test_a_mark_is_read_back_with_its_map(tmp_path: Path, reliable: bool | None) -> None:
    film = DrawnFilm(b"\xff\xd8" + b"3" * 3000, replace(HEAT, reliable=reliable))
    written(tmp_path / "out.html", {"marked": film})
    assert dict(EarlierPictures((tmp_path / "out.html",), SOURCE)) == {"marked": film}


OTHERS = {
    "another model": PictureSource("n" * 64, "gradcam"),
    "another method": PictureSource("m" * 64, "gradcam++"),
}


@pytest.mark.parametrize("source", OTHERS.values(), ids=OTHERS)
def test_pictures_with_other_heat_maps_are_not_taken(tmp_path: Path, source: PictureSource) -> None:
    written(tmp_path / "out.html")
    assert len(EarlierPictures((tmp_path / "out.html",), source)) == 0


DAMAGES = {
    "no page": None,
    "another page": "<!DOCTYPE html><p>hello",
    "cut off": BLOCK + '{"model_sha256": "mmm',
    "no JSON": BLOCK + "{]</script>",
    "a list": BLOCK + "[1]</script>",
}


@pytest.mark.parametrize("text", DAMAGES.values(), ids=DAMAGES)
def test_what_is_no_report_has_no_pictures(tmp_path: Path, text: str | None) -> None:
    page = tmp_path / "out.html"
    if text is not None:
        page.write_text(text)
    assert dict(EarlierPictures((page,), SOURCE)) == {}


def spoil_picture(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"another picture")


def remove_pictures(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("damage", [spoil_picture, remove_pictures])
def test_a_picture_that_is_not_what_its_name_says_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage
) -> None:
    monkeypatch.setattr(module, "ONE_FILE_BYTES", 0)
    written(tmp_path / "out.html")
    damage(tmp_path / "out_files")
    earlier = EarlierPictures((tmp_path / "out.html",), SOURCE)
    assert [earlier.get(key) for key in FILMS] == [None] * len(FILMS)
    written(tmp_path / "out.html")  # and writing again mends them
    assert dict(EarlierPictures((tmp_path / "out.html",), SOURCE)) == FILMS


def test_a_page_never_leads_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    films = {"a": {"film": "../secret.jpg"}, "b": {"film": "/etc/passwd"}, "c": {"film": 7}}
    page = tmp_path / "out.html"
    write_page(page, films)
    earlier = EarlierPictures((page,), SOURCE)
    assert [earlier.get(key) for key in "abc"] == [None, None, None]


HEATS = {
    "of another size": {"heat": [4, 2, "AAAAAAAA"]},
    "of no text": {"heat": [3, 2, "AAAA AAAA"]},
    "with a mark that is none": {"heat": [3, 2, "AAAAAAAA"], "reliable": "surely"},
}


@pytest.mark.parametrize("entry", HEATS.values(), ids=HEATS)
def test_a_heat_map_that_nobody_here_wrote_is_not_taken(
    tmp_path: Path, entry: dict[str, Any]
) -> None:
    page, film = tmp_path / "out.html", {"film": "data:image/jpeg;base64,AAAA"}
    write_page(page, {"sound": film | {"heat": [3, 2, "AAAAAAAA"]}, "spoilt": film | entry})
    earlier = EarlierPictures((page,), SOURCE)
    assert earlier["sound"].heat == Heat(3, 2, bytes(6))
    assert earlier.get("spoilt") is None


def test_the_first_page_that_has_a_film_wins(tmp_path: Path) -> None:
    written(tmp_path / "new.html", {"first": FILMS["second"]})
    written(tmp_path / "old.html")
    earlier = EarlierPictures((tmp_path / "new.html", tmp_path / "old.html"), SOURCE)
    assert dict(earlier) == {"first": FILMS["second"], "second": FILMS["second"]}


def test_whoever_may_not_read_a_page_may_not_read_its_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ONE_FILE_BYTES", 0)
    page = tmp_path / "out.html"
    page.touch(0o600)
    written(page)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "out_files").iterdir()]
    assert modes == [0o600] * len(FILMS)


def test_pictures_that_no_page_shows_any_more_go_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ONE_FILE_BYTES", 0)
    page, folder = tmp_path / "out.html", tmp_path / "out_files"
    written(page)
    (folder / "mine.txt").write_text("keep me")
    written(page, {"second": FILMS["second"]})
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted(["mine.txt", module.picture_name(FILMS["second"].jpeg)])
    (folder / "mine.txt").unlink()
    monkeypatch.setattr(module, "ONE_FILE_BYTES", 10**6)
    written(page)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("other_bytes", "inside"), [(1000, True), (2000, False)], ids=["small", "large"]
)
def test_the_whole_page_decides_whether_pictures_are_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_bytes: int, inside: bool
) -> None:
    """Two films of 3000 bytes are 8000 by base64."""
    monkeypatch.setattr(module, "ONE_FILE_BYTES", 10_000)
    placed = place(tmp_path / "out.html", FILMS, other_bytes, self_contained=False)
    assert (placed.folder is None) is inside
    assert placed.left_out == 0


def test_a_page_that_goes_to_a_pipe_has_its_pictures_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ONE_FILE_BYTES", 0)
    os.mkfifo(tmp_path / "out.html")
    placed = place(tmp_path / "out.html", FILMS, 0, self_contained=False)
    assert (list(placed.entries), placed.folder) == (list(FILMS), None)


def test_one_file_leaves_out_what_has_no_room_from_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ONE_FILE_BYTES", 0)
    monkeypatch.setattr(module, "SELF_CONTAINED_BYTES", 5000)
    placed = written(tmp_path / "out.html", self_contained=True)
    assert list(placed.entries) == ["first"]
    assert placed.left_out == 1
    assert not (tmp_path / "out_files").exists()


def test_a_folder_that_holds_anything_else_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    check_files_folder(page)
    (tmp_path / "out_files").mkdir()
    check_files_folder(page)
    (tmp_path / "out_files" / "film.dcm").write_bytes(b"")
    with pytest.raises(UsageError, match=r"film\.dcm: would be taken for a picture of out\.html"):
        check_files_folder(page)


def test_what_others_leave_in_a_folder_of_pictures_stops_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "out_files"
    folder.mkdir()
    left = "." + "0" * 32 + ".jpg." + "1" * 16 + ".part"  # by a run that was killed
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini", left):
        (folder / name).write_bytes(b"")
    check_files_folder(tmp_path / "out.html")
    written(tmp_path / "out.html")
    assert sorted(path.name for path in folder.iterdir()) == [
        ".DS_Store", "Thumbs.db", "desktop.ini",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ONE_FILE_BYTES", 0)
    (tmp_path / "out_files").write_text("a file")
    with pytest.raises(XrayscanError, match="cannot be written"):
        place(tmp_path / "out.html", FILMS, 0, self_contained=False)
    with pytest.raises(XrayscanError, match="cannot be written"):
        check_files_folder(tmp_path / "out.html")
