from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.films import dicom_bytes, draw_film, jpeg_bytes, png_bytes
from xrayscan.errors import ScanError, UsageError
from xrayscan.intake.discover import Discovery, DiscoveryOptions, discover, promises_picture
from xrayscan.intake.read import read_content
from xrayscan.records import Reason

FILM = draw_film(seed=1, width=96, height=80)
JPEG = jpeg_bytes(FILM)


def put(folder: Path, *names: str, data: bytes = JPEG) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def found(folder: Path, options: DiscoveryOptions | None = None) -> Discovery:
    return discover([str(folder)], options or DiscoveryOptions())


def names(folder: Path, options: DiscoveryOptions | None = None) -> list[str]:
    return [scan.name for scan in found(folder, options).scans]


# --- order --------------------------------------------------------------------------------------


def test_folders_within_folders_come_in_byte_order(tmp_path: Path) -> None:
    put(tmp_path, "b.jpg", "a/2.jpg", "a/10.jpg", "a/b/1.jpg", "B.jpg", "ä.jpg", "c/1.jpg")
    in_order = ["B.jpg", "a/10.jpg", "a/2.jpg", "a/b/1.jpg", "b.jpg", "c/1.jpg", "ä.jpg"]
    assert names(tmp_path) == in_order


NAMES = st.lists(
    st.text("abcAB.12 é", min_size=1, max_size=6).filter(lambda text: text.strip(". ") == text),
    unique_by=str.casefold,
    max_size=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stems=NAMES, data=st.data())
def test_order_does_not_depend_on_creation(
    stems: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    listings = []
    for order in (stems, data.draw(st.permutations(stems))):
        folder = tmp_path_factory.mktemp("films")
        for stem in order:
            put(folder, f"{stem}.jpg", f"sub/{stem}.jpg")
        listings.append(names(folder))
    assert listings[0] == listings[1]
    assert len(listings[0]) == 2 * len(stems), "rows = files"


def test_a_scan_says_its_size_and_time(tmp_path: Path) -> None:
    put(tmp_path, "film.jpg")
    os.utime(tmp_path / "film.jpg", ns=(7, 1_600_000_000_123_456_789))
    (scan,) = found(tmp_path).scans
    assert scan.size_bytes == len(JPEG)
    assert scan.modified_ns == 1_600_000_000_123_456_789
    assert scan.location == str(tmp_path / "film.jpg")


def test_an_empty_folder_has_no_scans(tmp_path: Path) -> None:
    assert found(tmp_path) == Discovery((), 0)


# --- what counts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "promises"),
    [
        ("film.jpg", True),
        ("FILM.JPEG", True),
        ("film.DCM", True),
        ("film.webp", True),
        ("IM0001", True),
        ("1.2.840.113619.2.55", True),
        ("unit.3/film", True),
        ("notes.txt", False),
        ("films.zip", False),
        ("film.jpg.part", False),
        ("table.csv", False),
    ],
)
def test_what_a_name_promises(name: str, promises: bool) -> None:
    assert promises_picture(name) is promises


@pytest.mark.parametrize(
    ("name", "data", "is_scan"),
    [
        pytest.param("film.txt", JPEG, True, id="a film with a text's name"),
        pytest.param("film.bak", dicom_bytes(FILM), True, id="a DICOM film with a foreign name"),
        pytest.param("film.jpg", b"no picture", True, id="a text with a film's name"),
        pytest.param("film.jpg", b"", True, id="an empty file with a film's name"),
        pytest.param("film.gif", b"GIF89a", True, id="a picture that cannot be read"),
        pytest.param("IM0001", b"no picture", True, id="no extension"),
        pytest.param("notes.txt", b"seen by Dr. B", False, id="a text"),
        pytest.param("bmi.csv", b"BMI;age\n21;63\n", False, id="a table that begins with BM"),
        pytest.param("empty.txt", b"", False, id="an empty text"),
    ],
)
def test_content_counts_over_name(tmp_path: Path, name: str, data: bytes, is_scan: bool) -> None:
    put(tmp_path, name, data=data)
    discovery = found(tmp_path)
    assert [scan.name for scan in discovery.scans] == [name] * is_scan
    assert discovery.other_files == (not is_scan)


def test_other_files_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "a.txt", "sub/b.csv", "sub/c.xlsx", data=b"text")
    put(tmp_path, "film.jpg")
    discovery = found(tmp_path)
    assert len(discovery.scans) == 1
    assert discovery.other_files == 3


def test_hidden_files_and_folders_and_indexes_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, ".hidden.jpg", ".thumbs/1.jpg", "._film.jpg", "DICOMDIR", "sub/DICOMDIR", "1.jpg")
    assert found(tmp_path) == found(tmp_path, DiscoveryOptions(include=("*.jpg",)))
    assert names(tmp_path) == ["1.jpg"]
    assert found(tmp_path).other_files == 4, "what is in a hidden folder is not looked at"


def test_a_hidden_folder_is_scanned_when_it_is_what_is_asked_for(tmp_path: Path) -> None:
    put(tmp_path, ".films/1.jpg")
    assert names(tmp_path / ".films") == ["1.jpg"]


def test_own_outputs_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "report.jpg", "overlays/1.png", "film.jpg")
    (tmp_path / "link.jpg").symlink_to("report.jpg")
    own = (tmp_path / "report.jpg", tmp_path / "." / "overlays", tmp_path / "not_yet.jpg")
    assert names(tmp_path, DiscoveryOptions(own_outputs=own)) == ["film.jpg"]


# --- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        pytest.param({}, ["a.jpg", "b.png", "x/a.jpg", "x/y/c.jpg", "z/a.png"], id="all"),
        pytest.param({"recursive": False}, ["a.jpg", "b.png"], id="not recursive"),
        pytest.param({"include": ("*.png",)}, ["b.png", "z/a.png"], id="include by base name"),
        pytest.param({"include": ("x/*",)}, ["x/a.jpg", "x/y/c.jpg"], id="include by path"),
        pytest.param(
            {"include": ("b.*", "c.*")}, ["b.png", "x/y/c.jpg"], id="include: any of several"
        ),
        pytest.param({"exclude": ("a.*",)}, ["b.png", "x/y/c.jpg"], id="exclude by base name"),
        pytest.param({"exclude": ("x",)}, ["a.jpg", "b.png", "z/a.png"], id="exclude a folder"),
        pytest.param({"exclude": ("x/y",)}, ["a.jpg", "b.png", "x/a.jpg", "z/a.png"], id="deeper"),
        pytest.param(
            {"include": ("*.jpg",), "exclude": ("x/a.*",)}, ["a.jpg", "x/y/c.jpg"], id="both"
        ),
        pytest.param({"include": ("A.JPG",)}, ["a.jpg", "x/a.jpg"], id="include: any case"),
        pytest.param({"exclude": ("*.JPG",)}, ["b.png", "z/a.png"], id="exclude: any case"),
    ],
)
def test_options_choose(tmp_path: Path, options: dict[str, object], taken: list[str]) -> None:
    put(tmp_path, "a.jpg", "b.png", "x/a.jpg", "x/y/c.jpg", "z/a.png")
    assert names(tmp_path, DiscoveryOptions(**options)) == taken  # type: ignore[arg-type]


def test_several_paths_keep_their_order_and_their_names_apart(tmp_path: Path) -> None:
    put(tmp_path, "one/film.jpg", "two/film.jpg", "three.jpg")
    given = [str(tmp_path / name) for name in ("two", "three.jpg", "one")]
    discovery = discover(given, DiscoveryOptions())
    expected = [
        tmp_path / "two" / "film.jpg",
        tmp_path / "three.jpg",
        tmp_path / "one" / "film.jpg",
    ]
    assert [scan.name for scan in discovery.scans] == [str(path) for path in expected]


def test_a_file_given_twice_is_one_row(tmp_path: Path) -> None:
    put(tmp_path, "all/sub/film.jpg")
    given = [str(tmp_path / "all"), str(tmp_path / "all" / "sub"), str(tmp_path / "all")]
    assert len(discover(given, DiscoveryOptions()).scans) == 1


@pytest.mark.parametrize(
    ("given", "taken", "others"),
    [
        pytest.param(["a", "./a", "a/n.jpg"], ["a/n.jpg", "a/sub/m.jpg"], 1, id="spelt otherwise"),
        pytest.param(["a/sub/../n.jpg", "a/n.jpg"], ["a/sub/../n.jpg"], 0, id="by way of"),
        pytest.param(["a/sub", "link"], ["a/sub/m.jpg", "link/n.jpg"], 1, id="within a link"),
        pytest.param(["link", "a"], ["link/n.jpg", "link/sub/m.jpg"], 1, id="link to a folder"),
        pytest.param(["a/n.jpg", "n.jpg"], ["a/n.jpg", "n.jpg"], 0, id="link to a file"),
        pytest.param(
            ["a", "a/notes.txt"], ["a/n.jpg", "a/sub/m.jpg", "a/notes.txt"], 0, id="other, given"
        ),
    ],
)
def test_paths_that_overlap_give_each_film_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given, taken, others: int
) -> None:
    put(tmp_path, "a/n.jpg", "a/sub/m.jpg")
    put(tmp_path, "a/notes.txt", data=b"text")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "n.jpg").symlink_to("a/n.jpg")
    monkeypatch.chdir(tmp_path)
    discovery = discover(given, DiscoveryOptions())
    assert [scan.name for scan in discovery.scans] == taken
    assert discovery.other_files == others


def test_own_outputs_are_passed_over_when_given_too(tmp_path: Path) -> None:
    put(tmp_path, "out.html", "out.csv", data=b"x")
    put(tmp_path, "film.jpg")
    (tmp_path / "sub").mkdir()
    given = [str(path) for path in sorted(tmp_path.glob("*.*"))]  # as a shell does for *.*
    own = (tmp_path / "out.html", tmp_path / "sub" / ".." / "out.csv")
    discovery = discover(given, DiscoveryOptions(own_outputs=own))
    assert [scan.name for scan in discovery.scans] == [str(tmp_path / "film.jpg")]


def test_a_file_that_is_given_is_taken_whatever_its_name(tmp_path: Path) -> None:
    put(tmp_path, ".notes.txt", data=b"text")
    (scan,) = found(tmp_path / ".notes.txt").scans
    assert scan.name == scan.location == str(tmp_path / ".notes.txt")


def test_a_path_that_does_not_exist_is_an_error_of_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere: no such file or directory; check the path"):
        found(tmp_path / "nowhere")


def test_an_empty_path_is_an_error_of_use() -> None:
    with pytest.raises(UsageError, match="'': an empty path; give a folder or a file"):
        discover([""], DiscoveryOptions())


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        b"two words.jpg",
        b" leading.jpg",
        b'it\'s "quoted".jpg',
        b"line\nbreak.jpg",
        b"tab\tand\rreturn.jpg",
        b"=cmd|' .C calc'!A0.jpg",
        b"-rf.jpg",
        b"100%[ok]*?.jpg",
        b"back\\slash.jpg",
        "Thorax-Größe.jpg".encode(),
        "胸部 X 線.jpg".encode(),
        "e\u0301 and \u00e9.jpg".encode(),
        "\U0001fa7b\u202egpj.jpg".encode(),
        b"latin1-\xe9\xff.jpg",
        b"cut-\xf0\x9f.jpg",
        b"n" * 251 + b".jpg",
    ],
    ids=ascii,
)
def test_every_name_the_file_system_takes_is_found(tmp_path: Path, name: bytes) -> None:
    text = os.fsdecode(name)
    put(tmp_path, text, f"{text[:-4]}/{text}")
    assert sorted(names(tmp_path)) == sorted([text, f"{text[:-4]}/{text}"])
    for scan in found(tmp_path).scans:
        assert read_content(scan.location).data == JPEG


# --- links, special files, folders that cannot be listed ----------------------------------------


@pytest.mark.parametrize("target", [".", "..", "../..", "absolute"])
def test_a_link_back_up_ends(tmp_path: Path, target: str) -> None:
    put(tmp_path, "a/b/film.jpg")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path if target == "absolute" else target)
    assert names(tmp_path) == ["a/b/film.jpg"]


def test_links_to_files_and_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    put(tmp_path, "else/1.jpg")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "folder").symlink_to(tmp_path / "else")
    (tmp_path / "films" / "file.jpg").symlink_to(tmp_path / "else" / "1.jpg")
    assert names(tmp_path / "films") == ["file.jpg", "folder/1.jpg"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        pytest.param("nowhere.jpg", Reason.GONE, id="dangling"),
        pytest.param("link.jpg", Reason.IO_ERROR, id="to itself"),
    ],
)
def test_a_link_that_leads_nowhere_becomes_a_row(
    tmp_path: Path, target: str, reason: Reason
) -> None:
    (tmp_path / "link.jpg").symlink_to(target)
    (scan,) = found(tmp_path).scans
    assert (scan.name, scan.size_bytes) == ("link.jpg", 0)
    with pytest.raises(ScanError) as caught:
        read_content(scan.location)
    assert caught.value.reason is reason


def test_a_film_that_goes_after_the_listing_is_gone(tmp_path: Path) -> None:
    put(tmp_path, "film.jpg")
    (scan,) = found(tmp_path).scans
    (tmp_path / "film.jpg").unlink()
    with pytest.raises(ScanError) as caught:
        read_content(scan.location)
    assert caught.value.reason is Reason.GONE


@pytest.mark.parametrize("name", ["pipe.jpg", "pipe", "pipe.txt"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert found(tmp_path) == Discovery((), 1)


def test_a_socket_is_another_file(tmp_path: Path) -> None:
    place = tmp_path / "socket.jpg"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(place))  # the whole path may be too long for a socket
        assert found(tmp_path) == Discovery((), 1)


LOCKED = ["locked", "locked.2024", "locked.old"]  # by its name, a film, a DICOM UID, another file


@pytest.mark.parametrize("folder", LOCKED)
def test_a_folder_that_cannot_be_listed_becomes_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    put(tmp_path, f"{folder}/film.jpg", "other.jpg")
    whole = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        if os.path.basename(path) == folder:  # noqa: PTH119
            raise PermissionError(13, "Permission denied", path)
        return whole(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert found(tmp_path).other_files == 0
    assert names(tmp_path) == [folder, "other.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
@pytest.mark.parametrize("folder", LOCKED)
def test_a_folder_without_permission_becomes_a_row(tmp_path: Path, folder: str) -> None:
    put(tmp_path, f"{folder}/film.jpg", "other.jpg")
    (tmp_path / folder).chmod(0)
    try:
        scans = {scan.name: scan for scan in found(tmp_path).scans}
        with pytest.raises(ScanError) as caught:
            read_content(scans[folder].location)
    finally:
        (tmp_path / folder).chmod(0o700)
    assert set(scans) == {folder, "other.jpg"}
    assert caught.value.reason is Reason.PERMISSION


def test_a_given_folder_that_cannot_be_listed_is_an_error_of_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UsageError, match="permission denied; check that the folder is readable"):
        found(tmp_path)


def test_every_film_of_a_deep_tree_is_one_row(tmp_path: Path) -> None:
    expected = []
    folder = ""
    for depth in range(30):
        folder += f"d{depth}/"
        expected += [f"{folder}{index}.png" for index in range(5)]
    put(tmp_path, *expected, data=png_bytes(FILM))
    assert sorted(names(tmp_path)) == sorted(expected)
