"""Find the scans below the given paths, in an order that never changes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from xrayscan.errors import UsageError
from xrayscan.intake.formats import EXTENSIONS, SNIFF_BYTES, UNREAD_EXTENSIONS, sniff
from xrayscan.records import Scan


@dataclass(frozen=True, slots=True)
class DiscoveryOptions:
    """What to look at.

    Attributes:
        recursive: also look into folders within folders.
        include: glob patterns on the path within the folder; empty takes everything.
        exclude: glob patterns that leave a file or a whole folder out.
        own_outputs: files and folders that this tool writes; never scanned.
    """

    recursive: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    own_outputs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found: the scans in their lasting order, and how many files were no scans."""

    scans: tuple[Scan, ...]
    other_files: int


def discover(paths: Sequence[str], options: DiscoveryOptions) -> Discovery:
    """List the scans below ``paths``.

    A file counts as a scan when its name promises a picture (or promises nothing: no extension, or
    a DICOM UID for a name) or when its content is one; other files are counted and left alone.
    Hidden files, the tool's own outputs and DICOMDIR indexes are passed over.

    Args:
        paths: folders or files as the user gave them.
        options: what to take and what to leave.

    Raises:
        UsageError: a path does not exist or cannot be listed.
    """
    walker = _Walker(options)
    found: dict[str, Scan] = {}
    for given in paths:
        for scan in walker.scans_of(given, named_with_argument=len(paths) > 1):
            found.setdefault(scan.name, scan)
    return Discovery(tuple(found.values()), walker.other_files)


_Identities = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Listing:
    """One folder's entries in byte order, and which folder it is whatever path led there."""

    identity: tuple[int, int]
    entries: list[os.DirEntry[str]]


def _listing(folder: str) -> _Listing:
    stat = os.stat(folder)  # noqa: PTH116
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    return _Listing((stat.st_dev, stat.st_ino), ordered)


class _Walker:
    """One pass over the given paths; knows which folders it is inside, so that loops end."""

    def __init__(self, options: DiscoveryOptions) -> None:
        self.options = options
        self.own_outputs = {os.path.realpath(path) for path in options.own_outputs}
        self.other_files = 0

    def scans_of(self, given: str, *, named_with_argument: bool) -> Iterator[Scan]:
        try:
            stat = os.stat(given)  # noqa: PTH116  # paths stay strings: they may not be UTF-8
        except OSError as fault:
            raise UsageError(
                f"{given}: {_words(fault)}; check the path and its permissions"
            ) from None
        if not os.path.isdir(given):  # noqa: PTH112
            yield Scan.of(given, given, stat)
            return
        for within, location in self._files(given):
            name = os.path.join(given, within) if named_with_argument else within  # noqa: PTH118
            scan = self._scan(name, location)
            if scan is not None:
                yield scan

    def _files(self, root: str) -> Iterator[tuple[str, str]]:
        """Yield (path within root, path to open), folders and files together in byte order."""
        try:
            listing = _listing(root)
        except OSError as fault:
            raise UsageError(
                f"{root}: {_words(fault)}; check that the folder is readable"
            ) from None
        yield from self._entries(listing, "", frozenset())

    def _folder(self, folder: str, within: str, above: _Identities) -> Iterator[tuple[str, str]]:
        try:
            listing = _listing(folder)
        except OSError:  # the folder itself becomes a row, so that what is in it is not lost unsaid
            yield within, folder
            return
        yield from self._entries(listing, f"{within}/", above)

    def _entries(
        self, listing: _Listing, within: str, above: _Identities
    ) -> Iterator[tuple[str, str]]:
        if listing.identity in above:  # a symbolic link that leads back up
            return
        for entry in listing.entries:
            name = f"{within}{entry.name}"
            if entry.name.startswith(".") or self._left_out(name, entry.path):
                continue
            if not _is_folder(entry):
                if self._included(name, entry.name):
                    yield name, entry.path
            elif self.options.recursive:
                yield from self._folder(entry.path, name, above | {listing.identity})

    def _left_out(self, name: str, path: str) -> bool:
        base = name.rpartition("/")[2]
        if any(fnmatchcase(text, glob) for glob in self.options.exclude for text in (name, base)):
            return True
        return base == "DICOMDIR" or os.path.realpath(path) in self.own_outputs

    def _included(self, name: str, base: str) -> bool:
        globs = self.options.include
        return not globs or any(fnmatchcase(text, glob) for glob in globs for text in (name, base))

    def _scan(self, name: str, location: str) -> Scan | None:
        try:
            stat = os.stat(location)  # noqa: PTH116
        except OSError:  # gone, or a dangling link: listed, so it gets its row when its turn comes
            scan = Scan(name, location, 0, 0) if promises_picture(name) else None
        else:
            taken = S_ISDIR(stat.st_mode) or (  # a folder comes here when it cannot be listed
                S_ISREG(stat.st_mode) and (promises_picture(name) or _is_picture(location))
            )
            scan = Scan.of(name, location, stat) if taken else None
        self.other_files += scan is None
        return scan


def promises_picture(name: str) -> bool:
    """Whether a name leads one to expect a film: a picture's extension, or none at all."""
    extension = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if extension in EXTENSIONS or extension in UNREAD_EXTENSIONS or not extension:
        return True
    return extension[1:].isdigit()  # 1.2.840.113619.2: a DICOM UID, not an extension


def _is_picture(location: str) -> bool:
    try:
        with open(location, "rb") as file:  # noqa: PTH123
            return sniff(file.read(SNIFF_BYTES)) is not None
    except OSError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that loops on itself
        return False


def _words(fault: OSError) -> str:
    return (fault.strerror or str(fault)).lower()
