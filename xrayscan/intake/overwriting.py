"""Would writing a file destroy something that is not ours?"""

from __future__ import annotations

from pathlib import Path

from xrayscan.intake.discover import promises_picture
from xrayscan.intake.formats import SNIFF_BYTES, sniff

# How the CSV, the report and the run record begin.
_OWN = (b"path,status,", b"<!doctype html", b'{\n "schema": ')


def is_worth_keeping(path: Path, *, expendable: bool) -> bool:
    """Whether a file is there that xrayscan must not overwrite.

    A film always is. What xrayscan wrote itself is not, nor is an empty file.

    Args:
        path: where something is to be written.
        expendable: the user named this file as an output, and as nothing else: whatever it is may
            be overwritten, unless its content is a picture or its name promises one.
    """
    try:
        with path.open("rb") as file:
            head = file.read(SNIFF_BYTES)
    except PermissionError:
        head = b"unknown"
    except OSError:  # not there, or its folder is not: then writing will say so
        return False
    if sniff(head) is not None:
        return True
    if not head or head.lower().lstrip().startswith(_OWN):
        return False
    return not expendable or promises_picture(path.name)
