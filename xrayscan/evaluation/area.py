"""The AUC of a sample with DeLong's interval, or the sentence that says why not."""

from __future__ import annotations

from xrayscan.evaluation import delong
from xrayscan.evaluation.estimates import Estimate
from xrayscan.evaluation.metrics import auc
from xrayscan.evaluation.sample import Sample


def area(sample: Sample) -> Estimate:
    """Estimate the area under the ROC."""
    if sample.lack:
        return Estimate(None, why=sample.lack)
    interval = delong.areas([sample.probabilities], sample.positives).interval()
    why = "" if interval else "No error shows a width."
    return Estimate(auc(sample.probabilities, sample.positives), interval, delong.METHOD, why=why)
