"""Where a run's rows go: into a journal, from which the CSV is made, or straight to a stream."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TextIO

from xrayscan.clock import now
from xrayscan.incremental import (
    Plan,
    is_not_mounted,
    mounts,
    newly_gone,
    plan_run,
    rows_in_order,
    rows_of_others,
    without_films,
)
from xrayscan.intake.folders import Folder, unmounted
from xrayscan.journal.aside import move_aside
from xrayscan.journal.atomic import atomic_text
from xrayscan.journal.entries import Entry, Key, unnamed
from xrayscan.journal.journal import Journal
from xrayscan.journal.standard_output import standard_output
from xrayscan.records import Assessment, Command, Ending, Scan, Tally
from xrayscan.reporting.table import ModelIdentity, TableWriter
from xrayscan.reporting.worklist import Worklist
from xrayscan.scoring.decision import Decision


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What is recorded, and where.

    Attributes:
        table: the CSV; None for standard output.
        journal: beside it; None for streams.
        paths: the films' folders as given.
        folders: that the films were listed in.
        key: what rows come from tonight.
        decision: how films are called tonight.
        command: which one records.
        shard: which part of the films is taken, "" for all.
        fresh: assess every film anew.
        verify_content: compare the content of files.
    """

    table: Path | None
    journal: Path | None
    paths: tuple[str, ...]
    folders: Mapping[str, Folder]
    key: Key
    decision: Decision
    command: Command = Command.PREDICT
    shard: str = ""
    fresh: bool = False
    verify_content: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """A run's accounts.

    Attributes:
        tally: of all files found, those taken over included.
        taken_over: how many were.
        gone: rows of files that are there no more.
    """

    tally: Tally
    taken_over: int = 0
    gone: int = 0


class Record(Protocol):
    """Takes a run's rows."""

    @property
    def notes(self) -> Sequence[str]:
        """What was found amiss, and what was done about it, one sentence each."""

    @property
    def nights(self) -> Sequence[Mapping[str, Any]]:
        """What earlier runs told ``close_night``, oldest first."""

    def plan(self, scans: Sequence[Scan]) -> Plan:
        """Tell what has to be assessed."""

    def add(self, rows: Sequence[Assessment]) -> None:
        """Keep a batch; when this returns it is safe."""

    def close(
        self, scans: Sequence[Scan], worklist: Worklist, tally: Tally, ending: Ending
    ) -> Books:
        """Make the CSV final; rows that were taken over join the worklist."""

    def close_night(self, facts: Mapping[str, Any]) -> None:
        """Keep what later runs compare themselves with."""


@contextmanager
def open_record(options: RecordOptions, still_ours: Callable[[], None]) -> Iterator[Record]:
    """Open what takes the rows.

    Args:
        options: what and where.
        still_ours: raises XrayscanError when another run has taken over.

    Raises:
        XrayscanError: it cannot be written.
    """
    if options.journal is None:
        with standard_output() if options.table is None else atomic_text(options.table) as file:
            yield _StreamRecord(options, file)
        return
    record = _JournalRecord(options, options.journal, still_ours)
    try:
        yield record
    except BaseException as fault:
        if record.journal.has_films:
            fault.add_note(f"{options.journal} has the finished rows; run again to go on")
        raise
    finally:
        record.journal.close()


class _StreamRecord:
    """Rows as they come; nothing is taken over, and nothing can be later."""

    notes: Sequence[str] = ()
    nights: Sequence[Mapping[str, Any]] = ()

    def __init__(self, options: RecordOptions, file: TextIO) -> None:
        self._identity = _identity(options.key)
        self._writer = TableWriter(file, with_identifiers=options.key.with_identifiers)

    def plan(self, scans: Sequence[Scan]) -> Plan:
        return Plan(tuple(scans))

    def add(self, rows: Sequence[Assessment]) -> None:
        for row in rows:
            self._writer.write(row, self._identity)

    def close(
        self, scans: Sequence[Scan], worklist: Worklist, tally: Tally, ending: Ending
    ) -> Books:
        return Books(tally)

    def close_night(self, facts: Mapping[str, Any]) -> None:
        """Nothing stays of a stream."""


class _JournalRecord:
    """Rows in a journal, batch by batch; the CSV is made of it at the end."""

    def __init__(
        self, options: RecordOptions, journal: Path, still_ours: Callable[[], None]
    ) -> None:
        assert options.table is not None
        self._options = options
        self._table = options.table
        self._like = options.table  # whose permissions its successor gets
        self._still_ours = still_ours
        self._begun = time.time_ns()  # before any file is read; of tonight's rows alone
        self.journal = Journal(journal, options.paths, options.command, options.shard)
        self.notes = [*self.journal.notes, *self._unknown_table()]
        earlier = {path for night in self.nights for path in night.get("mounts", {})}
        self._folders = {**options.folders, **unmounted(sorted(earlier), options.folders)}

    def plan(self, scans: Sequence[Scan]) -> Plan:
        options = self._options
        if options.fresh:
            # earlier rows are superseded one by one: those of films that are gone, or that a run
            # which ends early does not reach, are all that is known of them
            plan = Plan(tuple(scans))
        else:
            plan = plan_run(scans, self.journal, options.key, verify_content=options.verify_content)
        empty = list(without_films(scans, self.journal, self._folders))
        missing = [folder for folder, _ in empty if is_not_mounted(folder, self.nights)]
        notes = (
            f"{folder.path}: no films there, where earlier runs found {count}; their rows are "
            f"kept; {'its share is not mounted' if folder in missing else 'is the share mounted?'}"
            for folder, count in empty
        )
        return Plan(plan.to_assess, (*plan.notes, *notes), bool(missing))

    def add(self, rows: Sequence[Assessment]) -> None:
        self._still_ours()
        self.journal.know(self._options.key)
        tonight = self._options.key.id
        self.journal.append([Entry(row, tonight, self._begun) for row in rows])

    def close(
        self, scans: Sequence[Scan], worklist: Worklist, tally: Tally, ending: Ending
    ) -> Books:
        self._still_ours()
        looked = ending is Ending.FINISHED
        if looked:
            self._mark_gone(scans)
        of_all = Tally(found=len(scans))
        taken_over = gone = 0
        digest = hashlib.sha256()
        with atomic_text(self._table, self._like) as file:
            writer = TableWriter(
                _Hashing(file, digest), with_identifiers=self._options.key.with_identifiers
            )
            for entry in rows_in_order(scans, self.journal, self._options.key):
                row = self._write(writer, entry)
                of_all.add(row, self._options.decision.positive)
                if entry.read_ns != self._begun:
                    taken_over += 1
                    worklist.add(row, None)
            for entry in rows_of_others(scans, self.journal):
                gone += bool(self._write(writer, entry).gone_since)
            self.journal.expect_output(self._table.name, digest.hexdigest())
        if looked:
            self._compact(scans)
        return Books(of_all, taken_over, gone)

    @property
    def nights(self) -> Sequence[Mapping[str, Any]]:
        return self.journal.runs

    def close_night(self, facts: Mapping[str, Any]) -> None:
        self.journal.close_run({**facts, "mounts": mounts(self._options.folders)})

    def _write(self, writer: TableWriter, entry: Entry) -> Assessment:
        model, tonight = _identity(self.journal.keys[entry.key]), _identity(self._options.key)
        # another model's probabilities are not for this one's threshold
        row = self._options.decision.of(entry.row) if model == tonight else entry.row
        writer.write(row, model)
        return row

    def _mark_gone(self, scans: Sequence[Scan]) -> None:
        """Keep in the journal which files are gone, and since when."""
        changed = newly_gone(scans, self.journal, self._folders, now())
        if changed:
            self.journal.append(changed)

    def _compact(self, scans: Sequence[Scan]) -> None:
        """Drop what is outdated; names at once where they are asked for no more."""
        named = self._options.key.with_identifiers
        once_named = any(key.with_identifiers for key in self.journal.keys.values())
        entries = chain(
            rows_in_order(scans, self.journal, self._options.key),
            rows_of_others(scans, self.journal),
        )
        self.journal.compact(
            entries if named else map(unnamed, entries), anyway=once_named and not named
        )

    def _unknown_table(self) -> list[str]:
        """Move a CSV aside that is not as the last run has left it."""
        try:
            known = self.journal.knows_output(self._table)
        except FileNotFoundError:
            return []
        if known:
            return []
        self._like = move_aside(self._table)
        return [f"{self._table}: changed since, or of another run; kept as {self._like.name}"]


class _Hashing:
    """A text file that takes a digest of what is written to it."""

    def __init__(self, file: TextIO, digest: hashlib._Hash) -> None:
        self._file = file
        self._digest = digest

    def write(self, text: str) -> int:
        self._digest.update(text.encode("utf-8"))
        return self._file.write(text)


def _identity(key: Key) -> ModelIdentity:
    return ModelIdentity(key.model, key.model_sha256)
