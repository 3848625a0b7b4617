"""Are tonight's films like those before, and like those of the training? A test on histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Chance of an alarm in a night like the others, over all of its tests together (Bonferroni).
FALSE_ALARM = 0.01
# Fewer films tell nothing; and a difference smaller than this is not worth a person's morning.
LEAST_FILMS = 30
LEAST_EARLIER = 100
LEAST_DIFFERENCE = 0.15
EARLIER_NIGHTS = 30


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a run's films are spread; histograms as ``Tally`` bins them."""

    probabilities: Sequence[int]
    distances: Sequence[int]


def find_drift(
    tonight: Distribution, training: Sequence[int], earlier: Sequence[Distribution]
) -> tuple[str, ...]:
    """Compare a night with the training patients and with the nights before.

    Args:
        tonight: of the films that were new.
        training: histogram of the distances of validation patients' films, from the card; may be
            empty.
        earlier: of the nights before, with the same model.

    Returns:
        One sentence for each difference; in a night like the others none, but for one in
        1 / FALSE_ALARM.
    """
    before = earlier[-EARLIER_NIGHTS:]
    pairs = [
        (
            "tonight's films lie at other distances from the training films than those of "
            "validation patients",
            tonight.distances,
            training,
            LEAST_FILMS,
        ),
        (
            "tonight's films lie at other distances from the training films than those of "
            "earlier nights",
            tonight.distances,
            _sum([night.distances for night in before]),
            LEAST_EARLIER,
        ),
        (
            "tonight's probabilities are spread otherwise than those of earlier nights",
            tonight.probabilities,
            _sum([night.probabilities for night in before]),
            LEAST_EARLIER,
        ),
    ]
    enough = [
        (words, new, old)
        for words, new, old, least in pairs
        if sum(new) >= LEAST_FILMS and sum(old) >= least
    ]
    said = []
    for words, new, old in enough:
        difference = largest_difference(new, old)
        p = smirnov(difference, sum(new), sum(old))
        if difference >= LEAST_DIFFERENCE and p < FALSE_ALARM / len(enough):
            said.append(f"drift: {words} ({sum(new)} films, Smirnov's D {difference:.2f})")
    return tuple(said)


def largest_difference(first: Sequence[int], second: Sequence[int]) -> float:
    """Smirnov's D of two histograms with the same bins: the largest gap of their sums, 0..1."""
    total_first, total_second = sum(first), sum(second)
    so_far, largest = 0.0, 0.0
    for one, other in zip(first, second, strict=True):
        so_far += one / total_first - other / total_second
        largest = max(largest, abs(so_far))
    return largest


def smirnov(difference: float, first: int, second: int) -> float:
    """Chance of a D as large where both samples come from one distribution (Smirnov 1948).

    The asymptotic series with Stephens' (1970) correction for small samples. Binned values make it
    err on the safe side: ties never make D larger.

    Args:
        difference: D, 0..1.
        first: size of the one sample.
        second: size of the other.
    """
    size = math.sqrt(first * second / (first + second))
    reach = (size + 0.12 + 0.11 / size) * difference
    if reach < 0.2:  # the series does not converge, and its sum is 1 to ten digits
        return 1.0
    terms = (math.exp(-2 * (k * reach) ** 2) * (1 if k % 2 else -1) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def _sum(histograms: Sequence[Sequence[int]]) -> list[int]:
    return [sum(counts) for counts in zip(*histograms, strict=True)]
