"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from xrayscan.errors import XrayscanError


@contextmanager
def atomic_text(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes its name only when it is complete and on the disk.

    It is written beside its place under a hidden name, flushed, synced and renamed. When anything
    goes wrong, the file that was there before stays as it was.

    Args:
        path: the file to be; its folder is made if it is missing.

    Raises:
        XrayscanError: the folder or the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # newline="": what is given is what is written, on every system
        with temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as fault:
        words = (fault.strerror or str(fault)).lower()
        raise XrayscanError(
            f"{path}: cannot be written ({words}); check space and permissions"
        ) from fault
    finally:
        with suppress(OSError):  # it was renamed, or could never be made
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself lasting; not every system lets a folder be opened for this."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
