"""The run record: what ran, with which versions and options, and what came of it."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xrayscan import __version__
from xrayscan.errors import UsageError, XrayscanError, words_of
from xrayscan.journal.atomic import atomic_text, is_stream
from xrayscan.records import DISCLAIMER, Ending, RunSummary, Status
from xrayscan.reporting.table_reading import TableRow

# The packages that can change a result.
_PACKAGES = ("numpy", "opencv-python-headless", "openvino", "pillow", "pydicom", "simplejpeg")


@dataclass(frozen=True, slots=True)
class Night:
    """What an earlier run came to, to set tonight against.

    Attributes:
        started: UTC, ISO 8601.
        found, scored, positive, review, not_assessed, unreadable, vanished: counts of files.
        histogram: scored films by probability, in the bins of ``reporting.histogram``.
    """

    started: str
    found: int
    scored: int
    positive: int
    review: int
    not_assessed: int
    unreadable: int
    vanished: int
    histogram: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is true of a whole run; shown in the report and written to the run record.

    Attributes:
        started, finished: UTC, ISO 8601.
        options: the run's options by name, as values that JSON holds.
        model: the model's name.
        model_sha256: of its card.
        threshold_rule: as asked for; "" where nothing was scored.
        threshold: what the rule came to, 0..1; None where nothing was scored.
        summary: counts and seconds.
        notices: things about the whole run that a person should know, one sentence each.
        nights: earlier runs, the oldest first.
        page: of the run; in a run record, from its folder on. "" where there is none.
        versions: of what can change a result, by name; empty where they are not known.
    """

    started: str
    finished: str
    options: Mapping[str, Any]
    model: str
    model_sha256: str
    threshold_rule: str
    threshold: float | None
    summary: RunSummary
    notices: tuple[str, ...] = ()
    nights: tuple[Night, ...] = ()
    page: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def versions(*more: str) -> dict[str, str]:
    """Versions of xrayscan, Python and the packages that can change a result, and of more."""
    found = {"xrayscan": __version__, "python": platform.python_version()}
    for package in (*_PACKAGES, *more):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # another distribution of it, e.g. another build of OpenCV
            found[package] = "not installed under this name"
    return found


def from_record(record: Path, page: Path | None) -> str:
    """A page as a run record names it: from its own folder on, so that both can be moved."""
    if page is None or is_stream(page):
        return ""
    try:
        return os.path.relpath(page, record.parent)
    except ValueError:  # Windows: on another drive
        return os.path.abspath(page)  # noqa: PTH100


def write_run_record(path: Path, facts: RunFacts) -> None:
    """Write the record as JSON, whole or not at all."""
    record = {
        "schema": 1,
        "note": DISCLAIMER,
        "platform": platform.platform(),
        **asdict(facts),
    }
    with atomic_text(path) as file:
        json.dump(record, file, indent=1)
        file.write("\n")


def read_run_record(path: Path) -> RunFacts:
    """Read a record back; what later versions add to it is passed over.

    Raises:
        UsageError: it cannot be opened.
        XrayscanError: it is no run record.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return _facts(record)
    except OSError as fault:
        raise UsageError(f"{path}: {words_of(fault)}; run xrayscan predict again") from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        words = f"no run record ({type(fault).__name__}: {fault})"
    raise XrayscanError(f"{path}: {words}; run xrayscan predict again")


def is_of(facts: RunFacts, rows: Iterable[TableRow]) -> bool:
    """Whether a record is of the run that left these rows in a CSV.

    A run's own rows stand first in it, then those of files that it did not list.
    """
    summary = facts.summary
    counts = Counter[Status]()
    gone = 0
    for number, row in enumerate(rows):
        film = row.assessment
        of_its_model = row.model.sha256 == facts.model_sha256
        if of_its_model and film.threshold not in (None, facts.threshold):
            return False  # a run decides all rows of its model by one threshold
        gone += bool(film.gone_since)
        if number < own_rows(facts):
            counts[film.status] += of_its_model
    expected = {
        Status.SCORED: summary.scored,
        Status.ADMITTED: summary.admitted or 0,
        Status.NOT_ASSESSED: summary.not_assessed,
        Status.UNREADABLE: summary.unreadable,
        Status.VANISHED: summary.vanished,
    }
    return gone == summary.gone and all(counts[name] == count for name, count in expected.items())


def own_rows(facts: RunFacts) -> int:
    """How many of the CSV's rows, from the first on, are of the films that the run has listed."""
    return facts.summary.found - facts.summary.not_reached


def _facts(record: Mapping[str, Any]) -> RunFacts:
    values = _known(RunFacts, record)
    summary = _known(RunSummary, record["summary"])
    read = {"ending": Ending(summary["ending"]), "drift": tuple(summary.get("drift", ()))}
    values["summary"] = RunSummary(**{**summary, **read})
    values["nights"] = tuple(_night(night) for night in values.get("nights", ()))
    values["notices"] = tuple(values.get("notices", ()))
    return RunFacts(**values)


def _night(record: Mapping[str, Any]) -> Night:
    values = _known(Night, record)
    return Night(**{**values, "histogram": tuple(values["histogram"])})


def _known(kind: type, record: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in record.items() if name in names}
