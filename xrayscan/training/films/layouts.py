"""From the layouts that labelled films come in to a ``LabelledFolder``."""

from __future__ import annotations

import os
from pathlib import Path

from xrayscan.errors import DataError
from xrayscan.intake.discover import DiscoveryOptions, discover
from xrayscan.training.films.classes import classed
from xrayscan.training.films.data import LabelledFilm, LabelledFolder
from xrayscan.training.films.listing import Entry, read_listing
from xrayscan.training.films.patients import patient_of

_SPLITS = ("train", "val", "test")


def read_labelled(data: Path, classes: str = "") -> LabelledFolder:
    """Read labelled films from a folder or a CSV.

    The layouts are ``data/CLASS/...``, ``data/{train,val,test}/CLASS/...`` with any of the three,
    and a CSV as ``listing.read_listing`` takes it. The same films in the same splits come in the
    same order, whatever the layout and the order of a CSV's rows. No film is opened beyond the
    header that may name its patient.

    Args:
        data: the folder, or a file whose name ends in .csv.
        classes: "" for those of the data, "subtype" for NORMAL, BACTERIA and VIRUS of Kermany's
            names, or names separated by commas, the negative one first; others are left out.

    Raises:
        DataError: the data is not there, has a fault, or its classes cannot be trained on.
        UsageError: a class's folder cannot be listed.
    """
    if data.suffix.lower() == ".csv" and not data.is_dir():
        entries = read_listing(data)
        found = classed(data, entries, {entry.label for entry in entries}, classes)
    else:
        found = classed(data, *_laid_out(data), classes)
    films = sorted((_film(entry, label) for entry, label in found.entries), key=_lasting)
    return LabelledFolder(found.classes, tuple(films), found.positive)


def _laid_out(root: Path) -> tuple[list[Entry], set[str]]:
    """What lies in the class folders, and the names of the classes, empty ones included."""
    if not root.is_dir():
        raise DataError(
            f"{root}: no such folder; give a folder with one folder per class, or a CSV of films"
        )
    bases = {split: root / split for split in _SPLITS if (root / split).is_dir()} or {"": root}
    folders = [(split, folder) for split, base in bases.items() for folder in _folders(base)]
    entries = [
        Entry(scan.location, folder.name, scan.location, split)
        for split, folder in folders
        for scan in discover([str(folder)], DiscoveryOptions()).scans
    ]
    return entries, {folder.name for _, folder in folders}


def _folders(base: Path) -> list[Path]:
    return [child for child in base.iterdir() if child.is_dir() and not child.name.startswith(".")]


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
    return ("", *_SPLITS).index(film.split), film.label, parts
