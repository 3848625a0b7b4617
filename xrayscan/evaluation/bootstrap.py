"""Intervals by the bootstrap, patients being what is drawn.

Films of one patient resemble each other: drawn one by one, they would pass for more evidence than
they are, and the intervals would be too narrow. So whole patients are drawn, with all their films
(the cluster bootstrap: Field and Welsh 2007; Davison and Hinkley 1997, 3.8).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.metrics import auc
from xrayscan.scoring.thresholds import operating_curve
from xrayscan.scoring.wilson import LEVEL

COUNT = 1000  # percentiles of 95 % intervals need about this many (Efron and Tibshirani 1993, 14.6)
SEED = 7

SENSITIVITY = "sensitivity"
SPECIFICITY = "specificity"


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval, both ends among it."""

    low: float
    high: float


def resamples(
    patients: Sequence[str], count: int = COUNT, seed: int = SEED
) -> Iterator[NDArray[np.int64]]:
    """Draw as many patients as there are, with replacement, again and again.

    Args:
        patients: (N,) whose film each one is.
        count: how many times.
        seed: of the drawing; the same seed draws the same films.

    Yields:
        (M,) indices of films, a patient's films together. M varies, as patients have few or many.
    """
    _, codes = np.unique(np.asarray(patients, dtype=np.str_), return_inverse=True)
    films = np.argsort(codes, kind="stable")  # patient after patient
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    rng = np.random.default_rng(seed)
    for _ in range(count):
        drawn = rng.integers(0, len(sizes), len(sizes))
        ends = np.cumsum(sizes[drawn])
        # place of each film in the resample, less where its patient begins there
        within = np.arange(ends[-1]) - np.repeat(ends - sizes[drawn], sizes[drawn])
        yield films[np.repeat(starts[drawn], sizes[drawn]) + within]


def interval(
    statistic: Callable[[NDArray[np.int64]], float],
    patients: Sequence[str],
    count: int = COUNT,
    seed: int = SEED,
) -> Interval | None:
    """Give the percentile interval of a statistic (Efron and Tibshirani 1993, 13.3).

    A statistic that is the same in every resample gets an interval without width: the bootstrap
    cannot know of errors that no film showed.

    Args:
        statistic: of the films of these indices, (M,); NaN where it has no value, as the AUC has
            none where only one class was drawn. Such resamples are left out.
        patients: (N,) whose film each one is.
        count: number of resamples.
        seed: of the drawing.

    Returns:
        The interval; None where nothing can be said, with fewer than two patients or with a value
        in fewer than half of the resamples. It is no error: a training that took hours must not
        end for want of an interval.
    """
    return intervals(lambda films: {"it": statistic(films)}, patients, count, seed).get("it")


def intervals(
    statistics: Callable[[NDArray[np.int64]], Mapping[str, float]],
    patients: Sequence[str],
    count: int = COUNT,
    seed: int = SEED,
) -> dict[str, Interval]:
    """Give the intervals of several statistics from the same resamples, by name.

    Args:
        statistics: of the films of these indices, (M,), by name; NaN where one has no value, which
            is left out, infinity where it has no limit, which is not: without such resamples the
            others would pass for narrower than they are.
        patients: (N,) whose film each one is.
        count: number of resamples.
        seed: of the drawing.

    Returns:
        Without those that ``interval`` would say nothing of, and those with an end without limit.
    """
    if len(set(patients)) < 2:
        return {}
    rows = [statistics(films) for films in resamples(patients, count, seed)]
    found = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows], np.float64)
        values = values[~np.isnan(values)]
        if not len(values) or 2 * len(values) < count:
            continue
        with np.errstate(invalid="ignore"):  # between two infinities
            low, high = np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        if np.isfinite(low) and np.isfinite(high):
            found[name] = Interval(float(low), float(high))
    return found


def distance_interval(
    statistic: Callable[[NDArray[np.int64]], float],
    patients: Sequence[str],
    count: int = COUNT,
    seed: int = SEED,
) -> Interval | None:
    """Give the interval of a mean distance, which chance can only enlarge.

    What a sample adds to the square of a distance is a variance (Kumar et al. 2019, 4), and a
    resample adds as much again: the basic interval of the square takes it off (Davison and Hinkley
    1997, 5.2), cut at 0. Where chance alone would have made the estimate, the interval ends with
    it; percentiles would lie above it.

    Args:
        statistic: of the films of these indices, (M,); 0 or more.
        patients: (N,) whose film each one is.
        count: number of resamples.
        seed: of the drawing.

    Returns:
        As ``interval``.
    """
    drawn = interval(statistic, patients, count, seed)
    if drawn is None or drawn.low == drawn.high:
        return drawn
    value = statistic(np.arange(len(patients)))
    low, high = (math.sqrt(max(0.0, 2 * value**2 - end**2)) for end in (drawn.high, drawn.low))
    return Interval(low, max(value, high))


def auc_interval(
    probabilities: NDArray[np.float64],
    positives: NDArray[np.bool_],
    patients: Sequence[str],
    count: int = COUNT,
    seed: int = SEED,
) -> Interval | None:
    """Give the interval of the AUC; arguments as of ``auc`` and ``interval``.

    None where no film showed an error, too: a width of 0 would claim what nothing is known of.
    """
    found = interval(
        lambda films: auc(probabilities[films], positives[films]), patients, count, seed
    )
    return None if found is None or found.low == found.high else found


def threshold_intervals(
    probabilities: NDArray[np.float64],
    positives: NDArray[np.bool_],
    patients: Sequence[str],
    threshold: float,
) -> dict[str, Interval]:
    """Give the intervals of sensitivity and specificity at a fixed threshold.

    They tell how sure the two figures are for this threshold. Where it was chosen on the same
    films, the figures themselves are a little too good, and so are their intervals.

    Args:
        probabilities: (N,) 0..1.
        positives: (N,) True for the positive class.
        patients: (N,) whose film each one is.
        threshold: a film is called positive when its probability is at least this.

    Returns:
        By name, "sensitivity" and "specificity"; without one that nothing can be said of.
    """
    called = probabilities >= threshold
    names = np.asarray(patients, dtype=np.str_)
    found = {
        SENSITIVITY: _rate_interval(called, positives, names),
        SPECIFICITY: _rate_interval(~called, ~positives, names),
    }
    return {name: each for name, each in found.items() if each is not None}


def chosen_threshold_interval(
    rule: str,
    probabilities: NDArray[np.float64],
    positives: NDArray[np.bool_],
    patients: Sequence[str],
) -> Interval | None:
    """Give the interval of a threshold that a rule chooses again in every resample.

    A wide one says that other patients would have led to another threshold.

    Args:
        rule: as ``OperatingCurve.by_rule`` takes it.
        probabilities: (N,) 0..1.
        positives: (N,) True for the positive class.
        patients: (N,) whose film each one is.

    Raises:
        UsageError: no such rule.
    """

    def chosen(films: NDArray[np.int64]) -> float:
        drawn = positives[films]
        if drawn.all() or not drawn.any():
            return math.nan
        return operating_curve(probabilities[films], drawn).by_rule(rule).threshold

    return interval(chosen, patients)


def _rate_interval(
    right: NDArray[np.bool_], among: NDArray[np.bool_], patients: NDArray[np.str_]
) -> Interval | None:
    """The interval of the share of ``right`` films among those of one class."""
    if not among.any():
        return None
    if right[among].all() or not right[among].any():
        return _exact(bool(right[among].all()), len(np.unique(patients[among])))

    def share(films: NDArray[np.int64]) -> float:
        drawn = among[films]
        return float(right[films][drawn].mean()) if drawn.any() else math.nan

    return interval(share, patients.tolist())


def _exact(always: bool, trials: int) -> Interval:
    """Of a share of 0 or 1, where every resample would be the same (Clopper and Pearson 1934).

    Patients are counted, not films, which errs on the careful side.
    """
    edge = ((1 - LEVEL) / 2) ** (1 / trials)
    return Interval(edge, 1.0) if always else Interval(0.0, 1 - edge)
