"""From the layouts that labelled films come in to a ``LabelledFolder``."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from xrayscan.errors import DataError, UsageError
from xrayscan.intake.discover import DiscoveryOptions, discover
from xrayscan.labels.classes import classed
from xrayscan.labels.films import LabelledFilm, LabelledFolder
from xrayscan.labels.listing import LISTINGS, SPLITS, Entry, read_listing
from xrayscan.labels.patients import joined, patient_of

log = logging.getLogger(__name__)

_ORDER = ("", "train", "val", "test")


def read_labelled(data: Path, classes: str = "") -> LabelledFolder:
    """Read labelled films from a folder or a CSV.

    The layouts are ``data/CLASS/...``, ``data/{train,val,test}/CLASS/...`` with any of the three,
    by any of their names in ``listing.SPLITS`` and in any case, and a CSV as
    ``listing.read_listing`` takes it. The same films in the same splits come in the
    same order, whatever the layout and the order of a CSV's rows. No film is opened beyond the
    header that may name its patient.

    Args:
        data: the folder, or a file whose name ends in .csv.
        classes: "" for those of the data, "subtype" for NORMAL, BACTERIA and VIRUS of Kermany's
            names, or names separated by commas, the negative one first; others are left out.

    Raises:
        DataError: the data has a fault, or its classes cannot be trained on.
        UsageError: the data is not there, or a class's folder cannot be listed.
    """
    found = classed(data, *read_entries(data), classes)
    films = sorted((_film(entry, label) for entry, label in found.entries), key=_lasting)
    return LabelledFolder(found.classes, tuple(films), found.positive)


def read_entries(data: Path, start: Path | None = None) -> tuple[list[Entry], set[str]]:
    """Read what a folder, a CSV or a report's verdicts list, under the labels that they give.

    Args:
        data: the folder, or a file whose name ends in .csv or .json.
        start: the folder that the paths of a file start from; None takes the file's own.

    Returns:
        The entries, and the names of the classes, those without films, too.

    Raises:
        DataError: the data has a fault.
        UsageError: the data is not there, or a class's folder cannot be listed.
    """
    if data.suffix.lower() in LISTINGS and not data.is_dir():
        entries = joined(read_listing(data, start))
        return entries, {entry.label for entry in entries}
    return _laid_out(data)


def _laid_out(root: Path) -> tuple[list[Entry], set[str]]:
    """What lies in the class folders, and the names of the classes, empty ones included."""
    if not root.is_dir():
        fault = "not a folder" if root.exists() else "no such folder"
        raise UsageError(
            f"{root}: {fault}; give a folder with one folder per class, or a CSV of films"
        )
    bases = _splits(root) or {"": root}
    folders = [(split, folder) for split, base in bases.items() for folder in _folders(base)]
    entries = [
        Entry(scan.location, folder.name, scan.location, split)
        for split, folder in folders
        for scan in discover([str(folder)], DiscoveryOptions()).scans
    ]
    return entries, {folder.name for _, folder in folders}


def _splits(root: Path) -> dict[str, Path]:
    """The folder of each split; none where the folders are classes.

    Raises:
        DataError: two folders of one split, or films in a folder beside them that is no split.
    """
    bases: dict[str, Path] = {}
    others = []
    for folder in _folders(root):
        split = SPLITS.get(folder.name.casefold(), "")
        if not split:
            others.append(folder)
        elif bases.setdefault(split, folder) != folder:
            raise DataError(
                f"{root}: {bases[split].name} and {folder.name} are both the {split} split; put "
                "their films into one of the two"
            )
    for other in others if bases else ():
        _pass_over(root, other, next(iter(bases.values())))
    return bases


def _pass_over(root: Path, other: Path, split: Path) -> None:
    """Say that a folder beside the splits is not read.

    Raises:
        DataError: films would be missed.
    """
    if any(folder.name.casefold() in SPLITS for folder in _folders(other)):
        # Kaggle's archive holds a whole copy of itself
        log.warning("%s: passed over: it has splits of its own", other)
    elif discover([str(other)], DiscoveryOptions()).scans:
        raise DataError(
            f"{root}: {other.name} lies beside {split.name} and is no split; name it train, val or "
            "test, or move it elsewhere"
        )
    else:
        log.warning("%s: passed over: it holds no films", other)


def _folders(base: Path) -> list[Path]:
    return sorted(
        child for child in base.iterdir() if child.is_dir() and not child.name.startswith(".")
    )


def _film(entry: Entry, label: int) -> LabelledFilm:
    return LabelledFilm(
        entry.location,
        label,
        entry.patient or patient_of(entry.location),
        entry.split,
        entry.weight,
        entry.attributes,
    )


def _lasting(film: LabelledFilm) -> tuple[int, int, list[bytes]]:
    """Order by split, class and path, a folder's files where discovery has them: by bytes."""
    parts = [os.fsencode(part) for part in Path(film.location).parts]
    return _ORDER.index(film.split), film.label, parts
