"""Time as outputs hold it: in UTC, by ISO 8601."""

from __future__ import annotations

import datetime


def now() -> str:
    """The moment, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def today() -> str:
    """The day."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
