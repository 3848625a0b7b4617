from __future__ import annotations

import numpy as np
import pytest

from xrayscan.evaluation.area import area
from xrayscan.evaluation.measure import ranking
from xrayscan.evaluation.sample import Sample

HALF = [True, False] * 4


@pytest.mark.parametrize(
    ("probabilities", "patients", "words"),
    [
        pytest.param([0.5] * 8, "abcdefgh", "All probabilities are equal", id="equal"),
        pytest.param(np.linspace(0, 1, 8), "abacadae", "films of a single patient", id="one sick"),
        pytest.param(np.linspace(0, 1, 8), "bacadaea", "films of a single patient", id="one well"),
        pytest.param(HALF, "abcdabcd", "Every film of one class lies above", id="no error"),
        pytest.param(np.linspace(0, 1, 8), "abcdefgh", "", id="interval"),
    ],
)
def test_an_area_without_interval_says_why_wherever_it_is_told(
    probabilities: list[float], patients: str, words: str
) -> None:
    sample = Sample(np.array(probabilities, np.float64), np.array(HALF), tuple(patients))
    found = area(sample)
    assert (found.interval is None) is bool(words)
    assert words in found.why
    assert ranking(sample)["auc"].get("why_no_delong", "") == found.why
