"""The recipe of the bundled models, cross-validated by patient on both hospitals.

Usage:
    python -m benchmarks.cross_validation DATA WEIGHTS OUT [--folds 5] [--epochs 8]

DATA is the developers' folder of films (../shared/data), WEIGHTS the file of ImageNet weights. For
each fold a network is trained on the other parts but one, on which its epoch, calibration and
threshold are chosen, and measured on the fold itself: nothing is chosen on what is measured.
``nih/strong`` is in no part; every network is measured on all of it. Folds that are there are not
trained again, and one that was stopped goes on. The tables of docs/models.md are printed after
each fold, of the folds so far.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.bundled_films import CHILDREN, Film, films, rows_of, write_list
from xrayscan.evaluation.by_threshold import at_threshold
from xrayscan.evaluation.measure import calibration, ranking
from xrayscan.evaluation.model_readme import estimate_words
from xrayscan.evaluation.sample import Sample
from xrayscan.journal.atomic import atomic_text
from xrayscan.scoring.card import CARD
from xrayscan.training.options import Recipe
from xrayscan.training.place import Place

_STRONG = "strong"
# What is told apart, by the sources of its films.
_GROUPS: Mapping[str, Sequence[str]] = {
    "children (Kermany)": (CHILDREN,),
    "adults (NIH, labels mined from reports; RSNA normals)": ("nih", "rsna"),
    "adult normals (RSNA)": ("rsna",),
    "both hospitals": (CHILDREN, "nih", "rsna"),
}
_NAMES = ("NORMAL", "PNEUMONIA")
_NONE = {"value": None, "interval": None}  # of films of one class
_Row = Mapping[str, str]


def train(folder: Path, listing: Path, weights: Path, epochs: int) -> None:
    """Train one fold's network, or go on with it."""
    if (folder / CARD).exists():
        return
    begun = Place.of(folder).has_progress()
    _xrayscan(
        *("fit", listing, "--preset", "bundled-first", "--from", weights),
        *("--epochs", epochs, "--out", folder, *(["--resume"] if begun else [])),
    )


def measure(model: Path, listing: Path, rows: Path, *more: object) -> list[_Row]:
    """What a fold's network says of films that it has not seen, as ``evaluate`` writes it."""
    if not rows.exists():
        _xrayscan("evaluate", listing, "--split", "test", "--model", model, "--csv", rows, *more)
    with rows.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_strong(data: Path, path: Path) -> None:
    """List ``nih/strong`` as a test split."""
    found = [row for row in rows_of(data / "nih") if row["split"] == _STRONG]
    with atomic_text(path) as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "patient", "split"))
        for row in found:
            label = "NORMAL" if row["label"] == "normal" else row["label"].upper()
            writer.writerow((data / "nih" / row["file"], label, row["patient_id"], "test"))


def figures(rows: Sequence[_Row], patients: Mapping[str, str]) -> str:
    """The cells of a table's line: AUC, accuracy, sensitivity, specificity, calibration."""
    scored = [row for row in rows if row["probability"]]
    sample = Sample(
        np.array([float(row["probability"]) for row in scored]),
        np.array([row["positive"] == "1" for row in scored]),
        tuple(patients[row["path"]] for row in scored),
        _NAMES,
    )
    called = np.array([row["called"] == _NAMES[1] for row in scored])
    at = at_threshold(sample, called, None)
    cells = [
        f"{len(scored)} of {len(rows)}",
        *map(
            estimate_words,
            (
                ranking(sample).get("auc", _NONE),
                *(at[name] for name in ("accuracy", "sensitivity", "specificity")),
                calibration(sample).get("expected_calibration_error", _NONE),
            ),
        ),
    ]
    return " | ".join(cells)


def _xrayscan(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "xrayscan", *map(str, arguments)], check=True)


def _split(film: Film, fold: int, folds: int) -> str:
    part = film.part(folds)
    if part == fold:
        return "test"
    return "val" if part == (fold + 1) % folds else "train"


def tables(
    folds: Sequence[tuple[list[_Row], list[_Row]]], listed: Sequence[Film], strong: Path
) -> Iterator[str]:
    """The lines: every group, all folds' films together; then each fold on its own."""
    patients = {str(film.path): film.patient for film in listed}
    with strong.open(newline="", encoding="utf-8") as file:
        patients |= {row["path"]: row["patient"] for row in csv.DictReader(file)}
    source = {str(film.path): film.source for film in listed}
    head = "films scored | AUC | accuracy | sensitivity | specificity | calibration error |"
    yield f"| films, each by the network that has not seen it | {head}"
    yield "|---" * 7 + "|"
    together = [row for rows, _ in folds for row in rows]
    for name, sources in _GROUPS.items():
        chosen = [row for row in together if source[row["path"]] in sources]
        yield f"| {name} | {figures(chosen, patients)} |"
    yield ""
    yield f"| fold | {head}"
    yield "|---" * 7 + "|"
    for fold, (rows, adults) in enumerate(folds, 1):
        children = [row for row in rows if source[row["path"]] == CHILDREN]
        yield f"| {fold}, children | {figures(children, patients)} |"
        yield f"| {fold}, `nih/strong` | {figures(adults, patients)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    data = given.data.resolve()
    listed, strong = list(films(data)), given.out / "strong.csv"
    write_strong(data, strong)
    folds = []
    for fold in range(given.folds):
        place = given.out / f"fold-{fold + 1}"
        listing, rows, adults = (
            given.out / f"{name}-{fold + 1}.csv" for name in ("films", "rows", "strong-rows")
        )
        write_list(listing, listed, lambda film, fold=fold: _split(film, fold, given.folds))
        train(place, listing, given.weights, given.epochs)
        others = ("--positive", "PNEUMONIA", "--negative", "NORMAL")
        folds.append(
            (measure(place, listing, rows), measure(place, strong, adults, *others)),
        )
        print("\n".join(tables(folds, listed, strong)), flush=True)


if __name__ == "__main__":
    main()
