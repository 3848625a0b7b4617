"""The films that a model is measured on: their labels in the model's terms."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from xrayscan.errors import DataError, OptionError, UsageError
from xrayscan.labels.layouts import read_entries
from xrayscan.labels.listing import SPLITS, Entry
from xrayscan.labels.patients import patient_of
from xrayscan.records import Scan
from xrayscan.scoring.card import ModelCard

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """How the labels are read.

    Attributes:
        data: a folder with one folder per class, a CSV, or a report's verdicts.
        start: the folder that the paths of a list start from; None takes the list's own.
        positive: labels that count as positive; empty takes the model's classes.
        negative: labels that count as negative; empty takes the model's negative class.
        split: only the films of this split; "" takes all.
        unseen: leave out the films that the model has learnt from; told when they are read.
    """

    data: Path
    start: Path | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    split: str = ""
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class LabelledScan:
    """A film with what is known of it before it is scored.

    Attributes:
        scan: the file.
        label: as the data has it.
        positive: whether that counts as positive.
        patient: key of whose film it is.
        attributes: further columns; once it is read, age, sex and view of a DICOM header as well.
    """

    scan: Scan
    label: str
    positive: bool
    patient: str = field(repr=False)
    attributes: Mapping[str, str] = field(repr=False)

    @property
    def names_patient(self) -> bool:
        """Whether it is known whose film it is; else it is taken for a patient of its own."""
        return self.patient != self.scan.location


@dataclass(frozen=True, slots=True)
class LabelledScans:
    """The films to measure on, and those that are not.

    Attributes:
        films: in their lasting order.
        other_labels: films left out because of their label, by label.
    """

    films: tuple[LabelledScan, ...]
    other_labels: Mapping[str, int]


def labelled_scans(options: LabelOptions, card: ModelCard) -> LabelledScans:
    """Read labels and say which count as positive for a model.

    Raises:
        DataError: the data has a fault, or a label is none of the model's and nothing says how it
            counts.
        UsageError: the data is not there, a folder cannot be listed, or an option cannot work.
    """
    if options.start is not None and not options.start.is_dir():
        raise OptionError("films", options.start, "no such folder; give the one paths start from")
    entries, _ = read_entries(options.data, options.start)
    entries = _of_split(entries, options)
    sides = _sides(entries, options, card)
    _say_unknown(entries, options)
    chosen = [entry for entry in entries if entry.label.casefold() in sides]
    other = Counter(entry.label for entry in entries if entry.label.casefold() not in sides)
    check_left(chosen, options)
    films = tuple(_film(entry, sides[entry.label.casefold()]) for entry in chosen)
    return LabelledScans(films, dict(other))


def copies_joined(
    films: Sequence[LabelledScan], contents: Sequence[str]
) -> tuple[LabelledScan, ...]:
    """Give films without a patient that of their copies: one film twice is no further evidence.

    Args:
        films: any.
        contents: sha256 of each one's file; "" where it is not known.
    """
    pairs = [
        (content or film.scan.location, film) for content, film in zip(contents, films, strict=True)
    ]
    owners: dict[str, str] = {}
    for key, film in sorted(pairs, key=lambda pair: not pair[1].names_patient):
        owners.setdefault(key, film.patient)
    return tuple(
        film if film.names_patient else replace(film, patient=owners[key]) for key, film in pairs
    )


def check_left(films: Sequence[object], options: LabelOptions) -> None:
    """Refuse to measure on nothing.

    Raises:
        DataError: no films are left.
    """
    if not films:
        raise DataError(
            f"{options.data}: no films are left to measure on; give others, in one folder for each "
            "class or with path and label in a CSV"
        )


def _of_split(entries: list[Entry], options: LabelOptions) -> list[Entry]:
    if not options.split:
        return entries
    wanted = SPLITS.get(options.split.casefold())
    if wanted is None:
        raise OptionError("split", options.split, "choose one of train, val, test")
    found = [entry for entry in entries if entry.split == wanted]
    if not found:
        raise DataError(f"{options.data}: has no films of split {wanted}; leave out --split")
    return found


def _sides(entries: Sequence[Entry], options: LabelOptions, card: ModelCard) -> dict[str, bool]:
    """Whether a label, in lower case, counts as positive; others are left out.

    Raises:
        UsageError: a label counts as both.
        DataError: one counts as neither, and nobody said that it may be left out.
    """
    classes = {name.casefold() for name in (*card.classes, card.positive)}
    negative = {name.casefold() for name in options.negative} or {card.negative.casefold()}
    positive = {name.casefold() for name in options.positive} or classes - negative
    both = positive & negative
    if both:
        raise UsageError(
            f"{options.data}: {', '.join(sorted(both))} counts as positive and as negative; name "
            "it once"
        )
    others = sorted({entry.label for entry in entries} - _spelt(entries, positive | negative))
    if others and not (options.positive or options.negative):
        raise DataError(
            f"{options.data}: the model's classes are {', '.join(card.classes)}, and nothing says "
            f"what {', '.join(others[:8])} counts as; give --negative and --positive with names "
            "separated by commas, and what neither names is left out"
        )
    return dict.fromkeys(positive, True) | dict.fromkeys(negative, False)


def _say_unknown(entries: Sequence[Entry], options: LabelOptions) -> None:
    """Name what --positive and --negative name and no film has: misspelt, or not in this list."""
    labels = sorted({entry.label for entry in entries})
    known = {label.casefold() for label in labels}
    for name in (*options.positive, *options.negative):
        if name.casefold() not in known:
            log.warning("no film has the label %s; there are %s", name, ", ".join(labels[:8]))


def _spelt(entries: Sequence[Entry], folded: set[str]) -> set[str]:
    return {entry.label for entry in entries if entry.label.casefold() in folded}


def scan_of(location: str) -> Scan:
    """A film given by its path, to be read; reading it will say what is wrong with it."""
    try:
        return Scan.of(location, location, os.stat(location))  # noqa: PTH116  # may not be UTF-8
    except OSError:
        return Scan(location, location, 0, 0)


def _film(entry: Entry, positive: bool) -> LabelledScan:
    location = entry.location
    attributes = {name: text for name, text in entry.attributes if text}
    return LabelledScan(
        scan_of(location),
        entry.label,
        positive,
        entry.patient or patient_of(location),
        attributes,
    )
