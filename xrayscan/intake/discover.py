"""Find the scans below the given paths, in an order that never changes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from xrayscan.errors import UsageError, words_of
from xrayscan.intake.formats import EXTENSIONS, SNIFF_BYTES, UNREAD_EXTENSIONS, sniff
from xrayscan.records import Scan
from xrayscan.report_files import is_report_files


@dataclass(frozen=True, slots=True)
class DiscoveryOptions:
    """What to look at.

    Attributes:
        recursive: also look into folders within folders.
        include: glob patterns on the path within the folder, whatever the case of its letters;
            empty takes everything.
        exclude: glob patterns that leave a file or a whole folder out.
        own_outputs: files and folders that this tool writes; never scanned.
    """

    recursive: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    own_outputs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of any folder; which one a film belongs to hangs on its name alone.

    Attributes:
        part: 1 to ``parts``.
        parts: how many there are.
    """

    part: int
    parts: int

    def __str__(self) -> str:
        return f"{self.part}/{self.parts}"

    def of(self, scans: Sequence[Scan]) -> tuple[Scan, ...]:
        """The scans of this part, in their order."""
        return tuple(scan for scan in scans if self._holds(scan.name))

    def _holds(self, name: str) -> bool:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8]) % self.parts == self.part - 1


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found: the scans in their lasting order, and how many files were no scans."""

    scans: tuple[Scan, ...]
    other_files: int


def discover(
    paths: Sequence[str],
    options: DiscoveryOptions,
    left_out: Callable[[str], None] = lambda name: None,
) -> Discovery:
    """List the scans below ``paths``.

    A file counts as a scan when its name promises a picture (or promises nothing: no extension, or
    a DICOM UID for a name) or when its content is one; other files, hidden ones and DICOMDIR
    indexes are counted and left alone. The tool's own outputs are passed over, and the pictures of
    any of its reports. Where paths overlap, a file is found by the first of them, however it is
    spelt.

    Args:
        paths: folders or files as the user gave them.
        options: what to take and what to leave.
        left_out: told the name of each file that is no scan.

    Raises:
        UsageError: a path does not exist or cannot be listed.
    """
    walker = _Walker(options)
    if len(paths) > 1:
        return _each_once(walker, paths, left_out)
    scans, others = [], 0
    for given in paths:
        for file in walker.files_of(given):
            scan = file.scan()
            if scan is None:
                others += 1
                left_out(file.name)
            else:
                scans.append(scan)
    return Discovery(tuple(scans), others)


def _each_once(walker: _Walker, paths: Sequence[str], left_out: Callable[[str], None]) -> Discovery:
    """List several paths; every name begins with the path, so that names stay apart."""
    scans: list[Scan] = []
    taken: set[_Place] = set()
    others: dict[_Place, str] = {}
    for given in paths:
        named = [file.below(given) for file in walker.files_of(given)]
        here = [(walker.place(file.location), file.name, file.scan()) for file in named]
        scans += [scan for place, _, scan in here if scan is not None and place not in taken]
        taken |= {place for place, _, scan in here if scan is not None}
        for place, name, scan in here:
            if scan is None:
                others.setdefault(place, name)
    # another file of one path may be a scan of the next, given by hand
    names = [name for place, name in others.items() if place not in taken]
    for name in names:
        left_out(name)
    return Discovery(tuple(scans), len(names))


# A file's real folder and its name there: a link to a file is a file of its own.
_Place = tuple[str, str]
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


class _Kind(Enum):
    """How a file was met."""

    FOUND = auto()
    GIVEN = auto()  # by hand: taken whatever it is called
    PASSED_OVER = auto()  # hidden, or an index of other files


@dataclass(frozen=True, slots=True)
class _File:
    """A file met on the way; ``kind`` says what to make of it."""

    name: str
    location: str
    kind: _Kind

    def below(self, given: str) -> _File:
        """The file with the given folder before its name."""
        if self.kind is _Kind.GIVEN:
            return self
        return replace(self, name=os.path.join(given, self.name))  # noqa: PTH118

    def scan(self) -> Scan | None:
        """The file as a scan; None where it is another file."""
        if self.kind is _Kind.PASSED_OVER:
            return None
        given = self.kind is _Kind.GIVEN
        try:
            stat = os.stat(self.location)  # noqa: PTH116
        except OSError:  # gone, or a dangling link: listed, so it gets its row when its turn comes
            promising = given or promises_picture(self.name)
            return Scan(self.name, self.location, 0, 0) if promising else None
        taken = (
            given
            or S_ISDIR(stat.st_mode)  # a folder comes here when it cannot be listed
            or (
                S_ISREG(stat.st_mode)
                and (promises_picture(self.name) or _is_picture(self.location))
            )
        )
        return Scan.of(self.name, self.location, stat) if taken else None


class _Walker:
    """One pass over the given paths; knows which folders it is inside, so that loops end."""

    def __init__(self, options: DiscoveryOptions) -> None:
        self.options = options
        self.own_outputs = {os.path.realpath(path) for path in options.own_outputs}
        self.include = [glob.lower() for glob in options.include]
        self.exclude = [glob.lower() for glob in options.exclude]
        self.real_folders: dict[str, str] = {}

    def place(self, location: str) -> _Place:
        folder, name = os.path.split(location)
        if folder not in self.real_folders:
            self.real_folders[folder] = os.path.realpath(folder)
        return self.real_folders[folder], name

    def files_of(self, given: str) -> Iterator[_File]:
        """Yield the files of a path: named by their place within a folder, or as it is given."""
        if not given:
            raise UsageError("'': an empty path; give a folder or a file")
        try:
            os.stat(given)  # noqa: PTH116  # paths stay strings: they may not be UTF-8
        except OSError as fault:
            raise UsageError(
                f"{given}: {words_of(fault)}; check the path and its permissions"
            ) from None
        if not os.path.isdir(given):  # noqa: PTH112
            if os.path.realpath(given) not in self.own_outputs:
                yield _File(given, given, _Kind.GIVEN)
            return
        yield from self._files(given)

    def _files(self, root: str) -> Iterator[_File]:
        """Yield the files, named by their path within root, folders and files in byte order."""
        try:
            listing = _listing(root)
        except OSError as fault:
            raise UsageError(
                f"{root}: {words_of(fault)}; check that the folder is readable"
            ) from None
        yield from self._entries(listing, "", frozenset())

    def _folder(self, folder: str, within: str, above: _Identities) -> Iterator[_File]:
        try:
            listing = _listing(folder)
        except OSError:  # the folder itself becomes a row, so that what is in it is not lost unsaid
            yield _File(within, folder, _Kind.FOUND)
            return
        yield from self._entries(listing, f"{within}/", above)

    def _entries(self, listing: _Listing, within: str, above: _Identities) -> Iterator[_File]:
        if listing.identity in above:  # a symbolic link that leads back up
            return
        for entry in listing.entries:
            name = f"{within}{entry.name}"
            if self._left_out(name, entry):
                continue
            if entry.name.startswith(".") or entry.name == "DICOMDIR":
                if not _is_folder(entry):  # what is in a hidden folder would take a walk to count
                    yield _File(name, entry.path, _Kind.PASSED_OVER)
            elif not _is_folder(entry):
                if not self.include or _matches(name, self.include):
                    yield _File(name, entry.path, _Kind.FOUND)
            elif self.options.recursive and not is_report_files(entry.path):
                yield from self._folder(entry.path, name, above | {listing.identity})

    def _left_out(self, name: str, entry: os.DirEntry[str]) -> bool:
        return _matches(name, self.exclude) or self._is_own(entry)

    def _is_own(self, entry: os.DirEntry[str]) -> bool:
        # what is no link lies where its folder does: asking the system for each file takes longer
        # than listing them all
        is_link = entry.is_symlink()
        real = os.path.realpath(entry.path) if is_link else os.path.join(*self.place(entry.path))  # noqa: PTH118
        return real in self.own_outputs


def _matches(name: str, globs: Sequence[str]) -> bool:
    """Whether a path or its last part matches one of several globs in small letters."""
    whole = name.lower()
    return any(
        fnmatchcase(text, glob) for glob in globs for text in (whole, whole.rpartition("/")[2])
    )


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
