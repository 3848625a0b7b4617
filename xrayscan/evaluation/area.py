"""The AUC of a sample with DeLong's interval, or the sentence that says why not."""

from __future__ import annotations

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
    why = "" if interval else "No error shows a width."
    return Estimate(float(found.values[0]), interval, method, why=why)
