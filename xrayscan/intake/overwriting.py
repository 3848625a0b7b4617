"""Would writing a file destroy something that is not ours?"""

from __future__ import annotations

import re
from pathlib import Path

from xrayscan.errors import UsageError
from xrayscan.intake.discover import promises_picture
from xrayscan.intake.formats import SNIFF_BYTES, sniff

# How the CSV, the report, the run record and the log begin.
_OWN = (b"path,status,", b"<!doctype html", b'{\n "schema": ')
_LOG = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")


def check_output(path: Path, *, expendable: bool) -> None:
    """Refuse to write where a folder is, or a file that xrayscan must not overwrite.

    A film is never overwritten. What xrayscan wrote itself may be, and so may an empty file.

    Args:
        path: where something is to be written.
        expendable: the user named this file as an output, and as nothing else: whatever it is may
            be overwritten, unless its content is a picture or its name promises one.

    Raises:
        UsageError: it is one of them.
    """
    if not path.name or path.is_dir():
        raise UsageError(f"{path}: is a folder; give the name of a file to write")
    if _is_worth_keeping(path, expendable=expendable):
        raise UsageError(
            f"{path}: exists, and is a film or nothing that xrayscan wrote; give another name"
        )


def _is_worth_keeping(path: Path, *, expendable: bool) -> bool:
    try:
        if not path.is_file():  # a pipe would be waited for, this process's own for ever
            return False
        with path.open("rb") as file:
            head = file.read(SNIFF_BYTES)
    except PermissionError:
        head = b"unknown"
    except OSError:  # not there, or its folder is not: then writing will say so
        return False
    if sniff(head) is not None:
        return True
    if not head or head.lower().lstrip().startswith(_OWN) or _LOG.match(head):
        return False
    return not expendable or promises_picture(path.name)
