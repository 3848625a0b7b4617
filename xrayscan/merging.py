"""The results of a sharded run's parts as one table: nothing missing, nothing double."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrayscan.cells import cell_text, path_name, path_text
from xrayscan.errors import UsageError, XrayscanError, words_of
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import DiscoveryOptions, Shard, discover
from xrayscan.intake.options import MAX_PIXELS
from xrayscan.intake.overwriting import check_output
from xrayscan.journal import journal
from xrayscan.journal.atomic import atomic_text
from xrayscan.records import Command, Ending
from xrayscan.reporting.run_record import RunFacts, is_of, read_run_record
from xrayscan.reporting.table_reading import read_table
from xrayscan.wording import counted, films_are

# The options that say which films have rows, and what is in them; records that do not say have
# these.
_ALIKE: dict[str, Any] = {
    "command": Command.PREDICT.value,
    "admission": Admission.ON.value,
    "zones": [],
    "recursive": True,
    "include": [],
    "exclude": [],
    "max_pixels": MAX_PIXELS,
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part's results.

    Attributes:
        table: its CSV.
        shard: which part it is.
        header: the CSV's.
        rows: the CSV's, as written.
        facts: of its run.
    """

    table: Path
    shard: Shard
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    facts: RunFacts

    @property
    def common(self) -> dict[str, Any]:
        """What all parts have to agree on: together they are one run."""
        return {
            **{name: self.facts.options.get(name, default) for name, default in _ALIKE.items()},
            "model_sha256": self.facts.model_sha256,
            "threshold": self.facts.threshold,
        }

    @property
    def discovery(self) -> DiscoveryOptions:
        """How its films were looked for."""
        options = self.common
        return DiscoveryOptions(
            options["recursive"], tuple(options["include"]), tuple(options["exclude"])
        )


def merge(tables: Sequence[Path], out: Path, folders: Sequence[str] = ()) -> int:
    """Join the CSVs of all parts of a run.

    Args:
        tables: the CSVs; beside each lies its run record.
        out: the CSV to write.
        folders: where the films lie, as they were given to the parts; each film found there has
            to have its row. Empty does not look.

    Returns:
        How many rows there are.

    Raises:
        UsageError: a part is missing, double, cut off or not finished, parts are of different
            runs, a film has no row or two, or the output would overwrite something.
        XrayscanError: the CSV cannot be written, or a part's is damaged.
    """
    _check_output(out, tables)
    parts = [_read(table) for table in tables]
    _check_complete(parts)
    _check_rows(parts)
    _check_alike(parts)
    rows = sorted((row for part in parts for row in part.rows), key=_place)
    names = [path_name(cell_text(row[0])) for row in rows]
    _check_once(names)
    if folders:
        _check_all(names, folders, parts[0].discovery)
    with atomic_text(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(parts[0].header)
        writer.writerows(rows)
    return len(rows)


def _check_output(out: Path, tables: Sequence[Path]) -> None:
    """Refuse an output that would cost a film, or a part: then it could not be merged again."""
    of_parts = [path for table in tables for path in (table, _record(table), _journal(table))]
    if os.path.realpath(out) in map(os.path.realpath, of_parts):
        raise UsageError(f"{out}: is of a part; give the whole another name by --out")
    check_output(out, expendable=True)


def _record(table: Path) -> Path:
    return table.with_suffix(".run.json")


def _journal(table: Path) -> Path:
    return table.with_name(table.name + journal.SUFFIX)


def _read(table: Path) -> Part:
    record = _record(table)
    if not table.is_file():
        what = "is a folder" if table.is_dir() else "is not there"
        raise UsageError(f"{table}: {what}; give the CSVs of all parts")
    if not record.is_file():
        raise UsageError(f"{table}: its run record {record.name} is not beside it; put it there")
    try:
        facts = read_run_record(record)
        shard = Shard(*(int(number) for number in facts.options["shard"].split("/")))
        with table.open(newline="", encoding="utf-8") as file:
            header, *rows = (tuple(row) for row in csv.reader(file) if row)
    except OSError as fault:
        raise UsageError(f"{table}: cannot be read ({words_of(fault)})") from None
    except (KeyError, TypeError, ValueError, csv.Error, XrayscanError):
        raise UsageError(
            f"{table}: is no part of a sharded run, or its {record.name} is damaged; "
            "run `xrayscan predict --shard` for it again"
        ) from None
    return Part(table, shard, header, tuple(rows), facts)


def _check_complete(parts: Sequence[Part]) -> None:
    count = parts[0].shard.parts
    seen: dict[int, Part] = {}
    for part in parts:
        if part.shard.parts != count:
            raise UsageError(f"{part.table}: is part {part.shard}, others are parts of {count}")
        if part.shard.part in seen:
            twin = seen[part.shard.part].table
            raise UsageError(f"{part.table}: is part {part.shard}, as {twin} is; give each once")
        seen[part.shard.part] = part
        summary = part.facts.summary
        if summary.ending is not Ending.FINISHED:
            left = summary.not_reached
            words = f", {films_are(left)} missing" if left else ""
            raise UsageError(f"{part.table}: its run ended early{words}; run it again")
    missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in seen]
    if missing:
        raise UsageError(f"part {', '.join(missing)}: is missing; give the CSVs of all parts")


def _check_rows(parts: Sequence[Part]) -> None:
    for part in parts:
        if not is_of(part.facts, read_table(part.table)):
            raise UsageError(
                f"{part.table}: has not the rows that its {_record(part.table).name} tells of; "
                "run the part again"
            )


def _check_alike(parts: Sequence[Part]) -> None:
    first = parts[0]
    for part in parts[1:]:
        for name, value in part.common.items():
            if value != first.common[name]:
                raise UsageError(
                    f"{part.table}: has another {name} than {first.table}; run the parts alike"
                )
        if part.header != first.header:
            raise UsageError(f"{part.table}: has other columns than {first.table}")


def _check_once(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UsageError(f"{name}: has two rows; were the parts run over the same folders?")
        seen.add(name)


def _check_all(names: Iterable[str], folders: Sequence[str], options: DiscoveryOptions) -> None:
    found = {scan.name for scan in discover(folders, options).scans}
    missing = sorted(found.difference(names))
    if missing:
        others = f", like {counted(len(missing) - 1, 'other')}" if missing[1:] else ""
        raise UsageError(f"{path_text(missing[0])}: has no row{others}; run the parts again")


def _place(row: Sequence[str]) -> tuple[bytes, ...]:
    """The order in which folders are walked."""
    return tuple(os.fsencode(path_name(cell_text(row[0]))).split(b"/"))
