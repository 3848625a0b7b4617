"""The run record: what ran, with which versions and options, and what came of it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xrayscan import __version__
from xrayscan.journal.atomic import atomic_text
from xrayscan.records import DISCLAIMER, RunSummary

# The packages that can change a result.
_PACKAGES = ("numpy", "opencv-python-headless", "openvino", "pillow", "pydicom", "simplejpeg")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is true of a whole run; shown in the report and written to the run record.

    Attributes:
        started, finished: UTC, ISO 8601.
        options: the run's options by name, as values that JSON holds.
        model: the model's name.
        model_sha256: of its card.
        threshold_rule: as asked for.
        threshold: what the rule came to, 0..1.
        summary: counts and seconds.
        notices: things about the whole run that a person should know, one sentence each.
    """

    started: str
    finished: str
    options: Mapping[str, Any]
    model: str
    model_sha256: str
    threshold_rule: str
    threshold: float
    summary: RunSummary
    notices: tuple[str, ...] = ()


def versions() -> dict[str, str]:
    """Versions of xrayscan, Python and the packages that can change a result."""
    found = {"xrayscan": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # another distribution of it, e.g. another build of OpenCV
            found[package] = "not installed under this name"
    return found


def write_run_record(path: Path, facts: RunFacts) -> None:
    """Write the record as JSON, whole or not at all."""
    record = {
        "schema": 1,
        "note": DISCLAIMER,
        "versions": versions(),
        "platform": platform.platform(),
        **asdict(facts),
    }
    with atomic_text(path) as file:
        json.dump(record, file, indent=1)
        file.write("\n")
