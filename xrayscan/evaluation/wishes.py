"""What a site wishes of a threshold, whether its films can carry it, and what comes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError
from xrayscan.evaluation.bootstrap import resamples
from xrayscan.evaluation.estimates import rounded
from xrayscan.evaluation.proportions import proportions
from xrayscan.evaluation.sample import Sample
from xrayscan.scoring.thresholds import OperatingPoint, operating_curve
from xrayscan.scoring.wilson import LEVEL, wilson

SENSITIVITY, SPECIFICITY = "sensitivity", "specificity"
# The interval may reach this far below the wish: 95 % that may be 80 % can still be used, knowing
# so, and takes some 40 films of the class, as a small folder has them.
MARGIN = 0.15
LEAST_OTHERS = 10  # of the other class: fewer cannot tell what the wish costs
_REPEATS = 500  # of choosing again on other patients; the mean needs fewer than an interval's ends


@dataclass(frozen=True, slots=True)
class Wish:
    """A sensitivity or a specificity of at least ``aim``, above 0 and below 1."""

    kind: str
    aim: float

    @property
    def rule(self) -> str:
        """The rule of ``--threshold`` that chooses it."""
        return f"{'sens' if self.kind == SENSITIVITY else 'spec'}={self.aim:g}"

    def chosen(self, probabilities: NDArray[np.float64], positives: NDArray[np.bool_]) -> float:
        """The threshold that gives it on films of both classes."""
        return operating_curve(probabilities, positives).by_rule(self.rule).threshold


def needed(aim: float) -> int:
    """How many films of patients of their own it takes to carry a wish.

    So many that one film may fall on the wrong side, and that Wilson's interval of a share as
    wished reaches no further than MARGIN below it.
    """
    count = math.ceil(1 / (1 - aim) - 1e-9)
    while wilson(aim * count, count)[0] < aim - MARGIN:
        count += 1
    return count


def check(wish: Wish, sample: Sample) -> None:
    """Refuse a wish that the sample cannot carry.

    Raises:
        DataError: there are too few films; the sentence says how many would do.
    """
    wanted = sample.positives if wish.kind == SENSITIVITY else ~sample.positives
    name = sample.names[int(wish.kind == SENSITIVITY)]
    other = sample.names[int(wish.kind != SENSITIVITY)]
    films, least = int(wanted.sum()), needed(wish.aim)
    patients = len({each for each, keep in zip(sample.patients, wanted, strict=True) if keep})
    if patients < least:
        raise DataError(
            f"{wish.kind} of {wish.aim:g}: {films} films of {patients} patients with {name} cannot "
            f"carry it; it takes films of {least} such patients, {least - patients} more"
            f"{_instead(wish.aim, patients)}"
        )
    others = len(sample) - films
    if others < LEAST_OTHERS:
        raise DataError(
            f"{wish.kind} of {wish.aim:g}: {others} films of {other} cannot tell what it costs; "
            f"it takes {LEAST_OTHERS}, {LEAST_OTHERS - others} more"
        )


def _instead(aim: float, patients: int) -> str:
    """The highest whole per cent below the wish that so many patients carry, if there is one."""
    below = range(math.ceil(100 * aim) - 1, 49, -1)
    found = next((each for each in below if needed(each / 100) <= patients), None)
    return f", or wish for {found / 100:g}" if found else ""


def granted(wish: Wish, sample: Sample, prevalence: float) -> dict[str, Any]:
    """Choose the threshold and say what it gives, here and on other patients of the site.

    Args:
        wish: that the sample can carry.
        sample: the site's films.
        prevalence: share of positives among the site's films, 0..1, for the counts per 1,000.

    Returns:
        Plain values: an operating point as a card holds it, with intervals; ``elsewhere``: the same
        measures where the threshold is chosen on patients drawn and measured on those not drawn
        (Efron and Tibshirani 1993, 17.7); ``per_1000`` films at the prevalence.
    """
    threshold = wish.chosen(sample.probabilities, sample.positives)
    point, found = point_at(sample, threshold)
    return {
        "wish": wish.rule,
        "threshold": point.threshold,
        "sensitivity": point.sensitivity,
        "specificity": point.specificity,
        "sensitivity_interval": found[SENSITIVITY],
        "specificity_interval": found[SPECIFICITY],
        **_again(wish, sample),
        "per_1000": _per_1000(point, found, prevalence),
    }


def point_at(
    sample: Sample, threshold: float
) -> tuple[OperatingPoint, dict[str, list[float | None]]]:
    """What a threshold gives on the sample, and Wilson's intervals by measure."""
    shares = proportions(sample, sample.probabilities >= threshold)
    rows = {name: shares[name] for name in (SENSITIVITY, SPECIFICITY)}
    ends = {
        name: [rounded(each.interval.low), rounded(each.interval.high)]
        for name, each in rows.items()
        if each.interval
    }
    point = OperatingPoint(
        threshold, float(rows[SENSITIVITY].value or 0), float(rows[SPECIFICITY].value or 0)
    )
    return point, ends


def _again(wish: Wish, sample: Sample) -> dict[str, Any]:
    """Choose on patients drawn and measure on those left out, again and again."""
    thresholds, measured = [], []
    for films in resamples(sample.patients, _REPEATS):
        out = np.ones(len(sample), np.bool_)
        out[films] = False
        inside, outside = sample.positives[films], sample.positives[out]
        if inside.all() or not inside.any() or outside.all() or not outside.any():
            continue
        threshold = wish.chosen(sample.probabilities[films], inside)
        called = sample.probabilities[out] >= threshold
        thresholds.append(threshold)
        measured.append((called[outside].mean(), (~called)[~outside].mean()))
    if not measured:
        return {"threshold_interval": None, "elsewhere": None}
    low, high = np.quantile(thresholds, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    sensitivity, specificity = np.mean(measured, axis=0)
    return {
        "threshold_interval": [rounded(float(low)), rounded(float(high))],
        "elsewhere": {
            SENSITIVITY: rounded(float(sensitivity)),
            SPECIFICITY: rounded(float(specificity)),
        },
    }


def _per_1000(
    point: OperatingPoint, ends: dict[str, list[float | None]], prevalence: float
) -> dict[str, Any]:
    """Films per 1,000 that are referred, found, missed and referred for nothing."""
    sick, well = 1000 * prevalence, 1000 * (1 - prevalence)
    missed = [sick * (1 - (end or 0)) for end in reversed(ends[SENSITIVITY])]
    alarms = [well * (1 - (end or 0)) for end in reversed(ends[SPECIFICITY])]
    return {
        "prevalence": rounded(prevalence),
        "referred": round(sick * point.sensitivity + well * (1 - point.specificity)),
        "missed": round(sick * (1 - point.sensitivity)),
        "missed_interval": [round(each) for each in missed],
        "false_alarms": round(well * (1 - point.specificity)),
        "false_alarms_interval": [round(each) for each in alarms],
    }
