"""Standard output as a place for data: the same bytes as in a file, and faults that are said."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from xrayscan.errors import XrayscanError
from xrayscan.journal.atomic import unwritable

_NAME = "standard output"


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Give standard output as UTF-8, whatever the locale says, flushed at the end of the context.

    Raises:
        XrayscanError: it is closed, or cannot be written.
        BrokenPipeError: whoever read it has gone, which is no fault of the run.
    """
    check_standard_output()
    file = sys.stdout
    if isinstance(file, io.TextIOWrapper):
        file.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    try:
        yield file
        file.flush()
    except OSError as fault:
        _discard(file)
        if isinstance(fault, BrokenPipeError):
            raise
        raise unwritable(_NAME, fault) from fault


def check_standard_output() -> None:
    """Refuse standard output that was closed before the program began (``>&-``).

    Raises:
        XrayscanError: it is.
    """
    if sys.stdout is None:
        raise XrayscanError(f"{_NAME}: is closed; open it, or give --csv FILE")


def _discard(file: TextIO) -> None:
    """Let what is still buffered go nowhere: Python would try again at its end, and complain."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)
