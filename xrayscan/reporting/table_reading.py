"""The CSV of predictions, read back into rows."""

from __future__ import annotations

import csv
import datetime
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xrayscan.cells import cell_text, path_name
from xrayscan.errors import UsageError, XrayscanError, words_of
from xrayscan.records import Assessment, Facts, Reason, Scan, Status, Zone
from xrayscan.reporting.table import COLUMNS, FACTS, GONE_SINCE, ModelIdentity


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of the CSV, and the model that it says it comes from."""

    assessment: Assessment
    model: ModelIdentity


def read_table(path: Path) -> Iterator[TableRow]:
    """Yield the rows of a CSV that ``predict`` wrote; names of patients are passed over.

    Raises:
        UsageError: it cannot be opened.
        XrayscanError: it is no such CSV, or a row is damaged.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise ValueError(f"has no column {missing[0]}")
            for cells in rows:
                if None in cells.values():
                    raise ValueError(f"line {rows.line_num} is cut off")
                known = {name: cell_text(cells.get(name, "")) for name in COLUMNS + FACTS}
                yield _row(known, rows.line_num)
    except OSError as fault:
        raise UsageError(f"{path}: {words_of(fault)}; give a CSV of xrayscan predict") from None
    except UnicodeDecodeError:
        raise XrayscanError(f"{path}: is no text; give a CSV of xrayscan predict") from None
    except (ValueError, csv.Error) as fault:
        raise XrayscanError(f"{path}: {fault}; give a CSV of xrayscan predict") from None


def _row(cells: Mapping[str, str], line: int) -> TableRow:
    try:
        return TableRow(_assessment(cells), ModelIdentity(cells["model"], cells["model_sha256"]))
    except (ValueError, TypeError, OverflowError) as fault:
        raise ValueError(f"line {line} is damaged ({fault})") from None


def _assessment(cells: Mapping[str, str]) -> Assessment:
    gone, detail = _gone(cells["detail"])
    return Assessment(
        scan=Scan(path_name(cells["path"]), "", int(cells["size_bytes"]), _ns(cells["modified"])),
        status=Status(cells["status"]),
        reason=Reason(cells["reason"]) if cells["reason"] else None,
        detail=detail,
        gone_since=gone,
        format=cells["format"],
        width=int(cells["width"]) if cells["width"] else None,
        height=int(cells["height"]) if cells["height"] else None,
        sha256=cells["sha256"],
        probability=_share(cells["probability"]),
        threshold=_share(cells["threshold"]),
        label=cells["label"],
        zone=Zone(cells["zone"]) if cells["zone"] else None,
        embedding_distance=_distance(cells["embedding_distance"]),
        assessed_at=_moment(cells["assessed_at"]),
        facts=Facts(float(cells["age"]) if cells["age"] else None, cells["sex"], cells["view"]),
    )


def _gone(detail: str) -> tuple[str, str]:
    """Since when the file is gone, and the rest of the detail."""
    if not detail.startswith(GONE_SINCE):
        return "", detail
    since, _, rest = detail.removeprefix(GONE_SINCE).partition("; ")
    return _moment(since), rest


def _share(cell: str) -> float | None:
    if not cell:
        return None
    value = float(cell)
    if not 0 <= value <= 1.01:  # the threshold above every film lies by a hair above 1
        raise ValueError(f"{cell} is no probability")
    return value


def _distance(cell: str) -> float | None:
    if not cell:
        return None
    value = float(cell)
    if not 0 <= value < math.inf:
        raise ValueError(f"{cell} is no distance")
    return value


def _moment(cell: str) -> str:
    if cell:
        datetime.datetime.fromisoformat(cell)  # raises ValueError
    return cell


def _ns(moment: str) -> int:
    """Nanoseconds since the epoch; 0 for a time that is unknown."""
    if not moment:
        return 0
    since = datetime.datetime.fromisoformat(moment) - datetime.datetime.fromtimestamp(
        0, datetime.UTC
    )
    return (since // datetime.timedelta(microseconds=1)) * 1000
