"""The interval of a proportion, where nothing but counting is at hand."""

from __future__ import annotations

from statistics import NormalDist

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def wilson(count: float, total: float) -> tuple[float, float]:
    """Give Wilson's score interval of a proportion (Wilson 1927; Brown, Cai, DasGupta 2001, eq. 4).

    Args:
        count: 0..total; an effective number need not be whole.
        total: more than 0.

    Returns:
        (low, high), 0..1, at ``LEVEL``.
    """
    share = count / total
    shrink = 1 + Z**2 / total
    middle = (share + Z**2 / (2 * total)) / shrink
    half = Z / shrink * (share * (1 - share) / total + Z**2 / (4 * total**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
