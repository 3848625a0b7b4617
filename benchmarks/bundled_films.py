"""The list of films that the bundled models learn from, and what each counts.

Usage:
    python -m benchmarks.bundled_films DATA films.csv [--other-findings]

DATA is the developers' folder of films (../shared/data). ``benchmarks/bundled.sh`` makes the
models.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrayscan.journal.atomic import atomic_text

CHILDREN = "kermany"
# What a film of each source counts beside others of its hospital and class. NIH's are few and of
# the hospital to be told; those of COVID collections are labelled weakly and come from elsewhere.
_SHARES = {CHILDREN: 1.0, "nih": 2.0, "nih_other": 2.0, "rsna": 1.0, "covid": 0.4}
_OPACITIES = {"Consolidation", "Edema", "Infiltration", "Pneumonia"}
_FOLDS, _SALT = 7, "7"  # one patient in seven for validation, by the hash of who it is


@dataclass(frozen=True, slots=True)
class Film:
    """A film of the list: where it lies, what it shows, whose it is, where it comes from."""

    path: Path
    label: str
    patient: str
    source: str

    def part(self, count: int) -> int | None:
        """Which of so many parts its patient is in; None in collections without patients."""
        if self.source == "covid":
            return None
        digest = hashlib.sha256(f"{_SALT}{self.patient}".encode()).hexdigest()
        return int(digest, 16) % count

    @property
    def split(self) -> str:
        """Of the bundled models' training; what names no patient is never validated on."""
        return "val" if self.part(_FOLDS) == 0 else "train"

    @property
    def group(self) -> tuple[bool, str]:
        """Within each hospital both classes count alike: which hospital it is tells nothing."""
        return self.source == CHILDREN, self.label


def films(data: Path, *, other_findings: bool = False) -> Iterator[Film]:
    """List the films; official splits are kept.

    Args:
        data: the developers' folder.
        other_findings: with NIH's films of findings that are no opacity, as negatives.
    """
    for row in rows_of(data / CHILDREN):
        if row["split"] == "train":
            path = data / CHILDREN / row["path"]
            yield Film(path, row["cls"], f"k{row['patient']}", CHILDREN)
    for row in rows_of(data / "nih"):
        path, patient = data / "nih" / row["file"], f"n{row['patient_id']}"
        if row["split"] != "train":
            continue
        if row["label"] in ("normal", "pneumonia"):
            yield Film(path, row["label"].upper(), patient, "nih")
        elif other_findings and not _OPACITIES.intersection(row["nih_labels"].split("|")):
            yield Film(path, "NORMAL", patient, "nih_other")
    for row in rows_of(data / "rsna_normal"):
        known = row["patient_id"]
        patient = f"n{float(known):.0f}" if known else f"r{row['file']}"
        yield Film(data / "rsna_normal" / row["file"], "NORMAL", patient, "rsna")
    for row in rows_of(data / "covid"):
        yield Film(data / "covid" / row["file"], "PNEUMONIA", f"c{row['file']}", "covid")


def write_list(path: Path, listed: Sequence[Film], split: Callable[[Film], str]) -> None:
    """Write the list that ``fit`` and ``evaluate`` take, each film in the split given for it."""
    splits = [split(film) for film in listed]
    with atomic_text(path) as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "patient", "split", "source", "weight"))
        for film, part, weight in zip(listed, splits, weights(listed, splits), strict=True):
            writer.writerow((film.path, film.label, film.patient, part, film.source, weight))


def weights(listed: Sequence[Film], splits: Sequence[str]) -> list[float]:
    """What each film counts: every group of hospital and class the same in all, 1 on the mean."""
    training = [film for film, split in zip(listed, splits, strict=True) if split == "train"]
    totals: Counter[tuple[bool, str]] = Counter()
    for film in training:
        totals[film.group] += _SHARES[film.source]  # type: ignore[assignment]
    each = len(training) / len(totals)
    return [
        round(_SHARES[film.source] * each / totals[film.group], 5) if split == "train" else 1.0
        for film, split in zip(listed, splits, strict=True)
    ]


def rows_of(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a folder's manifest."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("listing", type=Path)
    parser.add_argument("--other-findings", action="store_true")
    given = parser.parse_args()
    listed = list(films(given.data.resolve(), other_findings=given.other_findings))
    write_list(given.listing, listed, lambda film: film.split)


if __name__ == "__main__":
    main()
