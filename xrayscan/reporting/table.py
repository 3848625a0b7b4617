"""The CSV of predictions: its columns."""

from __future__ import annotations

import csv
import datetime
from dataclasses import dataclass
from typing import Any, Protocol

from xrayscan.cells import path_text, safe_cell
from xrayscan.records import PROBABILITY_DECIMALS, Assessment, Facts

COLUMNS = (
    "path",
    "status",
    "label",
    "probability",
    "threshold",
    "zone",
    "reason",
    "detail",
    "format",
    "width",
    "height",
    "size_bytes",
    "modified",
    "sha256",
    "embedding_distance",
    "model",
    "model_sha256",
    "assessed_at",
)

FACTS = ("age", "sex", "view")  # behind the others, always; from DICOM headers
IDENTIFIERS = ("patient_name", "patient_id", "birth_date")  # behind these, where asked for

GONE_SINCE = "gone since "


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The model that a row's probability comes from."""

    name: str
    sha256: str


class SupportsWrite(Protocol):
    """All that a table needs of a file."""

    def write(self, text: str, /) -> object: ...


class TableWriter:
    """Writes the header and then one row per assessment."""

    def __init__(self, file: SupportsWrite, *, with_identifiers: bool = False) -> None:
        self._rows = csv.writer(file, lineterminator="\n")
        self._further = IDENTIFIERS if with_identifiers else ()
        self._rows.writerow(COLUMNS + FACTS + self._further)

    def write(self, assessment: Assessment, model: ModelIdentity) -> None:
        named = [" ".join(getattr(assessment.identifiers, name).split()) for name in self._further]
        cells = (*_cells(assessment, model), *fact_cells(assessment.facts).values(), *named)
        self._rows.writerow([safe_cell(cell) for cell in cells])


def _cells(row: Assessment, model: ModelIdentity) -> tuple[str, ...]:
    """One row's cells in the order of ``COLUMNS``."""
    return (
        path_text(row.scan.name),
        row.status,
        row.label,
        _number(row.probability, PROBABILITY_DECIMALS),
        "" if row.threshold is None else str(row.threshold),
        row.zone or "",
        row.reason or "",
        _detail(row),
        row.format,
        "" if row.width is None else str(row.width),
        "" if row.height is None else str(row.height),
        str(row.scan.size_bytes),
        _timestamp(row.scan.modified_ns),
        row.sha256,
        _number(row.embedding_distance, 4),
        model.name,
        model.sha256,
        row.assessed_at,
    )


def row_facts(row: Assessment, model: ModelIdentity) -> dict[str, Any]:
    """One row by the names of the columns with values of their own kind; None where empty."""
    cells = dict(zip(COLUMNS, _cells(row, model), strict=True))
    numbers = {
        "probability": row.probability,
        "threshold": row.threshold,
        "width": row.width,
        "height": row.height,
        "size_bytes": row.scan.size_bytes,
        "embedding_distance": row.embedding_distance,
    }
    facts = {name: getattr(row.facts, name) or None for name in FACTS}
    return {name: text or None for name, text in cells.items()} | numbers | facts


def _detail(row: Assessment) -> str:
    """The detail in one line, beginning with since when the file is gone."""
    gone = f"{GONE_SINCE}{row.gone_since}" if row.gone_since else ""
    return "; ".join(filter(None, (gone, " ".join(row.detail.split()))))


def fact_cells(facts: Facts) -> dict[str, str]:
    """The cells by the names of ``FACTS``."""
    return {
        "age": "" if facts.age is None else f"{facts.age:g}",
        "sex": facts.sex,
        "view": facts.view,
    }


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _timestamp(nanoseconds: int) -> str:
    """UTC, ISO 8601, to the microsecond; "" for a time that is unknown or beyond the calendar."""
    if not nanoseconds:
        return ""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):  # a broken clock's year 31690
        return ""
    return moment.replace(microsecond=rest // 1000).isoformat(timespec="microseconds")
