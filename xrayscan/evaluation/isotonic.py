"""Isotonic recalibration: any rising correction of probabilities, as far as films show one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.calibration import targets
from xrayscan.scoring.recalibration import REACH, Recalibration

# Log odds for each one of the model's, beyond the outermost steps: there films say nothing of the
# slope, but the order of films is to stay.
_OUTSIDE = 0.1
_DECIMALS = 9  # of shares; those of two steps of a million films differ by more


def fit_isotonic(logits: NDArray[np.float64], positives: NDArray[np.bool_]) -> Recalibration:
    """Find the most likely rising correction (Zadrozny and Elkan 2002), without its ties.

    The steps of isotonic regression give all films of a step one probability. Here lines join the
    steps' centres (centred isotonic regression, Oron and Flournoy 2017), in log odds, so that films
    keep their order and every threshold between two of them stays one. Labels are drawn in from 0
    and 1 as for the temperature (Platt 1999): no step becomes certain.

    Args:
        logits: (N,) of what the model says.
        positives: (N,) True for the positive class; both are there.

    Returns:
        A correction; one that changes nothing where positives do not become more frequent with
        what the model says: there is one step only.
    """
    from sklearn.isotonic import IsotonicRegression

    shares = IsotonicRegression().fit_transform(logits, targets(positives))
    # steps that differ by rounding alone are one
    steps, members = np.unique(np.round(shares, _DECIMALS), return_inverse=True)
    if len(steps) < 2:
        return Recalibration()
    centres = np.bincount(members, logits) / np.bincount(members)
    levels = np.log(steps / (1 - steps))
    points = [
        (-REACH, levels[0] - _OUTSIDE * (centres[0] + REACH)),
        *zip(centres, levels, strict=True),
        (REACH, levels[-1] + _OUTSIDE * (REACH - centres[-1])),
    ]
    return Recalibration(curve=tuple((float(before), float(after)) for before, after in points))
