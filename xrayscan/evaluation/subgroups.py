"""The measures by group: age, sex, view, and any column of the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xrayscan.errors import DataError
from xrayscan.evaluation.area import area
from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.proportions import proportion
from xrayscan.evaluation.sample import Sample

USUAL = ("age", "sex", "view")  # told wherever they are known
# Below ten films of a class a proportion's interval is wider than half the scale.
SMALLEST = 10
_MOST = 20  # groups of one column: more are no groups but single films
_BANDS = ((1, "below 1"), (6, "1 to 5"), (18, "6 to 17"), (40, "18 to 39"), (65, "40 to 64"))
_OLDEST = "65 and above"
UNKNOWN = "not known"


def subgroups(
    films: Sequence[LabelledScan], sample: Sample, threshold: float, columns: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Measure every group of every column.

    Args:
        films: those of the sample, in its order.
        sample: the films with a probability.
        threshold: a film is called positive from this probability on.
        columns: asked for beside the usual ones.

    Returns:
        Rows by column, plain values; columns that no film has are left out.

    Raises:
        DataError: a column asked for is not there.
    """
    known = {name for film in films for name in film.attributes}
    for column in columns:
        if column.casefold() not in known:
            there = ", ".join(sorted(known)) or "none"
            raise DataError(f"--subgroup {column}: no film has it; there are: {there}")
    wanted = dict.fromkeys([*USUAL, *(column.casefold() for column in columns)])
    return {
        column: _groups(column, films, sample, threshold) for column in wanted if column in known
    }


def _groups(
    column: str, films: Sequence[LabelledScan], sample: Sample, threshold: float
) -> list[dict[str, Any]]:
    values = np.array([group_of(column, film.attributes.get(column, "")) for film in films])
    found = sorted(set(values.tolist()), key=_order)
    if len(found) > _MOST:
        raise DataError(
            f"--subgroup {column}: has {len(found)} different values, at most {_MOST} make groups; "
            "put them into bands in a column of their own"
        )
    return [_row(name, sample.chosen(values == name), threshold) for name in found]


def group_of(column: str, text: str) -> str:
    """The group that a film belongs to: ages in bands, other values as they are."""
    if column != "age" or not text:
        return text or UNKNOWN
    try:
        years = float(text)
    except ValueError:
        return text
    return next((name for limit, name in _BANDS if years < limit), _OLDEST)


def _order(name: str) -> tuple[bool, int, str]:
    bands = [*(band for _, band in _BANDS), _OLDEST]
    return name == UNKNOWN, bands.index(name) if name in bands else 0, name


def _row(name: str, sample: Sample, threshold: float) -> dict[str, Any]:
    called = sample.probabilities >= threshold
    positives, patients = sample.positives, sample.patients
    facts: dict[str, Any] = {
        "group": name,
        "films": len(sample),
        "positive": sample.positive_count,
        "patients": len(set(patients)),
        "too_small": _too_small(sample),
    }
    for measure, hits, among in (
        ("sensitivity", called, positives),
        ("specificity", ~called, ~positives),
    ):
        facts[measure] = proportion(hits, among, patients, "No such film.").facts()
    facts["auc"] = area(sample).facts()
    return facts


def _too_small(sample: Sample) -> str:
    fewest = min(sample.positive_count, sample.negative_count)
    if fewest >= SMALLEST:
        return ""
    return f"Too small to say: {fewest} films of one class, at least {SMALLEST} are needed."
