"""The folders that films were listed in, and whether they are still there."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from xrayscan.records import Scan


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as it was when its films were listed.

    Attributes:
        path: absolute.
        identity: its device and inode number; None where it was gone already.
        mount: where what it lies on is mounted, absolute; of a share that is not, the one above.
        scans: those that were listed below it.
    """

    path: str
    identity: tuple[int, int] | None
    mount: str
    scans: tuple[Scan, ...]

    def is_lost(self) -> bool:
        """Whether nothing can be said of films that are missing: the share is not there.

        Where the folder has the numbers that it had, it is there; but an empty one is what an
        unmounted share leaves, and a number can be given to a new folder. Other numbers alone say
        little: some network file systems make up inodes anew each time, and a share that was
        mounted again has another device. There it counts whether any film is where it was.
        """
        try:
            with os.scandir(self.path) as entries:
                is_empty = next(entries, None) is None
            if is_empty or _identity(self.path) == self.identity:
                return is_empty
        except OSError:
            return True
        # the last ones first: those that are done may have been moved on
        return not any(os.path.lexists(scan.location) for scan in reversed(self.scans))


def given_folders(paths: Sequence[str]) -> tuple[str, ...]:
    """The folders that paths lead to, absolute and each once; that of a file is the one around it.

    A file that is given and missing later is gone; that its share is says the folder.
    """
    absolute = map(os.path.abspath, paths)
    found = (path if os.path.isdir(path) else os.path.dirname(path) for path in absolute)  # noqa: PTH112, PTH120
    return tuple(dict.fromkeys(found))


def folder_of(location: str, folders: Collection[str]) -> str | None:
    """Find the nearest of several folders, absolute ones, that a file lies below."""
    folder = os.path.dirname(os.path.abspath(location))  # noqa: PTH100, PTH120
    while folder not in folders:
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return None
        folder = above
    return folder


def listed_folders(paths: Sequence[str], scans: Sequence[Scan]) -> dict[str, Folder]:
    """Note which folders films were listed in, by their absolute paths: given ones, and mount
    points of other shares below them, whose films count for both.

    Args:
        paths: folders or files as the user gave them.
        scans: what was found there.
    """
    all_given = given_folders(paths)
    films: dict[str, list[Scan]] = {folder: [] for folder in all_given}
    found: dict[str, list[str]] = {}  # by the folder around: looked for once, not for each film
    mounts: dict[str, str | None] = {}
    for scan in scans:
        around = os.path.dirname(scan.location)  # noqa: PTH120
        if around not in found:
            given = folder_of(scan.location, all_given)
            mount = given and _mounted_below(given, os.path.abspath(around), mounts)  # noqa: PTH100
            found[around] = [folder for folder in (given, mount) if folder]
        for folder in found[around]:
            films.setdefault(folder, []).append(scan)
    return {path: _folder(path, below) for path, below in films.items()}


def _mounted_below(given: str, place: str, known: dict[str, str | None]) -> str | None:
    """The nearest mount point from a folder up to a given one, if there is one below that.

    Args:
        given: absolute.
        place: absolute, the given one or below it.
        known: by folder, what was found before; a share is asked of each folder once.
    """
    if place == given:
        return None
    if place not in known:
        above = os.path.dirname(place)  # noqa: PTH120
        known[place] = place if os.path.ismount(place) else _mounted_below(given, above, known)
    return known[place]


def unmounted(earlier: Iterable[str], folders: Mapping[str, Folder]) -> dict[str, Folder]:
    """Find the mount points of earlier runs where nothing is mounted now, and no film lies.

    One that is there no more was removed on purpose.

    Args:
        earlier: their absolute paths.
        folders: that films were listed in.
    """
    found = {}
    for path in earlier:
        above = folder_of(path, folders)
        if path in folders or above is None or not os.path.isdir(path) or os.path.ismount(path):  # noqa: PTH112
            continue
        locations = (os.path.abspath(scan.location) for scan in folders[above].scans)  # noqa: PTH100
        if not any(location.startswith(os.path.join(path, "")) for location in locations):  # noqa: PTH118
            found[path] = _folder(path, ())
    return found


def _folder(path: str, scans: Iterable[Scan]) -> Folder:
    return Folder(path, _identity_now(path), _mount(path), tuple(scans))


def _identity(folder: str) -> tuple[int, int]:
    stat = os.stat(folder)  # noqa: PTH116
    return stat.st_dev, stat.st_ino


def _mount(folder: str) -> str:
    """The nearest mount point around a folder; numbers of devices change with each mount."""
    place = os.path.realpath(folder)
    while not os.path.ismount(place) and os.path.dirname(place) != place:  # noqa: PTH120
        place = os.path.dirname(place)  # noqa: PTH120
    return place


def _identity_now(folder: str) -> tuple[int, int] | None:
    try:
        return _identity(folder)
    except OSError:
        return None
