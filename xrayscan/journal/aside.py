"""Files of an earlier run that are not what they should be: moved aside, never overwritten."""

from __future__ import annotations

import datetime
from pathlib import Path

from xrayscan.journal.atomic import unwritable


def move_aside(path: Path) -> Path:
    """Give a file another name beside its own, with the time in it.

    Returns:
        Where it is now.

    Raises:
        XrayscanError: it cannot be moved.
    """
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (
        f"{path.name}.kept-{moment}{suffix}" for suffix in ("", *(f"-{n}" for n in range(1, 100)))
    )
    free = next(aside for aside in map(path.with_name, names) if not aside.exists())
    try:
        path.rename(free)
    except OSError as fault:
        raise unwritable(path, fault) from fault
    return free
