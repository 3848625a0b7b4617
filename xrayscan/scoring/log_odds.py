"""The scale on which probabilities are compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_EDGE = 1e-6  # probabilities are written with six decimals: 0 stands for anything below half of it


def log_odds(probabilities: ArrayLike) -> NDArray[np.float64]:
    """The logit of probabilities, (N,), those of 0 and 1 taken as the nearest that are written."""
    kept = np.clip(np.asarray(probabilities, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(kept / (1 - kept)), np.float64)
