"""Files that are there whole or not at all, and whether they will be, asked before the work."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TextIO

from xrayscan.errors import XrayscanError, words_of


@contextmanager
def atomic_text(path: Path, like: Path | None = None) -> Iterator[TextIO]:
    """Open a text file that takes its name only when it is complete and on the disk.

    It is written beside its place under a hidden name, flushed, synced and renamed. When anything
    goes wrong, the file that was there before stays as it was. What a link leads to is
    renewed, not the link; a pipe or a device is written straight to, as nothing could be renamed
    onto it.

    Args:
        path: the file to be; its folder is made if it is missing.
        like: whoever may read this file may read the new one; None for the one that it replaces.

    Raises:
        XrayscanError: the folder or the file cannot be written.
    """
    if is_stream(path):
        with _stream(path) as file:
            yield file
        return
    target = _target(path)
    temporary = temporary_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # newline="": what is given is what is written, on every system
        with temporary.open("x", encoding="utf-8", newline="") as file:
            keep_permissions(like or target, temporary)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as fault:
        raise unwritable(path, fault) from fault
    finally:
        with suppress(OSError):  # it was renamed, or could never be made
            temporary.unlink()


def write_bytes(path: Path, content: bytes, like: Path | None = None) -> None:
    """Write a small file that is there whole or not at all while the machine runs.

    It is not synced: hundreds of them would take minutes on a share. After a power cut it may be
    empty or missing, which whoever counts on it has to see.

    Args:
        path: the file to be.
        content: of it.
        like: as for ``atomic_text``.

    Raises:
        OSError: it cannot be written.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:
            keep_permissions(like or path, temporary)
            file.write(content)
        temporary.replace(path)
    finally:
        with suppress(OSError):  # it was renamed, or could never be made
            temporary.unlink()


def is_stream(path: Path) -> bool:
    """Whether a path leads to a pipe, a device or a socket: neither file nor folder."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (S_ISREG(mode) or S_ISDIR(mode))


def check_writable(path: Path) -> None:
    """Find out whether ``atomic_text`` will be able to write a file; nothing is left behind.

    Raises:
        XrayscanError: it will not.
    """
    target = _target(path).absolute()
    folder = next(each for each in target.parents if os.path.lexists(each))
    probe = temporary_beside(folder / target.name)
    try:
        if is_stream(path):
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        with probe.open("x"):
            pass
        probe.unlink()
    except OSError as fault:
        raise unwritable(path, fault) from None


def unwritable(path: Path | str, fault: OSError) -> XrayscanError:
    """Say in one sentence that something cannot be written."""
    words = words_of(fault)
    return XrayscanError(f"{path}: cannot be written ({words}); check space and permissions")


@contextmanager
def _stream(path: Path) -> Iterator[TextIO]:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as fault:
        raise unwritable(path, fault) from fault


def _target(path: Path) -> Path:
    """The file itself, where ``path`` is a link to it."""
    # not path.is_symlink(), which raises for names that are too long
    return Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114


def temporary_beside(target: Path) -> Path:
    """A name that nobody foresees, for what is to be renamed onto ``target``."""
    # by chance, not by process: on a share, two containers can both be process 1
    return target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")


def keep_permissions(earlier: Path, new: Path) -> None:
    """Give a file the permissions of an earlier one, if there is one.

    To be called before anything is in it: whoever may not read the one must not read the other.
    """
    with suppress(OSError):  # there is none, or the share knows of no permissions
        new.chmod(earlier.stat().st_mode & 0o777)


def sync_folder(folder: Path) -> None:
    """Make the rename itself lasting, where the system and the share know how to."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as fault:
        # how shares say that they sync no folders; PostgreSQL passes over the same two
        if fault.errno not in (errno.EBADF, errno.EINVAL):
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make all that lies in a folder lasting, its files first."""
    for path in sorted(folder.rglob("*"), key=lambda path: path.is_dir()):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)
