"""The report's rows as the page's script reads them: compact JSON, harmless within HTML."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable
from typing import Any

from xrayscan.cells import path_text
from xrayscan.records import PROBABILITY_DECIMALS, Assessment
from xrayscan.reporting.table import fact_cells

# The order of a row's values; the page carries it, so that its script knows no position by heart.
# Behind them stand age, sex and view, only where there are any: most films have none.
FIELDS = (
    "section",
    "path",
    "status",
    "label",
    "probability",
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
    "assessed_at",
    "gone",
)


def script_json(value: Any) -> str:
    """Write JSON that can stand in a script element.

    Nothing in it ends the element or begins a comment, and as it is ASCII, it has no line
    separators that a script would stumble over and no half characters that a file cannot hold.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def row_json(row: Assessment, section: int) -> bytes:
    """Write one row in the order of ``FIELDS`` and then, where there are any, of ``table.FACTS``.

    Times are seconds since the epoch, UTC.
    """
    facts = tuple(fact_cells(row.facts).values())
    cells = (
        section,
        path_text(row.scan.name),
        row.status.value,
        row.label,
        _rounded(row.probability, PROBABILITY_DECIMALS),
        row.zone.value if row.zone else "",
        row.reason.value if row.reason else "",
        " ".join(row.detail.split()),
        row.format,
        row.width,
        row.height,
        row.scan.size_bytes,
        row.scan.modified_ns // 1_000_000_000 or None,
        row.sha256,
        _rounded(row.embedding_distance, 4),
        _seconds(row.assessed_at),
        int(bool(row.gone_since)),
        *(facts if any(facts) else ()),
    )
    return script_json(cells).encode("ascii")


def joined_rows(rows: Iterable[bytes]) -> Iterable[str]:
    """Yield the pieces of one JSON array of all rows, a row a line."""
    yield "["
    for index, row in enumerate(rows):
        yield (",\n" if index else "") + row.decode("ascii")
    yield "]"


def _rounded(value: float | None, decimals: int) -> float | None:
    """A number that JSON can hold; None for one that it cannot."""
    return None if value is None or not math.isfinite(value) else round(value, decimals)


def _seconds(moment: str) -> int | None:
    return int(datetime.datetime.fromisoformat(moment).timestamp()) if moment else None
