"""What a run has to do anew, and what it takes over from the runs before it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xrayscan.errors import ScanError
from xrayscan.intake.folders import Folder, folder_of
from xrayscan.intake.read import read_content
from xrayscan.journal.entries import Entry, Key, kept
from xrayscan.journal.journal import Journal
from xrayscan.records import Reason, Scan
from xrayscan.wording import counted


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        to_assess: the scans that are new or changed, or were not readable for a passing reason.
        notes: what a person should know before it happens, one sentence each.
        share_missing: a folder has no films because its share is not mounted.
    """

    to_assess: tuple[Scan, ...]
    notes: tuple[str, ...] = ()
    share_missing: bool = False


def plan_run(scans: Sequence[Scan], journal: Journal, key: Key, *, verify_content: bool) -> Plan:
    """Find what has to be assessed.

    Args:
        scans: as listed.
        journal: of the runs before.
        key: what rows come from tonight.
        verify_content: compare every file's sha256, not size and time alone.
    """
    fresh: list[Scan] = []
    back: list[Entry] = []
    outdated: set[str] = set()
    tonight = key.id
    for scan in scans:
        if not verify_content and journal.holds(scan, tonight):
            continue
        entry = journal.entry(scan.name)
        if entry is not None and entry.key != tonight:
            outdated.add(entry.key)
        if entry is None or not entry.holds_for(scan, tonight):
            fresh.append(scan)
            continue
        doubted = verify_content or not entry.is_settled
        if doubted and not _confirmed(entry, scan, journal):
            fresh.append(scan)
        elif entry.row.gone_since and entry.is_settled:  # others are confirmed, and kept by that
            back.append(kept(entry, scan))
    if back:  # else the day would stay for when they are gone again
        journal.append(back)
    notes = _why_anew([journal.keys[each] for each in sorted(outdated)], key, len(fresh))
    return Plan(tuple(fresh), notes)


def rows_in_order(scans: Sequence[Scan], journal: Journal, key: Key) -> Iterator[Entry]:
    """Yield what is known of the scans, in their order; of one that was not reached, nothing."""
    tonight = key.id
    for scan in scans:
        entry = journal.entry(scan.name)
        if entry is not None and entry.is_of(scan, tonight):
            yield kept(entry, scan)


def rows_of_others(scans: Sequence[Scan], journal: Journal) -> Iterator[Entry]:
    """Yield the entries of files that this run has not listed, gone or not asked for tonight."""
    others = journal.entries(besides=[scan.name for scan in scans])
    return (entry for entry in others if not _is_open_folder(entry))


def _is_open_folder(entry: Entry) -> bool:
    """Whether a row stood for a folder that could not be listed, and can be now."""
    faulty = entry.row.reason in (Reason.PERMISSION, Reason.IO_ERROR)
    location = entry.row.scan.location
    return faulty and os.path.isdir(location) and os.access(location, os.R_OK | os.X_OK)  # noqa: PTH112


def newly_gone(
    scans: Sequence[Scan], journal: Journal, folders: Mapping[str, Folder], now: str
) -> list[Entry]:
    """Find what earlier runs have found and is there no more, or there again.

    Args:
        scans: as listed.
        journal: of this run and those before.
        folders: that they were listed in; of one without films, or lost since, nothing is known.
        now: the time to mark them with, ISO 8601.
    """
    seen = {path for path, folder in folders.items() if folder.scans and not folder.is_lost()}
    changed = []
    for entry in rows_of_others(scans, journal):
        if folder_of(entry.row.scan.location, folders) not in seen:
            continue
        is_gone = _is_gone(entry.row.scan.location)
        if is_gone is not None and is_gone != bool(entry.row.gone_since):
            row = replace(entry.row, gone_since=now if is_gone else "")
            changed.append(replace(entry, row=row))
    return changed


def without_films(
    scans: Sequence[Scan], journal: Journal, folders: Mapping[str, Folder]
) -> Iterator[tuple[Folder, int]]:
    """Find the folders without films that there are rows of; yield each with how many."""
    empty = [path for path, folder in folders.items() if not folder.scans]
    if not empty:
        return
    others = rows_of_others(scans, journal)
    counts = Counter(folder_of(entry.row.scan.location, folders) for entry in others)
    yield from ((folders[path], counts[path]) for path in empty if counts[path])


def mounts(folders: Mapping[str, Folder]) -> dict[str, str]:
    """Where the folders that have films are mounted, for the closing of a run."""
    return {path: folder.mount for path, folder in folders.items() if folder.scans}


def is_not_mounted(folder: Folder, runs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a folder lay on another mount when a run last told ``mounts`` of it."""
    earlier = (run.get("mounts", {}).get(folder.path) for run in reversed(runs))
    return next(filter(None, earlier), folder.mount) != folder.mount


def _is_gone(location: str) -> bool | None:
    """Whether a file is there no more; None where a folder above does not let one look."""
    try:
        os.lstat(location)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return None
    return False


def _confirmed(entry: Entry, scan: Scan, journal: Journal) -> bool:
    """Whether a file's content is still what was assessed; if so, its time will do from now on."""
    now = time.time_ns()
    try:
        same = read_content(scan.location).sha256 == entry.row.sha256 != ""
    except ScanError:
        return False
    if same and not entry.is_settled:
        journal.append([replace(kept(entry, scan), read_ns=now)])
    return same


def _why_anew(earlier: Sequence[Key], key: Key, count: int) -> tuple[str, ...]:
    """Say what has changed since the rows that cannot be taken over."""
    if not earlier:
        return ()
    changed = " and ".join(key.differences(earlier[-1]))
    return (f"{changed}: {counted(count, 'film')} to be assessed again",)
