"""Labelled films: reading a folder's layout, telling patients apart, splitting, decoding."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError, ScanError
from xrayscan.intake.discover import DiscoveryOptions, discover
from xrayscan.intake.read import decode, read_content
from xrayscan.intake.resize import network_input

POSITIVE = "PNEUMONIA"  # the class whose probability is the score, where the folder has it
_SPLITS = ("train", "val", "test")
# The names of Kermany's films: person12_bacteria_34, IM-0115-0001, NORMAL2-IM-1427-0001.
_KERMANY_PATIENT = re.compile(r"(person\d+|(?:NORMAL2-)?IM-\d+)[_-]")


@dataclass(frozen=True, slots=True)
class LabelledFilm:
    """One film of a labelled folder.

    Attributes:
        location: path to open.
        label: index into the classes.
        patient: whose film it is; films of one patient never part.
        split: "train", "val" or "test" as the folder gives it; "" where it gives none.
        weight: how much the film counts in training, >= 0; 1 where nothing is said.
        attributes: (name, value) pairs of whatever else is known, for subgroups.
    """

    location: str
    label: int
    patient: str
    split: str = ""
    weight: float = 1.0
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """Labelled films as read from disk.

    Attributes:
        classes: names; the first is the negative one, every other counts as positive.
        films: in their lasting order.
        positive: what the score is the probability of: the one other class, or a name for all.
    """

    classes: tuple[str, ...]
    films: tuple[LabelledFilm, ...]
    positive: str

    def of_split(self, *splits: str) -> tuple[LabelledFilm, ...]:
        return tuple(film for film in self.films if film.split in splits)


@dataclass(frozen=True, slots=True)
class DecodedFilms:
    """Films as arrays, in the order of ``films``.

    Attributes:
        films: the films that could be read.
        pixels: (N, S, S) uint8, 0..255.
        labels: (N,) int64, index into the classes.
        sha256: of each film's file, hexadecimal.
        unreadable: (location, reason in words) of those that could not.
    """

    films: tuple[LabelledFilm, ...]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sha256: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]

    @property
    def positives(self) -> NDArray[np.bool_]:
        """(N,) True for every class but the first."""
        return np.asarray(self.labels != 0, np.bool_)

    def without(self, films: Collection[LabelledFilm]) -> DecodedFilms:
        """Return these films less some of them."""
        dropped = set(films)
        kept = [index for index, film in enumerate(self.films) if film not in dropped]
        return DecodedFilms(
            tuple(self.films[index] for index in kept),
            self.pixels[kept],
            self.labels[kept],
            tuple(self.sha256[index] for index in kept),
            self.unreadable,
        )


def read_labelled_folder(root: Path) -> LabelledFolder:
    """Read ``root/CLASS/...`` or ``root/{train,val,test}/CLASS/...``.

    Raises:
        DataError: there is no such folder, or it does not hold two or more classes with films.
    """
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give a folder with one folder per class")
    bases = {split: root / split for split in _SPLITS if (root / split).is_dir()} or {"": root}
    classes = _ordered_classes({child.name for base in bases.values() for child in _folders(base)})
    if len(classes) < 2:
        raise DataError(
            f"{root}: found {len(classes)} class folder(s), need at least two; "
            "put the films into one folder per class, e.g. NORMAL and PNEUMONIA"
        )
    films = [
        LabelledFilm(scan.location, label, patient_of(Path(scan.location)), split)
        for split, base in bases.items()
        for label, name in enumerate(classes)
        if (base / name).is_dir()
        for scan in discover([str(base / name)], DiscoveryOptions()).scans
    ]
    counts = Counter(film.label for film in films)
    empty = [name for label, name in enumerate(classes) if not counts[label]]
    if empty:
        raise DataError(f"{root}: class {empty[0]} has no films; add some or remove its folder")
    if len(classes) > 2:
        raise DataError(
            f"{root}: found {len(classes)} classes ({', '.join(classes)}), can train on two; "
            "put the films into two folders"
        )
    return LabelledFolder(classes, tuple(films), classes[-1])


def patient_of(path: Path) -> str:
    """Tell the patient from a film's name; a name of no known scheme is a patient of its own."""
    match = _KERMANY_PATIENT.match(path.name)
    return match.group(1) if match else str(path)


def split_by_patient(
    films: Sequence[LabelledFilm], folds: int, seed: int
) -> tuple[tuple[LabelledFilm, ...], tuple[LabelledFilm, ...]]:
    """Take one of ``folds`` parts for validation, by patient and with the classes' shares kept.

    Returns:
        (training films, validation films), each in the given order.

    Raises:
        DataError: a class has fewer patients than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels = [film.label for film in films]
    for label in sorted(set(labels)):
        patients = {film.patient for film in films if film.label == label}
        if len(patients) < folds:
            raise DataError(
                f"a class has {len(patients)} patient(s), too few to put one in {folds} aside for "
                "validation; add films of further patients"
            )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    train, validation = next(splitter.split(films, labels, [film.patient for film in films]))
    return tuple(films[i] for i in train), tuple(films[i] for i in validation)


def decode_films(films: Sequence[LabelledFilm], size: int, workers: int) -> DecodedFilms:
    """Decode films through intake to uint8 squares of ``size`` pixels; list the unreadable."""
    with ThreadPoolExecutor(workers) as pool:
        outcomes = list(pool.map(lambda film: _decode(film, size), films))
    pairs = list(zip(films, outcomes, strict=True))
    read = [(film, outcome) for film, outcome in pairs if not isinstance(outcome, str)]
    unreadable = [(film.location, words) for film, words in pairs if isinstance(words, str)]
    if not read:
        raise DataError("none of the films can be read; see `xrayscan predict FOLDER --dry-run`")
    return DecodedFilms(
        tuple(film for film, _ in read),
        np.stack([pixels for _, (pixels, _) in read]),
        np.array([film.label for film, _ in read], np.int64),
        tuple(sha256 for _, (_, sha256) in read),
        tuple(unreadable),
    )


def _decode(film: LabelledFilm, size: int) -> tuple[NDArray[np.uint8], str] | str:
    """The film's pixels and the sha256 of its file, or why it cannot be read."""
    try:
        content = read_content(film.location)
        radiograph = decode(content, film.location)
    except ScanError as fault:
        return fault.detail
    return np.rint(network_input(radiograph, size)).astype(np.uint8), content.sha256


def _folders(base: Path) -> list[Path]:
    return [child for child in base.iterdir() if child.is_dir() and not child.name.startswith(".")]


def _ordered_classes(names: set[str]) -> tuple[str, ...]:
    """Alphabetical, but the positive class last."""
    return tuple(sorted(names, key=lambda name: (name.upper() == POSITIVE, name)))
