from __future__ import annotations

from pathlib import Path

import pytest

from xrayscan.errors import XrayscanError
from xrayscan.journal.atomic import atomic_text


def test_file_takes_its_name_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "out.csv"
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
