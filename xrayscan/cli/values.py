"""What options' texts mean: limits, zones, parts and files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from xrayscan.errors import OptionError

if TYPE_CHECKING:
    from xrayscan.intake.discover import Shard
    from xrayscan.pipeline import FailureLimit
    from xrayscan.scoring.thresholds import ZoneLimits

_PAGES = (".html", ".htm")
_COUNT = re.compile(r"\d+")
_SHARD = re.compile(r"(\d{1,9})/(\d{1,9})")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")


def table_file(csv: str | None, report: str | None, *, json: bool) -> Path | None:
    """Where the CSV goes; where standard output is taken by ``--json``, nowhere unless named."""
    if json and csv == "-":
        raise OptionError("csv", "-", "standard output is taken by --json; give a file")
    if json and csv is None and report is None:
        return Path(os.devnull)
    return output_file("csv", csv)


def output_file(option: str, value: str | None) -> Path | None:
    """Take an output's name; an empty one is more likely a script's mistake than a wish."""
    if value == "":
        raise OptionError(option, None, "is empty; give the name of a file")
    return None if value is None else Path(value)


def page_file(value: str | Path | None) -> Path | None:
    """Take the name of ``--report``: HTML under another name would open as something else.

    Raises:
        UsageError: it is empty, or no page's name.
    """
    from xrayscan.journal.atomic import is_stream

    path = output_file("report", None if value is None else str(value))
    if path is None or path.suffix.lower() in _PAGES or path.is_dir() or is_stream(path):
        return path
    raise OptionError("report", path, "is written as HTML; give another name, ending in .html")


def zone_limits(text: str) -> ZoneLimits | None:
    """Read ``--zones``; None where it is empty.

    Raises:
        UsageError: it is no pair of rising numbers from 0 to 1.
    """
    from xrayscan.scoring.thresholds import ZoneLimits

    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 1.0, 0.0
    if not 0 <= low <= high <= 1:
        raise OptionError("zones", text, "give two rising numbers from 0 to 1, such as 0.1,0.8")
    return ZoneLimits(low, high)


def read_shard(text: str) -> Shard | None:
    """Read ``--shard``; None where it is empty.

    Raises:
        UsageError: it is no part of a number of parts.
    """
    from xrayscan.intake.discover import Shard

    if not text:
        return None
    part = _SHARD.fullmatch(text.strip())
    if part is None or not 1 <= int(part[1]) <= int(part[2]):
        raise OptionError("shard", text, "give a part and how many there are, such as 1/4")
    return Shard(int(part[1]), int(part[2]))


def failure_limit(text: str) -> FailureLimit:
    """Read ``--max-failures``: a count, or a share with %.

    Raises:
        UsageError: it is neither.
    """
    from xrayscan.pipeline import FailureLimit

    if not text:
        return FailureLimit()
    if _COUNT.fullmatch(text.strip()):
        return FailureLimit(count=int(text))
    share = _SHARE.fullmatch(text.strip())
    if share is None or float(share[1]) > 100:
        raise OptionError("max-failures", text, "give a number of files or a share such as 5%")
    return FailureLimit(share=float(share[1]) / 100)
