from __future__ import annotations

import pytest

from xrayscan.intake.admission import outside_training, unclear_posture
from xrayscan.records import Reason, Status

CT = ("its header says CT",)

# distance, limit, what the header says: reason and words, or nothing
CASES = {
    "inside": (0.7, 1.0, (), None, ""),
    "at the limit": (1.0, 1.0, (), None, ""),
    "just outside": (1.01, 1.0, (), Reason.OUTSIDE_TRAINING, "outside the range of films this mod"),
    "far outside": (1.3, 1.0, (), Reason.NOT_FRONTAL_CHEST, "does not look like a frontal chest f"),
    "far, by a wide limit": (2.6, 2.0, (), Reason.NOT_FRONTAL_CHEST, "(distance 2.60, limit 2.00)"),
    "tagged, well inside": (0.8, 1.0, CT, None, ""),
    "tagged, near the limit": (0.9, 1.0, CT, Reason.OUTSIDE_TRAINING, "; its header says CT)"),
    "no number": (float("nan"), 1.0, (), Reason.OUTSIDE_TRAINING, "outside the range"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_outside_training(
    case: tuple[float, float, tuple[str, ...], Reason | None, str],
) -> None:
    distance, limit, contradictions, reason, words = case
    doubt = outside_training(distance, limit, contradictions)
    if reason is None:
        assert doubt is None
        return
    assert doubt is not None
    assert doubt.reason is reason
    assert reason.status is Status.NOT_ASSESSED
    assert words in doubt.words
    assert doubt.words.endswith("; let a person look at it")


def test_unclear_posture() -> None:
    doubt = unclear_posture("inverted and upside down")
    assert doubt.reason is Reason.POSTURE
    assert doubt.words.startswith("looks inverted and upside down, which is not certain enough")
