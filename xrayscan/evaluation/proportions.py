"""Proportions of films with Wilson's interval, patients being what was drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.bootstrap import Interval
from xrayscan.evaluation.estimates import Estimate
from xrayscan.evaluation.sample import Sample
from xrayscan.scoring.wilson import wilson

WILSON = "Wilson 1927"
CLUSTERED = "Wilson 1927 on the effective number of films, Rao and Scott 1992"


def proportions(sample: Sample, called: NDArray[np.bool_]) -> dict[str, Estimate]:
    """Estimate what calls are measured by: shares of films that were called rightly.

    Args:
        sample: the films.
        called: (N,) True for films called positive.

    Returns:
        By name: sensitivity, specificity, ppv, npv and accuracy.
    """
    positives = sample.positives
    negative, positive = sample.names
    rows = {
        "sensitivity": (called, positives, f"No film is {positive}."),
        "specificity": (~called, ~positives, f"No film is {negative}."),
        "ppv": (positives, called, "No film was called positive."),
        "npv": (~positives, ~called, "No film was called negative."),
        "accuracy": (called == positives, np.ones_like(called), "No film was scored."),
    }
    return {
        name: proportion(hits, among, sample.patients, why)
        for name, (hits, among, why) in rows.items()
    }


def proportion(
    hits: NDArray[np.bool_], among: NDArray[np.bool_], patients: Sequence[str], nothing: str
) -> Estimate:
    """Estimate the share of films that are hits.

    Args:
        hits: (N,) True for a film that counts.
        among: (N,) the films that the share is of.
        patients: (N,) whose film each one is.
        nothing: the sentence where there are none of these films.
    """
    total = int(among.sum())
    if not total:
        return Estimate(None, count=0, total=0, why=nothing)
    chosen = hits[among]
    count = int(chosen.sum())
    keys = np.asarray(patients, np.str_)[among]
    effect = design_effect(chosen, keys)
    method = WILSON if len(np.unique(keys)) == total else CLUSTERED
    interval = Interval(*wilson(count / effect, total / effect))
    return Estimate(count / total, interval, method, count, total)


def design_effect(hits: NDArray[np.bool_], patients: NDArray[np.str_]) -> float:
    """Find how many films count as one, as films of a patient resemble each other.

    The variance of the proportion with patients drawn, over that with films drawn (Rao and Scott
    1992, eq. 2 and 3; Cochran 1977, 11.8 for the ratio's variance). Where all films are alike it
    cannot be seen, and every patient counts as one film: the careful side.

    Args:
        hits: (N,) at least one.
        patients: (N,) whose film each one is.

    Returns:
        1 or more.
    """
    _, codes = np.unique(patients, return_inverse=True)
    sizes = np.bincount(codes)
    clusters, films = len(sizes), len(hits)
    if clusters == films:
        return 1.0
    share = float(hits.mean())
    if share in (0.0, 1.0):
        return films / clusters
    if clusters < 2:
        return float(films)
    residuals = np.bincount(codes, hits) - share * sizes
    variance = clusters / (clusters - 1) * float((residuals**2).sum()) / films**2
    return max(1.0, variance / (share * (1 - share) / films))
