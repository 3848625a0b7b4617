"""What goes wrong around a run, and what comes of it: one table of faults of files and of disks."""

from __future__ import annotations

import builtins
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.test_incremental import FILMS, put, run, scans, table, values
from xrayscan.errors import XrayscanError
from xrayscan.journal.journal import Journal

__all__ = ["scans"]  # the fixture

Patch = pytest.MonkeyPatch


def fail_reading(patch: Patch, name: str, number: int, times: int) -> None:
    """Opening a film fails so many times with an error of the system."""
    left = times

    def opening(path: str, mode: str = "r", *rest: Any, **further: Any) -> Any:
        nonlocal left
        if str(path).endswith(name) and left:
            left -= 1
            raise OSError(number, os.strerror(number))
        return builtins.open(path, mode, *rest, **further)  # noqa: PTH123

    patch.setattr("xrayscan.intake.read.open", opening, raising=False)
    patch.setattr("xrayscan.intake.read.RETRY_AFTER_S", (0.01, 0.01))


def between(patch: Patch, act: Callable[[], object]) -> None:
    """Something happens after the films were listed and before they are read."""
    from xrayscan.job import options as job_options
    from xrayscan.job import run as job

    found = job_options.find_scans

    def listing(options: Any) -> Any:
        discovery = found(options)
        act()
        return discovery

    patch.setattr(job, "find_scans", listing)


def within(patch: Patch, act: Callable[[], object]) -> None:
    """Something happens between a film's check and its reading."""
    from xrayscan.intake import read
    from xrayscan.reading import scans

    original = read.check_settled

    def checking(scan: Any, min_age: float) -> None:
        original(scan, min_age)
        if scan.name == "b.jpg":
            act()

    patch.setattr(scans, "check_settled", checking)


ALWAYS = 10**6
FILE_FAULTS = [
    pytest.param(lambda p, b: fail_reading(p, "b.jpg", errno.EIO, 1), "scored", "", id="EIO once"),
    pytest.param(lambda p, b: fail_reading(p, "b.jpg", errno.EIO, 2), "scored", "", id="EIO twice"),
    pytest.param(
        lambda p, b: fail_reading(p, "b.jpg", errno.EIO, ALWAYS), "unreadable", "io_error", id="EIO"
    ),
    pytest.param(
        lambda p, b: fail_reading(p, "b.jpg", errno.ESTALE, 1), "scored", "", id="ESTALE once"
    ),
    pytest.param(
        lambda p, b: fail_reading(p, "b.jpg", errno.ESTALE, ALWAYS), "vanished", "gone", id="ESTALE"
    ),
    pytest.param(
        lambda p, b: fail_reading(p, "b.jpg", errno.EACCES, ALWAYS),
        "unreadable",
        "permission",
        id="EACCES",
    ),
    pytest.param(lambda p, b: between(p, b.unlink), "vanished", "gone", id="vanishes"),
    pytest.param(
        lambda p, b: between(p, lambda: b.open("ab").write(b"more")),
        "vanished",
        "growing",
        id="grows",
    ),
    pytest.param(
        lambda p, b: between(p, lambda: os.truncate(b, 900)), "vanished", "growing", id="shrinks"
    ),
    pytest.param(
        lambda p, b: within(p, lambda: os.truncate(b, 900)),
        "vanished",
        "growing",
        id="shrinks while it is read",
    ),
    pytest.param(
        lambda p, b: between(p, lambda: (b.unlink(), b.mkdir())),
        "vanished",
        "growing",
        id="becomes a folder",
    ),
]


@pytest.mark.parametrize(("fault", "status", "reason"), FILE_FAULTS)
def test_a_fault_of_one_file_stays_with_it(
    scans: Path, monkeypatch: Patch, fault: Callable[[Patch, Path], None], status: str, reason: str
) -> None:
    with monkeypatch.context() as patch:
        fault(patch, scans / "b.jpg")
        found = run(scans)
    assert list(found.rows) == list(FILMS)
    row = found.rows["b.jpg"]
    assert (row["status"], row["reason"]) == (status, reason)
    assert {found.rows[name]["status"] for name in FILMS if name != "b.jpg"} == {"scored"}


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.ESTALE, errno.EACCES], ids=["EIO", "ESTALE", "EACCES"]
)
def test_what_passes_is_tried_again_by_the_next_run(
    scans: Path, monkeypatch: Patch, number: int
) -> None:
    with monkeypatch.context() as patch:
        fail_reading(patch, "b.jpg", number, ALWAYS)
        run(scans)
    healed = run(scans)
    assert healed.assessed == ["b.jpg"]
    assert healed.rows["b.jpg"]["status"] == "scored"


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def journal_is_full(patch: Patch, after: int) -> None:
    written = 0
    original = Journal.append

    def append(self: Journal, entries: Any) -> None:
        nonlocal written
        if written >= after:
            patch.setattr(self, "_writer", type("Full", (), {"write": full})())
        written += 1
        original(self, entries)

    patch.setattr(Journal, "append", append)


DISK_FAULTS = [
    pytest.param(lambda p: journal_is_full(p, 0), [], id="full at the first batch"),
    pytest.param(lambda p: journal_is_full(p, 1), ["a.jpg", "b.jpg"], id="full at the second"),
    pytest.param(
        lambda p: p.setattr("xrayscan.journal.atomic.os.fsync", full),
        [],
        id="full from the beginning",
    ),
    pytest.param(
        lambda p: p.setattr("xrayscan.job.run.write_run_record", full), list(FILMS), id="run record"
    ),
]


@pytest.mark.parametrize(("fault", "kept"), DISK_FAULTS)
def test_a_full_disk_costs_no_more_than_the_batch_in_hand(
    scans: Path, monkeypatch: Patch, fault: Callable[[Patch], None], kept: list[str]
) -> None:
    with monkeypatch.context() as patch:
        fault(patch)
        with pytest.raises((XrayscanError, OSError), match=r"(?i)no space left"):
            run(scans)
    assert not list(scans.parent.glob(".*")), "nothing half written stays"
    rest = run(scans)
    assert rest.assessed == [name for name in FILMS if name not in kept]
    assert list(rest.rows) == list(FILMS)


def test_a_full_disk_at_the_end_leaves_the_csv_of_the_night_before(
    scans: Path, monkeypatch: Patch
) -> None:
    before = run(scans)
    put(scans / "e.jpg", 9)
    with monkeypatch.context() as patch:
        patch.setattr("xrayscan.recording.atomic_text", full)
        with pytest.raises(OSError, match="No space"):
            run(scans)
    assert table(scans.parent / "p.csv") == before.rows
    after = run(scans)
    assert after.assessed == []
    assert list(after.rows) == ["a.jpg", "b.jpg", "c.jpg", "e.jpg", "sub/d.jpg"]


def test_a_damaged_journal_costs_its_damaged_rows(scans: Path) -> None:
    whole = run(scans)
    journal = scans.parent / "p.csv.journal"
    journal.write_bytes(journal.read_bytes().replace(b'"name":"b.jpg"', b'"name":"B.jpg"'))
    again = run(scans)
    assert again.assessed == ["b.jpg"]
    assert "1 line damaged; kept as p.csv.journal.kept-" in again.said[0]
    assert values(again) == values(whole)


def test_a_journal_whose_key_is_damaged_costs_the_rows_of_that_key(scans: Path) -> None:
    whole = run(scans)
    journal = scans.parent / "p.csv.journal"
    journal.write_bytes(journal.read_bytes().replace(b'{"key":{"model"', b'{"key":{"MODEL"'))
    again = run(scans)
    assert again.assessed == list(FILMS)
    assert "1 line damaged; kept as p.csv.journal.kept-" in again.said[0]
    assert values(again) == values(whole)


def test_a_missing_share_is_one_sentence_and_changes_nothing(scans: Path) -> None:
    run(scans)
    before = {path.name: path.read_bytes() for path in scans.parent.iterdir() if path.is_file()}
    scans.rename(scans.parent / "away")
    with pytest.raises(XrayscanError, match="no such file"):
        run(scans)
    after = {path.name: path.read_bytes() for path in scans.parent.iterdir() if path.is_file()}
    assert after == before


def test_a_model_folder_that_is_damaged_is_one_sentence_and_changes_nothing(scans: Path) -> None:
    run(scans)
    model = scans.parent / "model"
    model.mkdir()
    (model / "card.json").write_text("{")
    before = (scans.parent / "p.csv").read_bytes()
    put(scans / "e.jpg", 9)
    with pytest.raises(XrayscanError, match=r"card\.json: cannot be read"):
        run(scans, model=str(model))
    assert (scans.parent / "p.csv").read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no full device here")
def test_a_device_that_is_full_is_one_sentence(scans: Path) -> None:
    with pytest.raises(XrayscanError, match="no space left"):
        run(scans, csv=Path("/dev/full"))
