"""Films that a model has learnt from are told in whatever file they come."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.test_films import made_card
from tests.films import draw_unlike_film
from xrayscan.errors import DataError
from xrayscan.evaluation.films import LabelledScan, LabelOptions
from xrayscan.evaluation.judging import Judged
from xrayscan.evaluation.learnt import check_unseen, measurable
from xrayscan.records import Assessment, Scan, Status
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.looks import NO_LOOK, looks_of, stacked
from xrayscan.scoring.seen import Seen

FILES = [hashlib.sha256(bytes([number])).hexdigest() for number in range(4)]
LOOKS = looks_of(draw_unlike_film(seed) for seed in range(4))


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return made_card(tmp_path / "model")


@pytest.fixture
def judged() -> Judged:
    """Four films, the last of which could not be read."""
    scans = [Scan(f"{number}.png", f"{number}.png", 1, 1) for number in range(4)]
    films = tuple(LabelledScan(scan, "NORMAL", False, scan.name, {}) for scan in scans)
    rows = [
        Assessment(scan, Status.SCORED, sha256=sha256, probability=0.5)
        for scan, sha256 in zip(scans, FILES, strict=True)
    ]
    rows[3] = replace(rows[3], status=Status.UNREADABLE, sha256="", probability=None)
    return Judged(films, tuple(rows), ("NORMAL", "PNEUMONIA"), stacked([*LOOKS[:3], NO_LOOK]))


def names(judged: Judged) -> list[str]:
    return [film.scan.name for film in judged.films]


def test_counted_and_said(
    card: ModelCard, judged: Judged, caplog: pytest.LogCaptureFixture
) -> None:
    Seen.of([FILES[0]], LOOKS[1:2]).keep_in(card.folder)
    found = measurable(judged, card, LabelOptions(Path("data")))
    assert (found.learnt, found.left_out, found.judged) == (2, 0, judged)
    assert f"2 of 4 films were learnt from by {card.name}: the figures are too good" in caplog.text


def test_left_out_where_asked_for(
    card: ModelCard, judged: Judged, caplog: pytest.LogCaptureFixture
) -> None:
    Seen.of([FILES[0]], LOOKS[1:2]).keep_in(card.folder)
    with caplog.at_level(logging.WARNING, "xrayscan"):
        found = measurable(judged, card, LabelOptions(Path("data"), unseen=True))
    assert (found.learnt, found.left_out) == (0, 2)
    assert names(found.judged) == ["2.png", "3.png"]
    assert [row.scan.name for row in found.judged.rows] == ["2.png", "3.png"]
    np.testing.assert_array_equal(found.judged.looks, judged.looks[2:])
    assert not caplog.text


def test_none_are_left(card: ModelCard, judged: Judged) -> None:
    Seen.of(FILES, LOOKS).keep_in(card.folder)
    three = judged.chosen(np.array([True, True, True, False]))
    with pytest.raises(DataError, match=r"^data: no films are left to measure on"):
        measurable(three, card, LabelOptions(Path("data"), unseen=True))


def test_a_model_that_does_not_say(
    card: ModelCard, judged: Judged, caplog: pytest.LogCaptureFixture
) -> None:
    usual, unseen = (LabelOptions(Path("data"), unseen=asked) for asked in (False, True))
    check_unseen(usual, card.folder)
    assert measurable(judged, card, usual).learnt is None
    with pytest.raises(DataError, match="does not say which films it was trained on"):
        check_unseen(unseen, card.folder)
    Seen().keep_in(card.folder)
    check_unseen(unseen, card.folder)
    assert measurable(judged, card, usual).learnt == 0
    assert measurable(judged, card, unseen).learnt == 0
    assert not caplog.text
