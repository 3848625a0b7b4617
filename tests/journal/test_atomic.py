from __future__ import annotations

import errno
import os
import stat
from contextlib import nullcontext
from pathlib import Path

import pytest

from xrayscan.errors import XrayscanError
from xrayscan.journal import atomic
from xrayscan.journal.atomic import (
    atomic_text,
    check_writable,
    is_stream,
    sync_tree,
    write_bytes,
)


def test_file_takes_its_name_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "out.csv"
    with atomic_text(target) as file:
        file.write("one\r\n")
        assert not target.exists()
    assert target.read_bytes() == b"one\r\n"
    assert [path.name for path in target.parent.iterdir()] == ["out.csv"]


def test_fault_while_writing_keeps_the_earlier_file(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("of yesterday")
    with pytest.raises(ZeroDivisionError), atomic_text(target) as file:
        file.write(f"half of tod{1 / 0}")
    assert target.read_text() == "of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("fault", [errno.EINVAL, errno.EBADF, errno.EIO])
def test_a_share_that_syncs_files_but_no_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    sync = os.fsync

    def of_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(fault, os.strerror(fault))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files)
    fails = pytest.raises(XrayscanError, match="cannot be written") if fault == errno.EIO else None
    with fails or nullcontext(), atomic_text(tmp_path / "out.csv") as file:
        file.write("whole")
    assert (tmp_path / "out.csv").read_text() == "whole"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("folder", "directory", id="a folder is in the way"),
        pytest.param("file/out.csv", "exists", id="its folder is a file"),
    ],
)
def test_unwritable_target_is_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    target = tmp_path / name
    with pytest.raises(XrayscanError, match=words) as caught, atomic_text(target) as file:
        file.write("x")
    assert str(target) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_processes_of_one_number_do_not_share_a_temporary(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with atomic_text(target) as first, atomic_text(target) as second:
        first.write("one")
        second.write("two")
    assert target.read_text() == "one", "the last to end"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with atomic_text(tmp_path / "out.csv"):
        pass
    assert (tmp_path / "out.csv").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664], ids=oct)
def test_permissions_of_the_earlier_file_stay(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "out.csv"
    target.touch()
    target.chmod(mode)
    with atomic_text(target) as file:
        (half_written,) = (path for path in tmp_path.iterdir() if path != target)
        assert stat.S_IMODE(half_written.stat().st_mode) == mode
        file.write("of today")
    assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.parametrize("exists", [True, False], ids=["to a file", "dangling"])
def test_a_link_stays_and_its_file_is_renewed(tmp_path: Path, exists: bool) -> None:
    (tmp_path / "there").mkdir()
    if exists:
        (tmp_path / "there" / "real.csv").write_text("of yesterday")
    (tmp_path / "out.csv").symlink_to("there/real.csv")
    with atomic_text(tmp_path / "out.csv") as file:
        file.write("new")
    assert (tmp_path / "out.csv").is_symlink()
    assert (tmp_path / "there" / "real.csv").read_text() == "new"
    assert len(list((tmp_path / "there").iterdir())) == 1


def test_a_pipe_is_written_straight_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with atomic_text(pipe) as file:
        file.write("one")
    assert os.read(reader, 10) == b"one"
    os.close(reader)
    assert is_stream(pipe)
    assert not is_stream(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A device that is always full; of our own, as root could lose the system's by a defect."""
    try:
        os.mknod(tmp_path / "full", stat.S_IFCHR | 0o666, os.makedev(1, 7))
        (tmp_path / "full").open("w").close()
    except OSError:
        pytest.skip("needs the right to make a device")
    return tmp_path / "full"


def test_a_device_is_written_straight_to(full: Path) -> None:
    check_writable(full)
    with (
        pytest.raises(XrayscanError, match=r"full: cannot be written \(no space left"),
        atomic_text(full) as file,
    ):
        file.write("x")
    assert is_stream(full)
    assert [path.name for path in full.parent.iterdir()] == ["full"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("out.csv", "", id="new"),
        pytest.param("new/folder/out.csv", "", id="in a new folder"),
        pytest.param("file", "", id="in place of a file"),
        pytest.param("file/out.csv", "not a directory", id="its folder is a file"),
        pytest.param("n" * 300, "too long", id="long name"),
    ],
)
def test_check_writable(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_text("of yesterday")
    if words:
        with pytest.raises(XrayscanError, match=words):
            check_writable(tmp_path / name)
    else:
        check_writable(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "of yesterday"


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_check_writable_in_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(XrayscanError, match="permission denied"):
        check_writable(tmp_path / "out.csv")
    tmp_path.chmod(0o700)


def test_a_whole_folder_is_made_lasting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files before the folders that name them."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep.txt").write_text("x")
    (tmp_path / "top.txt").write_text("x")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    sync_tree(tmp_path)
    inodes = {path.name: path.stat().st_ino for path in tmp_path.rglob("*")}
    assert set(synced[:2]) == {inodes["deep.txt"], inodes["top.txt"]}
    assert set(synced[2:-1]) == {inodes["a"], inodes["b"]}
    assert synced[-1] == tmp_path.stat().st_ino


def test_bytes_are_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    write_bytes(path, b"first")
    assert path.read_bytes() == b"first"

    def full(earlier: Path, new: Path) -> None:
        new.write_bytes(b"se")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "keep_permissions", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"second")
    assert path.read_bytes() == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["a.jpg"]
