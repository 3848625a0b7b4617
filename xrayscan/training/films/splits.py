"""Dividing and drawing films by whole patients, with the classes' shares kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from xrayscan.errors import DataError
from xrayscan.labels.films import LabelledFilm

Films = tuple[LabelledFilm, ...]


def split_by_patient(
    films: Sequence[LabelledFilm], folds: int, seed: int, classes: Sequence[str] = ()
) -> tuple[Films, Films]:
    """Take one of ``folds`` parts for validation, by patient and with the classes' shares kept.

    Args:
        films: of any number of classes.
        folds: two or more.
        seed: of the shuffling.
        classes: their names, for the message; the films' indices where none are given.

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
                f"class {classes[label] if classes else label} has too few patients "
                f"({len(patients)}) to put one in {folds} aside for validation; add films of "
                "further patients"
            )
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    train, validation = next(splitter.split(films, labels, [film.patient for film in films]))
    return tuple(films[i] for i in train), tuple(films[i] for i in validation)


def drawn(films: Sequence[LabelledFilm], limit: int, seed: int) -> Films:
    """Draw some of the films for a quick trial: whole patients, in the classes' shares.

    Patients are taken in a random order as long as each of their classes has room. A class that
    none of its patients fitted into gets the one with the fewest films, so that no class is lost;
    only those can exceed the limit.

    Args:
        films: of any number of classes.
        limit: how many to draw at most; 0 takes all.
        seed: of the drawing.

    Returns:
        The drawn films in the given order.
    """
    if not limit or len(films) <= limit:
        return tuple(films)
    by_patient: dict[str, Counter[int]] = defaultdict(Counter)
    for film in films:
        by_patient[film.patient][film.label] += 1
    patients = sorted(by_patient)  # so that the films' order has no say in which are drawn
    order = [patients[i] for i in np.random.default_rng(seed).permutation(len(patients))]
    room = _shares(Counter(film.label for film in films), limit)
    chosen: set[str] = set()
    for patient in order:
        counts = by_patient[patient]
        if all(room[label] >= count for label, count in counts.items()):
            chosen.add(patient)
            room.subtract(counts)
    for label in sorted(room):
        having = [patient for patient in order if by_patient[patient][label]]
        if chosen.isdisjoint(having):
            chosen.add(min(having, key=lambda patient: by_patient[patient].total()))
    return tuple(film for film in films if film.patient in chosen)


def _shares(counts: Mapping[int, int], limit: int) -> Counter[int]:
    """Share ``limit`` among the classes by their counts; the largest remainders get the rest."""
    exact = {label: limit * count / sum(counts.values()) for label, count in counts.items()}
    shares = Counter({label: int(share) for label, share in exact.items()})
    rest = limit - shares.total()
    shares.update(sorted(exact, key=lambda label: (shares[label] - exact[label], label))[:rest])
    return shares
