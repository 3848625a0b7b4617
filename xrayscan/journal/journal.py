"""What a run has finished, on the disk batch by batch; what the next run goes on from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from xrayscan.errors import XrayscanError
from xrayscan.journal.aside import move_aside
from xrayscan.journal.atomic import (
    keep_permissions,
    sync_folder,
    temporary_beside,
    unwritable,
)
from xrayscan.journal.entries import Entry, Key, from_record, to_record
from xrayscan.journal.index import Index
from xrayscan.journal.lines import decode_line, encode_line
from xrayscan.records import Command, Scan
from xrayscan.wording import counted

SUFFIX = ".journal"
_SCHEMA = 1
# A line is one of these: what the journal is of, what rows come from, a file's entry, a run's
# closing, an output's hash.
_HEADER, _KEY, _FILM, _RUN, _OUTPUT = "xrayscan_journal", "key", "film", "run", "output"
_FAULTS = (KeyError, TypeError, ValueError)


class Journal:
    """An append-only file of checksummed lines, of which the last one about a file counts.

    In memory it holds numbers for each file, not its row: rows are read back when they are needed.

    Attributes:
        path: where it lies.
        notes: what was found amiss when it was opened and what was done about it, in words.
        keys: by their ids, what rows come from.
        has_films: whether there is anything to go on from.
        runs: the closings of earlier runs, oldest first.
    """

    def __init__(
        self,
        path: Path,
        paths: Sequence[str],
        command: Command = Command.PREDICT,
        shard: str = "",
    ) -> None:
        """Open a journal, or begin one.

        A last line that is cut is what an interrupted run was writing: it is dropped. Where other
        lines are damaged, the file is moved aside and the good lines go on in a new one. One of
        other films, or of another command, is moved aside as well.

        Args:
            path: the file.
            paths: the films' folders as the user gave them.
            command: whose rows it holds.
            shard: which part of the films, "" for all.

        Raises:
            XrayscanError: it cannot be read or written.
        """
        self.path = path
        self.notes: list[str] = []
        self.keys: dict[str, Key] = {}
        self.runs: list[dict[str, Any]] = []
        self._command = command
        self._shard = shard
        self._others = ""  # in words, whose results it holds, where they are not this run's
        self.has_films = False
        # a folder is the same however it is spelt; of several, rows begin with the spelling, so
        # that it counts where that was
        self._paths = [printable(each) for each in _as_one(paths)]
        self._start = "" if all(map(os.path.isabs, self._paths)) else printable(str(Path.cwd()))
        self._index = Index()
        self._keys_of_films: set[str] = set()
        self._lines = 0
        self._outputs: dict[str, list[str]] = {}
        self._files = ExitStack()
        try:
            self._open()
        except OSError as fault:
            raise unwritable(path, fault) from fault

    def close(self) -> None:
        """Close the file; what was appended is on the disk already."""
        self._files.close()

    def __len__(self) -> int:
        """How many files it has an entry of."""
        return len(self._index)

    def holds(self, scan: Scan, key: str) -> bool:
        """Whether an earlier run's row can be taken over, unread; if not, look at ``entry``."""
        return self._index.holds(scan, key)

    def entry(self, name: str) -> Entry | None:
        """Return the last entry of a file; None without one."""
        place = self._index.place(name)
        if place is None:
            return None
        found = self._entry_at(place)
        return found if found.row.scan.name == name else None

    def entries(self, besides: Collection[str] = ()) -> Iterator[Entry]:
        """Yield the last entry of each file, in the order in which they were written.

        Args:
            besides: names of files to pass over; their rows are not even read.
        """
        yield from map(self._entry_at, self._index.places(besides))

    def know(self, key: Key) -> None:
        """Add what the following rows come from."""
        if key.id not in self.keys:
            self._append([_key_line(key)])
            self.keys[key.id] = key

    def append(self, entries: Sequence[Entry]) -> None:
        """Add what a batch came to; it is on the disk when this returns.

        Raises:
            XrayscanError: it cannot be written; what was there before stays readable.
        """
        lines = [_film_line(entry) for entry in entries]
        self.has_films = True  # from here on lines may be on the disk, whatever comes in between
        at = self._append(lines)
        for entry, line in zip(entries, lines, strict=True):
            self._index.add(entry.row.scan.name, at)
            at += len(line)

    def close_run(self, facts: dict[str, Any]) -> None:
        """Add a run's closing."""
        self._append([encode_line({_RUN: facts})])
        self.runs.append(facts)

    def expect_output(self, name: str, sha256: str) -> None:
        """Add that an output is about to become this; see ``knows_output``."""
        self._append([_output_line(name, sha256)])
        self._outputs.setdefault(name, []).append(sha256)

    def knows_output(self, path: Path) -> bool:
        """Whether an output is as a run of this journal has left it.

        The last but one is known as well: a run can end between telling and writing.
        """
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return sha256 in self._outputs.get(path.name, [])[-2:]

    def compact(self, entries: Iterable[Entry], *, anyway: bool = False) -> None:
        """Write the journal anew with these entries alone, where it holds many outdated lines.

        Args:
            entries: all that is to stay.
            anyway: do so however few lines are outdated.

        Raises:
            XrayscanError: it cannot be written; then it stays as it was.
        """
        live = len(self) + len(self._rest()) + 1
        if anyway or self._lines > live + live // 4:
            self._rewrite(entries)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        damaged, whole, size = 0, 0, 0
        if self.path.exists():
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                at = 0
                for line in file:
                    try:
                        self._take(decode_line(line), at)
                    except _FAULTS:
                        damaged += at + len(line) < size
                    else:
                        whole = at + len(line)
                    at += len(line)
        if self._others:
            self._begin_anew(f"{self.path}: holds results of {self._others}")
        elif damaged or not self._keys_of_films <= self.keys.keys():
            self._salvage(damaged)
        elif size and not whole and not self._header().startswith(self.path.read_bytes()):
            self._begin_anew(f"{self.path}: is no journal")
        else:
            self._go_on(whole)

    def _take(self, record: dict[str, Any], offset: int) -> None:
        ((kind, value),) = record.items()
        if kind == _HEADER:
            if value["schema"] != _SCHEMA:
                raise XrayscanError(
                    f"{self.path}: is of another version of xrayscan; use that, or another --csv"
                )
            command = value.get("command", Command.PREDICT.value)  # the first ones do not say it
            if command != self._command:
                self._others = f"xrayscan {command}"
            elif (value["paths"], value.get("start", self._start)) != (self._paths, self._start):
                self._others = "other folders"
            elif value.get("shard", "") != self._shard:
                self._others = "another part of the films (--shard)"
        elif kind == _FILM:
            entry = from_record(value)
            self._keys_of_films.add(entry.key)
            self._index.add_earlier(entry, offset)
            self.has_films = True
        elif kind == _KEY:
            key = Key(**value)
            self.keys[key.id] = key
        elif kind == _RUN:
            self.runs.append(value)
        elif kind == _OUTPUT:
            self._outputs.setdefault(value["name"], []).append(value["sha256"])
        else:
            raise ValueError(kind)
        self._lines += 1

    def _begin_anew(self, why: str) -> None:
        aside = move_aside(self.path)
        self.notes.append(f"{why}; kept as {aside.name}, this run begins anew")
        self._index, self._lines, self.has_films = Index(), 0, False
        self.keys, self.runs, self._outputs = {}, [], {}
        self.path.touch(exist_ok=False)
        keep_permissions(aside, self.path)
        self._go_on(0)

    def _salvage(self, damaged: int) -> None:
        """Take the good lines over into a new file; not rows that came from nobody knows what."""
        self._reader = self._files.enter_context(self.path.open("rb"))
        good = (entry for entry in self.entries() if entry.key in self.keys)
        aside = self._rewrite(good, keep=True)
        self.has_films = bool(len(self))
        lines = f"{counted(damaged, 'line')} damaged" if damaged else "lines are missing"
        rows = "1 good row goes" if len(self) == 1 else f"{len(self)} good rows go"
        self.notes.append(f"{self.path}: {lines}; kept as {aside}, the {rows} on")

    def _go_on(self, whole: int) -> None:
        """Open for reading and appending, behind what is whole."""
        self._files.close()
        # unbuffered: what could not be written must not be tried again when the file is closed
        self._writer = self._files.enter_context(self.path.open("ab", buffering=0))
        self._writer.truncate(whole)
        self._reader = self._files.enter_context(self.path.open("rb"))
        self._size = whole
        if not whole:
            self._append([self._header()])

    def _rewrite(self, entries: Iterable[Entry], *, keep: bool = False) -> str:
        """Put a new file in the place of this one: header, films, runs, outputs.

        Args:
            entries: of the films, which may be read of this file.
            keep: keep this file aside once the new one is written.

        Returns:
            What it is called there, "" where it is not kept.
        """
        temporary = temporary_beside(self.path)
        index = Index()
        keys: set[str] = set()
        try:
            with temporary.open("xb") as file:
                keep_permissions(self.path, temporary)
                file.write(self._header())
                for entry in entries:
                    index.add_earlier(entry, file.tell())
                    keys.add(entry.key)
                    file.write(_film_line(entry))
                self.keys = {name: key for name, key in self.keys.items() if name in keys}
                rest = self._rest()
                file.writelines(rest)
                file.flush()
                os.fsync(file.fileno())
                whole = file.tell()
            self._files.close()  # Windows replaces no file that is open
            aside = move_aside(self.path).name if keep else ""
            temporary.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as fault:
            raise unwritable(self.path, fault) from fault
        finally:
            with suppress(OSError):  # it was renamed, or could never be made
                temporary.unlink()
        self._index, self._lines = index, len(index) + len(rest) + 1
        self._go_on(whole)
        return aside

    def _rest(self) -> list[bytes]:
        """The lines beside those of films."""
        return [
            *map(_key_line, self.keys.values()),
            *(encode_line({_RUN: run}) for run in self.runs),
            *(_output_line(name, hashes[-1]) for name, hashes in self._outputs.items()),
        ]

    def _header(self) -> bytes:
        facts = {"schema": _SCHEMA, "command": self._command.value, "paths": self._paths}
        further = {"start": self._start, "shard": self._shard}
        return encode_line({_HEADER: facts | {name: v for name, v in further.items() if v}})

    def _append(self, lines: Sequence[bytes]) -> int:
        """Write lines behind the others; returns where they begin."""
        at = self._size
        text = b"".join(lines)
        try:
            rest = memoryview(text)
            while rest:
                rest = rest[self._writer.write(rest) :]
            os.fsync(self._writer.fileno())
        except OSError as fault:
            with suppress(OSError):  # half a line at the end is dropped by the next run as well
                os.truncate(self.path, at)
            raise unwritable(self.path, fault) from fault
        self._size += len(text)
        self._lines += len(lines)
        return at

    def _entry_at(self, offset: int) -> Entry:
        return from_record(decode_line(_line_at(self._reader, offset))[_FILM])


def _film_line(entry: Entry) -> bytes:
    return encode_line({_FILM: to_record(entry)})


def _key_line(key: Key) -> bytes:
    return encode_line({_KEY: asdict(key)})


def _output_line(name: str, sha256: str) -> bytes:
    return encode_line({_OUTPUT: {"name": name, "sha256": sha256}})


def _line_at(file: IO[bytes], offset: int) -> bytes:
    file.seek(offset)
    return file.readline()


def _as_one(paths: Sequence[str]) -> Sequence[str]:
    return [os.path.abspath(paths[0])] if len(paths) == 1 else paths  # noqa: PTH100


def printable(text: str) -> str:
    """A text from the command line, which need not be UTF-8, as one that every file can hold."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
