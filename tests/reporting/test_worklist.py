from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.records import Assessment, Reason, Scan, Status
from xrayscan.reporting import worklist as module
from xrayscan.reporting.worklist import Picture, Section, Worklist

PICTURE = Picture(np.zeros((4, 4), np.uint8), None)


def row(number: int, probability: float | None, status: Status = Status.SCORED) -> Assessment:
    scan = Scan(f"{number:04}.png", "", 1, 1)
    if probability is None:
        return Assessment(scan, status, Reason.DAMAGED)
    label = "PNEUMONIA" if probability >= 0.5 else "NORMAL"
    return Assessment(scan, status, probability=probability, label=label)


@given(st.lists(st.floats(0, 1) | st.none(), max_size=40), st.integers(0, 10))
def test_every_row_is_in_one_section_and_the_most_urgent_have_pictures(
    probabilities: list[float | None], max_pictures: int
) -> None:
    worklist = Worklist("PNEUMONIA", max_pictures)
    for number, probability in enumerate(probabilities):
        status = Status.UNREADABLE if probability is None else Status.SCORED
        worklist.add(row(number, probability, status), None if probability is None else PICTURE)
    sections = worklist.sections()
    shown = [entry for entries in sections.values() for entry in entries]
    assert len(shown) == len(probabilities) == sum(map(worklist.total, Section))
    for entries in sections.values():
        urgencies = [entry.assessment.probability or 0 for entry in entries]
        assert urgencies == sorted(urgencies, reverse=True)
    scored = sorted((p for p in probabilities if p is not None), reverse=True)
    pictured = [e.assessment.probability for e in shown if e.picture is not None]
    assert sorted(pictured, reverse=True) == scored[:max_pictures]


PICTURES = {
    "all": (9, ["likely", "just", "photo", "hand", "nearly", "surely not"]),
    "positives and what a person has to look at": (4, ["likely", "just", "photo", "hand"]),
    "some of what a person has to look at": (3, ["likely", "just", "photo"]),
    "the likeliest": (1, ["likely"]),
    "none": (0, []),
}


@pytest.mark.parametrize(("limit", "expected"), PICTURES.values(), ids=PICTURES)
def test_who_gets_a_picture(limit: int, expected: list[str]) -> None:
    """Negatives come last, however near the threshold: a person need not look at them."""
    films: dict[str, tuple[float | None, str]] = {
        "surely not": (0.01, "NORMAL"),
        "photo": (None, ""),
        "nearly": (1.0, "NORMAL"),
        "just": (0.5, "PNEUMONIA"),
        "hand": (None, ""),
        "likely": (0.9, "PNEUMONIA"),
    }
    worklist = Worklist("PNEUMONIA", limit)
    for name, (probability, label) in films.items():
        status = Status.NOT_ASSESSED if probability is None else Status.SCORED
        scan = Scan(name, "", 1, 1)
        worklist.add(Assessment(scan, status, probability=probability, label=label), PICTURE)
    shown = [entry for entries in worklist.sections().values() for entry in entries]
    assert [entry.assessment.scan.name for entry in shown if entry.picture] == expected


def test_equals_stay_in_order() -> None:
    worklist = Worklist("PNEUMONIA", 2)
    for number in range(5):
        worklist.add(row(number, 0.7), PICTURE)
    entries = worklist.sections()[Section.POSITIVE]
    assert [int(entry.assessment.scan.name[:4]) for entry in entries] == [0, 1, 2, 3, 4]
    assert [entry.picture is not None for entry in entries] == [True, True, False, False, False]


def test_long_sections_are_cut_but_counted(monkeypatch) -> None:
    monkeypatch.setattr(module, "ROWS_PER_SECTION", 3)
    worklist = Worklist("PNEUMONIA", 0)
    for number in range(10):
        worklist.add(row(number, 0.6 + number / 100), None)
    assert [e.assessment.scan.name for e in worklist.sections()[Section.POSITIVE]] == [
        "0009.png",
        "0008.png",
        "0007.png",
    ]
    assert worklist.total(Section.POSITIVE) == 10
