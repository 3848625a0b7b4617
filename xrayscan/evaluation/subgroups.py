"""The measures by group: age, sex, view, and any column of the list."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from xrayscan.errors import OptionError
from xrayscan.evaluation.area import area
from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.proportions import proportions
from xrayscan.evaluation.sample import Sample
from xrayscan.intake.dicom_header import stated_years
from xrayscan.wording import counted

log = logging.getLogger(__name__)

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
        Rows by column, plain values; columns that no film has are left out, and so are usual ones
        of too many values that nobody asked for.

    Raises:
        UsageError: a column asked for is not there, or has too many values.
    """
    asked = [column.casefold() for column in columns]
    known = {name for film in films for name in film.attributes}
    for column in asked:
        if column not in known:
            there = ", ".join(sorted(known)) or "none"
            raise OptionError("subgroup", column, f"no film has it; there are: {there}")
    found = {}
    for column in (each for each in dict.fromkeys([*USUAL, *asked]) if each in known):
        values = np.array([group_of(column, film.attributes.get(column, "")) for film in films])
        names = sorted(set(values.tolist()), key=_order)
        if _are_groups(column, len(names), asked):
            found[column] = [_row(name, sample.chosen(values == name), threshold) for name in names]
    return found


def _are_groups(column: str, count: int, asked: Sequence[str]) -> bool:
    """Whether a column's values are few enough; a run is no worse for one nobody asked for."""
    if count <= _MOST:
        return True
    if column in asked:
        raise OptionError(
            "subgroup",
            column,
            f"has {count} different values, at most {_MOST} make groups; put "
            "them into bands in a column of their own",
        )
    log.warning(
        "no groups by %s: it has %d different values, at most %d make groups", column, count, _MOST
    )
    return False


def group_of(column: str, text: str) -> str:
    """The group that a film belongs to: ages in bands, other values as they are.

    Ages are years, or as DICOM writes them.
    """
    if column != "age" or not text:
        return text or UNKNOWN
    years = stated_years(text)
    try:
        years = float(text) if years is None else years
    except ValueError:
        return text
    if not 0 <= years < math.inf:  # NaN, too
        return UNKNOWN
    return next((name for limit, name in _BANDS if years < limit), _OLDEST)


def _order(name: str) -> tuple[bool, int, str]:
    bands = [*(band for _, band in _BANDS), _OLDEST]
    return name == UNKNOWN, bands.index(name) if name in bands else 0, name


def _row(name: str, sample: Sample, threshold: float) -> dict[str, Any]:
    shares = proportions(sample, sample.probabilities >= threshold)
    return {
        "group": name,
        "films": len(sample),
        "positive": sample.positive_count,
        "patients": len(set(sample.patients)),
        "too_small": too_small(min(sample.positive_count, sample.negative_count), "film"),
        **{name: shares[name].facts() for name in ("sensitivity", "specificity")},
        "auc": area(sample).facts(),
    }


def too_small(fewest: int, what: str) -> str:
    """Say of what there is too little to measure a class on; "" where it will do.

    Args:
        fewest: of the rarest class.
        what: film, or patient.
    """
    if fewest >= SMALLEST:
        return ""
    found = counted(fewest, what)
    return f"Too small to say: {found} of one class, at least {SMALLEST} are needed."
