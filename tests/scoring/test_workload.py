from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from xrayscan.records import Status, Tally
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.thresholds import OperatingCurve, ZoneLimits
from xrayscan.scoring.workload import workload

CURVE = OperatingCurve(
    np.array([1.0, 0.6, 0.2, 0.0]),
    np.array([0.0, 0.8, 0.98, 1.0]),
    np.array([1.0, 0.95, 0.7, 0.0]),
    prevalence=0.25,
)


def said(
    by_class: dict[str, int], threshold: float = 0.6, review: float = 0.2, scored: int = 80
) -> str:
    card = SimpleNamespace(facts={"training": {"validation": {"by_class": by_class}}}, curve=CURVE)
    decision = Decision(threshold, ZoneLimits(review, 0.9), "PNEUMONIA", "NORMAL")
    tally = Tally(found=80, positive=10, to_read=12)
    tally.by_status[Status.SCORED] = scored
    return workload(card, decision, tally)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("threshold", "review", "missed"),
    [
        # sensitivity .98 of 100: 2 missed; Wilson's interval of 2 of 100 is .0055 to .0700
        pytest.param(0.6, 0.2, "5.0 (1.4 to 17.5)", id="below the review zone"),
        # sensitivity .8: 20 missed; .1334 to .2888
        pytest.param(0.6, 0.6, "50.0 (33.3 to 72.2)", id="no review zone"),
        pytest.param(0.2, 0.6, "5.0 (1.4 to 17.5)", id="threshold below the zone"),
    ],
)
def test_how_much_there_is_to_read_and_what_it_misses(threshold, review, missed: str) -> None:
    sentence = said({"NORMAL": 300, "PNEUMONIA": 100}, threshold, review)
    assert sentence == (
        f"to read: 12 of 80 new films (10 called PNEUMONIA); of the 250 with PNEUMONIA "
        f"among 1,000 films as in validation, {missed} would be left unread"
    )


@pytest.mark.parametrize(
    ("by_class", "scored"),
    [({"NORMAL": 300, "PNEUMONIA": 0}, 80), ({"NORMAL": 1, "PNEUMONIA": 1}, 0)],
)
def test_nothing_is_said_where_nothing_is_known(by_class, scored: int) -> None:
    assert said(by_class, scored=scored) == ""
