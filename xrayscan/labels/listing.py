"""A list of films and labels, CSV or a report's verdicts, read row by row into entries."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from xrayscan.cells import cell_text, path_name
from xrayscan.errors import DataError
from xrayscan.labels.csv_rows import by_column, check_columns, check_once, rows_of, text_of

log = logging.getLogger(__name__)

LISTINGS = (".csv", ".json")  # endings of the files that list films
_REQUIRED = ("path", "label")
_ADVICE = (
    "name the columns in the first line, separated by commas: path,label and, if wanted, "
    "patient,split,weight"
)
_VERDICT = "verdict"
# Measured or trained on its own calls a model would look perfect. Exported verdicts lack these.
_OF_PREDICTIONS = frozenset({"status", "zone", "assessed_at"})
_KNOWN = (*_REQUIRED, "patient", "split", "weight")
SPLITS = {  # every name of a split in lower case, of folders too, and what it is called here
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
# Published lists name the patient's column in many ways; one that is passed over would part the
# films of a patient without a word.
_PATIENT = "patientid"
# Columns that tell who a patient is are not taken over: attributes reach reports.
_PERSONAL = frozenset(
    {"patientname", "mrn", "accessionnumber", "birthdate", "patientbirthdate", "dateofbirth", "dob"}
)

# Training counts in float32, in which smaller weights vanish and larger ones drown the others.
_LIGHTEST, _HEAVIEST = Decimal("1e-6"), Decimal("1e6")


@dataclass(frozen=True, slots=True)
class Entry:
    """One film as a folder or a CSV lists it, before the classes are chosen.

    Attributes:
        location: path to open; nothing is said of whether it is there.
        label: name of its class as given.
        where: what an error about it begins with: the file, or the CSV and the line.
        split: "train", "val", "test" or "".
        patient: key of its patient where one is given; no name or number of a person.
        weight: 0, or from 1e-6 to 1e6.
        attributes: (name, value) pairs of the further columns.
    """

    location: str
    label: str
    where: str
    split: str = ""
    patient: str = field(default="", repr=False)
    weight: float = 1.0
    attributes: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def read_listing(listing: Path, start: Path | None = None) -> list[Entry]:
    """Read a CSV of films, UTF-8 with or without byte order mark, cells separated by commas.

    The verdicts that a report exports are such a list, as CSV or as JSON: their rows without a
    label are those on which the reader did not decide, and are passed over. In their texts is
    undone what the export did to them.

    Columns, in any order and case: ``path`` (absolute, or from the CSV's folder) and ``label``;
    optional ``patient``, ``split`` (train, val or test), ``weight``. Further ones become
    attributes under their name in lower case, but those that tell who a patient is.

    Args:
        listing: the file.
        start: the folder that its paths start from; None takes the file's own.

    Returns:
        One entry per row, in the order of the rows. Whether the films are there is not looked at.

    Raises:
        UsageError: the file cannot be opened.
        DataError: no UTF-8, no rows, or a fault in one of the lines.
    """
    text = text_of(listing, "a CSV of films, or a folder")
    rows = _json_rows(listing, text) if _is_json(listing) else _stripped(rows_of(listing, text))
    try:
        line, header = next(rows)
    except StopIteration:
        raise DataError(f"{listing}: is empty; give the columns path and label") from None
    columns = _columns(f"{listing}: line {line}", header)
    if _OF_PREDICTIONS.issubset(columns):
        raise DataError(
            f"{listing}: is what xrayscan predict wrote, with the calls of a model as label; give "
            "the labels that a reader gave, in a CSV with the columns path and label"
        )
    lines: dict[str, int] = {}
    entries = []
    undecided = 0
    for line, cells in rows:
        where = f"{listing}: line {line}"
        row = by_column(where, columns, cells)
        if _VERDICT in row:
            row = _as_exported(row, plain=_is_json(listing))
            if not row["label"]:
                undecided += 1
                continue
        entry = _entry(where, start or listing.parent, row)
        check_once(lines, line, where, entry.location)
        entries.append(entry)
    if undecided:
        log.warning("%s: %d verdicts without a label passed over", listing, undecided)
    if not entries:
        raise DataError(f"{listing}: lists no films; add one line per film below the first")
    return entries


def _stripped(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    return ((line, [cell.strip() for cell in cells]) for line, cells in rows)


def _is_json(listing: Path) -> bool:
    return listing.suffix.lower() == ".json"


def _json_rows(listing: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the verdicts of a report as rows of a CSV, numbered as its lines would be."""
    try:
        found = json.loads(text)
        verdicts = found if isinstance(found, list) else found["verdicts"]
        names = list(dict.fromkeys(name for verdict in verdicts for name in verdict))
        rows = [[_cell(verdict.get(name)) for name in names] for verdict in verdicts]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(
            f"{listing}: is no list of verdicts; export them from the report again, or give a CSV"
        ) from None
    yield from enumerate([names, *rows] if rows else [], start=1)


def _cell(value: object) -> str:
    return "" if value is None else str(value).strip()


def _columns(where: str, header: list[str]) -> list[str]:
    """The columns' names as they are known here; "" for a column to pass over."""
    columns = [_column(name) for name in header]
    check_columns(where, columns, _REQUIRED, _ADVICE)
    return columns


def _column(name: str) -> str:
    folded = name.casefold()
    bare = re.sub(r"[\W_]", "", folded)
    if bare in _PERSONAL:
        return ""
    return "patient" if bare == _PATIENT else folded


def _as_exported(row: Mapping[str, str], *, plain: bool) -> dict[str, str]:
    """A verdict as the report had it: its CSV has a quote before what might be a formula."""
    texts = {name: cell if plain else cell_text(cell) for name, cell in row.items()}
    return {**texts, "path": path_name(texts["path"])}


def _entry(where: str, folder: Path, row: Mapping[str, str]) -> Entry:
    for name in _REQUIRED:
        if not row[name]:
            raise DataError(f"{where}: has no {name}; fill it in or remove the line")
    if "\0" in row["path"]:  # no system opens such a name
        raise DataError(f"{where}: its path holds a zero byte; write the path anew")
    return Entry(
        str(folder / row["path"]),
        row["label"],
        where,
        _split(where, row.get("split", "")),
        _patient(row.get("patient", "")),
        _weight(where, row.get("weight", "")),
        tuple((name, cell) for name, cell in row.items() if name not in _KNOWN),
    )


def _patient(cell: str) -> str:
    """A key that tells patients apart and does not tell who they are."""
    return f"listed:{hashlib.sha256(cell.encode()).hexdigest()[:16]}" if cell else ""


def _split(where: str, cell: str) -> str:
    if not cell:
        return ""
    try:
        return SPLITS[cell.casefold()]
    except KeyError:
        raise DataError(
            f"{where}: split is {cell!r}; write train, val or test, or leave it empty"
        ) from None


def _weight(where: str, cell: str) -> float:
    try:
        weight = Decimal(cell or 1)  # as a float, 1e-400 would be 0
    except InvalidOperation:
        weight = Decimal("nan")
    if weight.is_nan() or (weight and not _LIGHTEST <= weight <= _HEAVIEST):
        raise DataError(
            f"{where}: weight is {cell!r}; write 0 or a number from {_LIGHTEST:f} to "
            f"{_HEAVIEST:f}, or leave it empty for 1"
        )
    return float(weight)
