from __future__ import annotations

import errno
import hashlib
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.errors import XrayscanError
from xrayscan.journal.entries import Entry, Key, from_record, to_record
from xrayscan.journal.journal import Journal
from xrayscan.journal.lines import encode_line
from xrayscan.records import Assessment, Facts, Identifiers, Reason, Scan, Status, Zone

KEY = Key("fast", "ab" * 32, 1, "on", with_identifiers=False)
SCAN = Scan("a.jpg", "/films/a.jpg", 1234, 10**18)


def entry(name: str, probability: float | None = 0.5, key: Key = KEY) -> Entry:
    row = Assessment(replace(SCAN, name=name), Status.SCORED, probability=probability)
    return Entry(row, key.id, 10**18 + 5 * 10**9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "p.csv.journal"


def open_journal(path: Path, folder: str = "/films") -> Journal:
    journal = Journal(path, [folder])
    journal.know(KEY)
    return journal


def rows(path: Path) -> dict[str, float | None]:
    with closing(Journal(path, ["/films"])) as journal:
        return {each.row.scan.name: each.row.probability for each in journal.entries()}


# -- entries -------------------------------------------------------------------------------------

FULL = Entry(
    Assessment(
        Scan("\udcff/é.dcm", "/films/x", 3, 7),
        Status.UNREADABLE,
        reason=Reason.TRUNCATED,
        detail='ends, "early"\n',
        format="DICOM",
        width=3,
        height=4,
        sha256="cd" * 32,
        probability=0.0,
        threshold=0.5,
        label="NORMAL",
        zone=Zone.REVIEW,
        embedding_distance=0.25,
        assessed_at="2026-11-21T00:00:00+00:00",
        gone_since="2026-11-22T00:00:00+00:00",
        identifiers=Identifiers("A", "B", ""),
        facts=Facts(0.5, "F", "PA"),
    ),
    KEY.id,
    9,
)


@pytest.mark.parametrize(
    "given_entry",
    [FULL, entry("plain"), Entry(Assessment(SCAN, Status.VANISHED), "")],
    ids=["full", "scored", "bare"],
)
def test_entries_are_read_back_as_they_were(given_entry: Entry) -> None:
    assert from_record(to_record(given_entry)) == given_entry


@pytest.mark.parametrize(
    ("now", "key", "reason", "holds"),
    [
        pytest.param(SCAN, KEY, None, True, id="unchanged"),
        pytest.param(replace(SCAN, size_bytes=1), KEY, None, False, id="other size"),
        pytest.param(replace(SCAN, modified_ns=1), KEY, None, False, id="other time"),
        pytest.param(SCAN, replace(KEY, model_sha256="cd" * 32), None, False, id="other model"),
        pytest.param(SCAN, replace(KEY, preprocessing=2), None, False, id="other preprocessing"),
        pytest.param(SCAN, replace(KEY, admission="off"), None, False, id="other admission"),
        pytest.param(SCAN, KEY, Reason.TRUNCATED, True, id="damaged as before"),
        pytest.param(SCAN, KEY, Reason.IO_ERROR, False, id="the share failed"),
        pytest.param(SCAN, KEY, Reason.PERMISSION, False, id="permission may be there now"),
        pytest.param(SCAN, KEY, Reason.GROWING, False, id="was growing"),
        pytest.param(SCAN, KEY, Reason.DECODER, False, id="crashed"),
        pytest.param(SCAN, KEY, Reason.TOO_LARGE, False, id="limit may be another now"),
    ],
)
def test_when_a_row_holds(now: Scan, key: Key, reason: Reason | None, holds: bool) -> None:
    known = Entry(Assessment(SCAN, Status.UNREADABLE, reason), KEY.id)
    assert known.holds_for(now, key.id) is holds


@pytest.mark.parametrize(("after_s", "settled"), [(-1, False), (1.9, False), (2, True), (60, True)])
def test_what_was_changed_shortly_before_it_was_read_is_doubted(
    after_s: float, settled: bool
) -> None:
    read = SCAN.modified_ns + int(after_s * 1e9)
    assert Entry(Assessment(SCAN, Status.SCORED), KEY.id, read).is_settled is settled


# -- journal -------------------------------------------------------------------------------------


def test_the_last_entry_of_a_file_counts(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        journal.append([entry("a", 0.1), entry("b", 0.2)])
        journal.append([entry("a", 0.3)])
        found = journal.entry("a")
        assert found is not None
        assert found.row.probability == 0.3
        assert journal.entry("c") is None
        assert len(journal) == 2
        assert [each.row.scan.name for each in journal.entries(besides=["a", "z"])] == ["b"]
    assert rows(path) == {"b": 0.2, "a": 0.3}


@settings(max_examples=60)
@given(
    cut=st.integers(1, 2000), names=st.lists(st.text("abc", min_size=1), min_size=1, unique=True)
)
def test_a_cut_costs_what_was_cut_and_no_more(
    tmp_path_factory: pytest.TempPathFactory, cut: int, names: list[str]
) -> None:
    """Power fails while a batch is written: what was there before is whole."""
    path = tmp_path_factory.mktemp("cut") / "p.csv.journal"
    sizes = []
    with closing(open_journal(path)) as journal:
        for number, name in enumerate(names):
            journal.append([entry(name, number / 100)])
            sizes.append(path.stat().st_size)
    left = max(path.stat().st_size - cut, 0)
    os.truncate(path, left)
    whole = {
        name: i / 100
        for i, (name, size) in enumerate(zip(names, sizes, strict=True))
        if size <= left
    }
    assert rows(path) == whole
    with closing(open_journal(path)) as journal:
        assert journal.notes == []
        journal.append([entry("after", 0.9)])
    assert rows(path) == whole | {"after": 0.9}


def test_damage_in_the_middle_is_kept_aside_and_the_good_rows_go_on(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        journal.append([entry(name) for name in "abc"])
        journal.close_run({"night": 1})
        journal.expect_output("p.csv", "ef" * 32)
    damaged = path.read_bytes().replace(b'"name":"b"', b'"name":"B"')
    path.write_bytes(damaged)
    with closing(open_journal(path)) as journal:
        assert len(journal.notes) == 1
        assert "1 line damaged; kept as p.csv.journal.kept-" in journal.notes[0]
        assert journal.runs == [{"night": 1}]
        assert journal.keys == {KEY.id: KEY}
    assert sorted(rows(path)) == ["a", "c"]
    (aside,) = path.parent.glob("*.kept-*")
    assert aside.read_bytes() == damaged


def test_a_damaged_journal_stays_where_its_good_rows_find_no_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_journal(path)) as journal:
        journal.append([entry(name) for name in "abc"])
    damaged = path.read_bytes().replace(b'"name":"b"', b'"name":"B"')
    path.write_bytes(damaged)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(XrayscanError, match="no space left"):
            open_journal(path)
    assert path.read_bytes() == damaged
    assert list(path.parent.iterdir()) == [path]
    with closing(open_journal(path)) as journal:
        assert "the 2 good rows go on" in journal.notes[0]


OTHER = replace(KEY, admission="off")


def journal_of_two_keys(path: Path) -> list[bytes]:
    with closing(open_journal(path)) as journal:
        journal.append([entry("a")])
        journal.know(OTHER)
        journal.append([entry("b", key=OTHER)])
    return path.read_bytes().splitlines(keepends=True)


def test_rows_of_a_key_that_is_damaged_are_dropped(path: Path) -> None:
    """What they come from is not known: their films are assessed again."""
    lines = journal_of_two_keys(path)
    lines[3] = lines[3].replace(b"off", b"OFF")
    path.write_bytes(b"".join(lines))
    with closing(Journal(path, ["/films"])) as journal:
        assert "1 line damaged; kept as" in journal.notes[0]
        assert "the 1 good row goes on" in journal.notes[0]
        assert [each.row.scan.name for each in journal.entries()] == ["a"]
        assert journal.keys == {KEY.id: KEY}
    assert rows(path) == {"a": 0.5}


def test_rows_of_a_key_that_is_missing_are_dropped(path: Path) -> None:
    lines = journal_of_two_keys(path)
    path.write_bytes(b"".join(lines[:3] + lines[4:]))
    with closing(Journal(path, ["/films"])) as journal:
        assert "lines are missing; kept as" in journal.notes[0]
        assert journal.holds(entry("a").row.scan, KEY.id)
        assert not journal.holds(entry("b").row.scan, OTHER.id)
    assert rows(path) == {"a": 0.5}


def test_where_no_row_goes_on_there_is_nothing_to_go_on_from(path: Path) -> None:
    lines = journal_of_two_keys(path)
    path.write_bytes(b"".join([lines[0], *lines[4:]]))
    with closing(Journal(path, ["/films"])) as journal:
        assert not journal.has_films
    with closing(open_journal(path)) as journal:
        journal.append([entry("a")])
    with closing(open_journal(path, "/elsewhere")) as journal:
        assert not journal.has_films


@pytest.mark.parametrize(
    "content",
    [b"\0" * 4096, b"dear diary\n" * 9, os.urandom(999) + b"\nx\n"],
    ids=["zeros", "text", "noise"],
)
def test_what_is_no_journal_is_kept_aside(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with closing(open_journal(path)) as journal:
        journal.append([entry("a")])
    assert rows(path) == {"a": 0.5}
    assert [each.read_bytes() for each in path.parent.glob("*.kept-*")] == [content]
    assert path.stat().st_mode & 0o777 == 0o600


def test_results_of_other_folders_are_kept_aside(path: Path) -> None:
    with closing(open_journal(path, "/elsewhere")) as journal:
        journal.append([entry("a")])
    with closing(open_journal(path)) as journal:
        assert "holds results of other folders; kept as" in journal.notes[0]
        assert len(journal) == 0
        assert journal.runs == []
    assert len(list(path.parent.glob("*.kept-*"))) == 1


def test_results_of_another_part_are_kept_aside(path: Path) -> None:
    with closing(Journal(path, ["/films"], shard="1/2")) as journal:
        journal.know(KEY)
        journal.append([entry("a")])
    with closing(Journal(path, ["/films/"], shard="1/2")) as journal:
        assert (journal.notes, len(journal)) == ([], 1)
    with closing(Journal(path, ["/films"], shard="2/2")) as journal:
        assert "holds results of another part of the films (--shard); kept" in journal.notes[0]
    with closing(open_journal(path)) as journal:
        assert "holds results of another part" in journal.notes[0]
        journal.append([entry("a")])
    assert rows(path) == {"a": 0.5}


def test_several_folders_of_a_journal_that_does_not_say_where_they_were_spelt(path: Path) -> None:
    header = {"schema": 1, "command": "predict", "paths": ["x", "y"]}
    path.write_bytes(encode_line({"xrayscan_journal": header}))
    with closing(Journal(path, ["x", "y"])) as journal:
        assert journal.notes == []


def test_a_part_s_journal_of_the_first_form_is_kept_aside(path: Path) -> None:
    """It held the part among the paths, and a relative path as text."""
    Journal(path, ["films", "shard 1/2"]).close()
    with closing(Journal(path, ["films"], shard="1/2")) as journal:
        assert "holds results of other folders; kept as" in journal.notes[0]


@pytest.mark.parametrize("spelt", ["/films/", "/films/.", "/x/../films"])
def test_a_folder_is_the_same_however_it_is_spelt(path: Path, spelt: str) -> None:
    with closing(open_journal(path)) as journal:
        journal.append([entry("a")])
    with closing(open_journal(path, spelt)) as journal:
        assert journal.notes == []
        assert len(journal) == 1


def test_outdated_lines_are_dropped_once_they_are_many(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        for number in range(10):
            journal.append([entry(name, number / 10) for name in "ab"])
        before = path.stat().st_size
        journal.compact(list(journal.entries()))
        journal.append([entry("c", 0.7)])
        assert path.stat().st_size < before / 3
    assert rows(path) == {"a": 0.9, "b": 0.9, "c": 0.7}


def test_a_journal_written_anew_keeps_its_permissions_and_follows_no_link(path: Path) -> None:
    victim = path.with_name("somebody's")
    victim.write_text("own")
    path.with_name(f".{path.name}.new").symlink_to(victim)  # its name was foreseen once
    with closing(open_journal(path)) as journal:
        path.chmod(0o600)
        journal.append([entry("a")])
        journal.compact(list(journal.entries()), anyway=True)
    assert victim.read_text() == "own"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_without_outdated_lines_stays_as_it_is(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        journal.append([entry(name) for name in "abcdefgh"])
        before = path.read_bytes()
        journal.compact(list(journal.entries()))
    assert path.read_bytes() == before


@pytest.mark.parametrize("partly", [0, 40], ids=["nothing", "half a line"])
def test_a_full_disk_costs_the_batch_in_hand(
    path: Path, monkeypatch: pytest.MonkeyPatch, partly: int
) -> None:
    with closing(open_journal(path)) as journal:
        journal.append([entry("a", 0.1)])

        class Full:
            def write(self, text: memoryview) -> int:
                if partly:
                    with path.open("ab") as file:
                        file.write(bytes(text[:partly]))
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(journal, "_writer", Full())
        with pytest.raises(XrayscanError, match="no space left"):
            journal.append([entry("b")])
    assert rows(path) == {"a": 0.1}


def test_outputs_are_known_by_what_was_written_last_or_before(path: Path, tmp_path: Path) -> None:
    table = tmp_path / "p.csv"
    table.write_bytes(b"second")
    hashes = [hashlib.sha256(text).hexdigest() for text in (b"first", b"second", b"third", b"4th")]
    known = []
    with closing(open_journal(path)) as journal:
        for each in hashes:
            journal.expect_output("p.csv", each)
            known.append(journal.knows_output(table))
    assert known == [False, True, True, False]
