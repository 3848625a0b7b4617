from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from xrayscan.errors import LockedError
from xrayscan.incremental import Plan, newly_gone, rows_of_others
from xrayscan.intake.folders import Folder
from xrayscan.journal.entries import Entry, Key
from xrayscan.journal.journal import Journal
from xrayscan.recording import Books, Record, RecordOptions, open_record
from xrayscan.records import Assessment, Ending, Identifiers, Reason, Scan, Status, Tally
from xrayscan.reporting.rows import FIELDS
from xrayscan.reporting.worklist import Worklist
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.thresholds import ZoneLimits

KEY = Key("some", "0" * 64, 1, "on", with_identifiers=False)
DECISION = Decision(0.5, ZoneLimits(0.2, 0.8), "PNEUMONIA", "NORMAL")
SCANS = tuple(Scan(name, name, 1, 1) for name in "abcd")


def recorded(
    folder: Path, names: str, *, fresh: bool = False, key: Key = KEY
) -> tuple[Books, Worklist]:
    """A run that is stopped when these films are recorded, each in a batch of its own."""
    options = RecordOptions(
        folder / "p.csv", folder / "p.journal", (str(folder),), {}, key, DECISION, fresh=fresh
    )
    worklist = Worklist(DECISION.positive, 10)
    with open_record(options, lambda: None) as record:
        for scan in record.plan(SCANS).to_assess:
            if scan.name in names:
                row = Assessment(scan, Status.SCORED, probability=0.7)
                record.add([row])
                worklist.add(row, None)
        return record.close(SCANS, worklist, Tally(), Ending.STOPPED), worklist


def listed(worklist: Worklist) -> str:
    return "".join(sorted(json.loads(row)[FIELDS.index("path")] for row in worklist.rows()))


@pytest.mark.parametrize("names", ["", "ab", "acd", "d", "abcd"])
def test_a_film_is_in_the_worklist_once_whatever_a_cluster_left_out(
    tmp_path: Path, names: str
) -> None:
    """Of what a cluster has in hand when a run is stopped, only what is done comes back."""
    books, worklist = recorded(tmp_path, names)
    assert (books.tally.accounted, books.taken_over) == (len(names), 0)
    assert listed(worklist) == names


@pytest.mark.parametrize("names", ["", "ab", "acd", "d", "abcd"])
def test_films_that_were_left_out_keep_their_rows_of_earlier_runs(
    tmp_path: Path, names: str
) -> None:
    recorded(tmp_path, "abcd")
    books, worklist = recorded(tmp_path, names, fresh=True)
    assert (books.tally.accounted, books.taken_over) == (4, 4 - len(names))
    assert listed(worklist) == "abcd"


def test_what_a_stopped_run_did_not_reach_stays_known_by_its_earlier_model(tmp_path: Path) -> None:
    """It is all that is known of the film, should it be gone by the next run."""
    recorded(tmp_path, "abcd")
    recorded(tmp_path, "abc", key=replace(KEY, model="other"))
    with closing(Journal(tmp_path / "p.journal", (str(tmp_path),))) as journal:
        models = {each.row.scan.name: journal.keys[each.key].model for each in journal.entries()}
    assert models == {"a": "other", "b": "other", "c": "other", "d": "some"}


def test_what_cannot_be_compared_is_assessed_again(tmp_path: Path) -> None:
    """None of these files is there to be read."""
    recorded(tmp_path, "abcd")
    options = RecordOptions(
        tmp_path / "p.csv", tmp_path / "p.journal", (str(tmp_path),), {}, KEY, DECISION
    )
    for verified, again in ((False, ()), (True, SCANS)):
        with open_record(replace(options, verify_content=verified), lambda: None) as record:
            assert record.plan(SCANS) == Plan(again)


def test_a_folder_without_films_is_no_news_where_it_never_had_any(tmp_path: Path) -> None:
    path = str(tmp_path)
    folders = {path: Folder(path, None, "/", ())}
    options = RecordOptions(
        tmp_path / "p.csv", tmp_path / "p.journal", (path,), folders, KEY, DECISION
    )
    with open_record(options, lambda: None) as record:
        assert record.plan(()) == Plan(())


@pytest.mark.parametrize("others", [False, True], ids=["a note alone", "films"])
def test_films_are_gone_where_others_of_their_folder_are_there(
    tmp_path: Path, others: bool
) -> None:
    """A note may stand where a share is mounted."""
    note = tmp_path / "note"
    note.touch()
    path = str(tmp_path)
    stat = tmp_path.stat()
    films = (Scan("note", str(note), 0, 1),) * others
    folder = Folder(path, (stat.st_dev, stat.st_ino), "/", films)
    row = Assessment(Scan("a", str(tmp_path / "a"), 1, 1), Status.SCORED)
    with closing(Journal(tmp_path / "p.journal", (path,))) as journal:
        journal.append([Entry(row, KEY.id)])
        gone = newly_gone((), journal, {path: folder}, "today")
    assert [entry.row.gone_since for entry in gone] == ["today"] * others


@pytest.mark.parametrize(
    ("reason", "stays"),
    [(None, True), (Reason.DAMAGED, True), (Reason.PERMISSION, False), (Reason.IO_ERROR, False)],
)
def test_of_rows_where_a_folder_is_only_that_of_a_folder_ends(
    tmp_path: Path, reason: Reason | None, stays: bool
) -> None:
    """A film whose name a folder has taken keeps its row, as one that is gone does."""
    row = Assessment(Scan("a", str(tmp_path), 1, 1), Status.UNREADABLE, reason)
    with closing(Journal(tmp_path / "p.journal", (str(tmp_path),))) as journal:
        journal.append([Entry(row, KEY.id)])
        assert list(rows_of_others((), journal)) == [Entry(row, KEY.id)] * stays


@pytest.mark.parametrize("listed", [SCANS[:1], ()], ids=["one of them", "none"])
def test_names_leave_the_journal_with_the_first_run_that_does_not_ask_for_them(
    tmp_path: Path, listed: tuple[Scan, ...]
) -> None:
    """Of films that it does not list as well, however few of its lines are outdated."""
    for named, scans in ((True, SCANS), (False, listed)):
        key = replace(KEY, with_identifiers=named)
        options = RecordOptions(
            tmp_path / "p.csv", tmp_path / "p.journal", (str(tmp_path),), {}, key, DECISION
        )
        with open_record(options, lambda: None) as record:
            who = Identifiers("Doe^Jane" if named else "")
            record.add([Assessment(each, Status.SCORED, identifiers=who) for each in scans])
            record.close(scans, Worklist(DECISION.positive, 10), Tally(), Ending.FINISHED)
        held = [b"Doe" in path.read_bytes() for path in sorted(tmp_path.iterdir())]
        assert held == [named, named], "CSV and journal"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(
            lambda record: record.add([Assessment(SCANS[3], Status.SCORED, probability=0.7)]),
            id="a batch",
        ),
        pytest.param(
            lambda record: record.close(
                SCANS[:1], Worklist(DECISION.positive, 10), Tally(), Ending.FINISHED
            ),
            id="its end",
        ),
    ],
)
def test_where_another_run_has_taken_over_nothing_is_written(
    tmp_path: Path, act: Callable[[Record], object]
) -> None:
    recorded(tmp_path, "ab")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def no_more() -> None:
        raise LockedError("taken over")

    options = RecordOptions(
        tmp_path / "p.csv", tmp_path / "p.journal", (str(tmp_path),), {}, KEY, DECISION
    )
    with pytest.raises(LockedError, match="taken over"), open_record(options, no_more) as record:
        act(record)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_was_written_just_before_a_run_is_unsettled_however_late_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can have changed since it was read, within the grain of its file's time."""
    scan = Scan("a", "a", 1, time.time_ns())
    options = RecordOptions(
        tmp_path / "p.csv", tmp_path / "p.journal", (str(tmp_path),), {}, KEY, DECISION
    )
    with open_record(options, lambda: None) as record:
        record.plan([scan])
        later = time.time_ns() + 60 * 10**9
        monkeypatch.setattr(time, "time_ns", lambda: later)
        record.add([Assessment(scan, Status.SCORED, probability=0.7)])
    journal = Journal(tmp_path / "p.journal", (str(tmp_path),))
    entry = journal.entry("a")
    journal.close()
    assert entry is not None
    assert not entry.is_settled
