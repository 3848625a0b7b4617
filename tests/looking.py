"""A made-up model that looks at one place of a film, and the map that says so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 56
SEEN = (slice(8, 24), slice(32, 48))  # where it looks


def film() -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    values = rng.uniform(60, 90, (SIDE, SIDE))
    values[SEEN] += 120
    return values.astype(np.float32)


def brightness(films: NDArray[np.float32]) -> NDArray[np.float64]:
    """A model whose logit is the brightness of one place, over that of the film."""
    seen, whole = films[(slice(None), *SEEN)], films
    return np.asarray((seen.mean(axis=(1, 2)) - whole.mean(axis=(1, 2))) / 20, np.float64)


def true_map() -> NDArray[np.float32]:
    heat = np.zeros((7, 7), np.float32)
    heat[1:3, 4:6] = 1
    return heat
