"""Whether a folder is still the one whose films were listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xrayscan.intake.discover import DiscoveryOptions, discover
from xrayscan.intake.folders import folder_of, listed_folders


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    for name in ("a/1.png", "a/b/2.png", "a/c/3.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")
    return tmp_path / "a"


def listed(*paths: Path) -> dict[str, list[str]]:
    given = list(map(str, paths))
    folders = listed_folders(given, discover(given, DiscoveryOptions()).scans)
    return {
        Path(path).name: [Path(scan.location).name for scan in folder.scans]
        for path, folder in folders.items()
    }


def test_a_film_is_of_the_nearest_folder_that_was_given(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listed(scans) == {"a": ["1.png", "2.png", "3.png"]}
    assert listed(scans, scans / "b") == {"a": ["1.png", "3.png"], "b": ["2.png"]}
    assert listed(scans / "1.png", scans / "b" / "..") == {"a": ["1.png", "2.png", "3.png"]}
    assert listed(scans / "b" / "2.png") == {"b": ["2.png"]}
    monkeypatch.chdir(scans)
    assert listed(Path()) == {"a": ["1.png", "2.png", "3.png"]}
    assert folder_of("/nowhere/film.png", [str(scans)]) is None


def test_a_share_that_is_mounted_below_a_folder_is_one_of_its_own(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) in ("/", str(scans / "b")))
    assert listed(scans) == {"a": ["1.png", "2.png", "3.png"], "b": ["2.png"]}
    monkeypatch.chdir(scans)
    assert listed(Path()) == {"a": ["1.png", "2.png", "3.png"], "b": ["2.png"]}


def swap(scans: Path, *names: str) -> None:
    """Put another folder in the place of this one, with files of these names."""
    scans.rename(scans.parent / "away")
    scans.mkdir()
    for name in names:
        (scans / name).write_bytes(b"film")


def replace_all(scans: Path, *names: str) -> None:
    """Put other files, or none, into the folder itself."""
    (scans.parent / "on").mkdir()
    for path in list(scans.iterdir()):
        path.rename(scans.parent / "on" / path.name)
    for name in names:
        (scans / name).write_bytes(b"film")


@pytest.mark.parametrize(
    ("act", "lost"),
    [
        pytest.param(lambda scans: None, False, id="as it was"),
        pytest.param(lambda scans: (scans / "1.png").unlink(), False, id="a film less"),
        pytest.param(lambda scans: replace_all(scans, "new.png"), False, id="all films moved on"),
        pytest.param(lambda scans: replace_all(scans), True, id="emptied"),
        pytest.param(lambda scans: scans.rename(scans.parent / "z"), True, id="nothing there"),
        pytest.param(lambda scans: swap(scans), True, id="mount point"),
        pytest.param(lambda scans: swap(scans, "readme"), True, id="mount point with a note"),
        pytest.param(lambda scans: swap(scans, "1.png"), False, id="put there anew"),
    ],
)
def test_when_a_folder_is_lost(scans: Path, act: Callable[[Path], object], lost: bool) -> None:
    given = [str(scans)]
    (folder,) = listed_folders(given, discover(given, DiscoveryOptions()).scans).values()
    act(scans)
    assert folder.is_lost() is lost


def test_an_inode_number_that_changes_says_nothing_by_itself(scans: Path) -> None:
    """Some network file systems make them up anew each time."""
    given = [str(scans)]
    (folder,) = listed_folders(given, discover(given, DiscoveryOptions()).scans).values()
    assert not replace(folder, identity=(0, 0)).is_lost()
