"""Which of many films are looked at."""

from __future__ import annotations

import numpy as np


def evenly(total: int, count: int) -> list[int]:
    """Choose ``count`` of ``total`` places, all where there are fewer, as far apart as can be."""
    places = np.linspace(0, total - 1, count).round()
    return sorted({int(place) for place in places})
