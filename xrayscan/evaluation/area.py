"""The AUC of a sample with DeLong's interval, or the sentence that says why not."""

from __future__ import annotations

import numpy as np

from xrayscan.evaluation import delong
from xrayscan.evaluation.estimates import Estimate
from xrayscan.evaluation.sample import Sample


def area(sample: Sample) -> Estimate:
    """Estimate the area under the ROC."""
    if sample.lack:
        return Estimate(None, why=sample.lack)
    found = delong.areas([sample.probabilities], sample.positives, sample.patients)
    interval = found.interval()
    alone = len(set(sample.patients)) == len(sample)
    method = delong.METHOD if alone else delong.CLUSTERED
    why = "" if interval else _no_variance(sample)
    return Estimate(float(found.values[0]), interval, method, why=why)


def _no_variance(sample: Sample) -> str:
    if np.ptp(sample.probabilities) == 0:
        return "All probabilities are equal: nothing is ranked."
    sides = (sample.positives, ~sample.positives)
    if min(len(set(sample.chosen(side).patients)) for side in sides) < 2:
        return "A class has films of a single patient: its spread cannot be seen."
    return "Every film of one class lies above every one of the other: no error shows a width."
