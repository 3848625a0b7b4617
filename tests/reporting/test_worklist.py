from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.records import Assessment, HeatMap, Reason, Scan, Status, Zone
from xrayscan.reporting import worklist as module
from xrayscan.reporting.pictures import DrawnFilm
from xrayscan.reporting.rows import FIELDS
from xrayscan.reporting.worklist import HeatTest, Picture, Section, Worklist, film_key

PICTURE = Picture(np.zeros((4, 4), np.uint8), None)
HEAT = np.eye(2, dtype=np.float32)


def row(number: int, probability: float | None, status: Status = Status.SCORED) -> Assessment:
    name = f"{number:04}.png"
    scan = Scan(name, "", 1, 1)
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    if probability is None:
        return Assessment(scan, status, Reason.DAMAGED, sha256=sha256)
    label = "PNEUMONIA" if probability >= 0.5 else "NORMAL"
    return Assessment(scan, status, probability=probability, label=label, sha256=sha256)


def rows_of(worklist: Worklist) -> list[dict[str, Any]]:
    return [dict(zip(FIELDS, json.loads(row), strict=True)) for row in worklist.rows()]


@given(st.lists(st.floats(0, 1) | st.none(), max_size=40), st.integers(1, 10))
def test_every_row_is_there_once_in_order_of_urgency(
    probabilities: list[float | None], max_pictures: int
) -> None:
    worklist = Worklist("PNEUMONIA", max_pictures)
    for number, probability in enumerate(probabilities):
        status = Status.UNREADABLE if probability is None else Status.SCORED
        worklist.add(row(number, probability, status), None if probability is None else PICTURE)
    shown = rows_of(worklist)
    assert len(shown) == len(probabilities) == sum(map(worklist.total, Section))
    assert len({each["path"] for each in shown}) == len(shown)
    urgencies = [(-each["section"], each["probability"] or 0) for each in shown]
    assert urgencies == sorted(urgencies, reverse=True)
    pictured = {key for key, _ in worklist.films({})}
    wanted = [each["sha256"] for each in shown if each["section"] == 0]
    others = [each["sha256"] for each in shown if each["section"] == 4][:max_pictures]
    assert pictured == {*wanted, *others}
    assert sum(worklist.histogram) == sum(level is not None for level in probabilities)


PICTURES = {
    "all": (9, ["likely", "just", "doubtful", "photo", "hand", "nearly", "surely not"]),
    "all of the worklist and one that a person has to look at": (
        1, ["likely", "just", "doubtful", "photo"],
    ),
    "what a person has to look at before negatives": (
        3, ["likely", "just", "doubtful", "photo", "hand", "nearly"],
    ),
    "none": (0, []),
}  # fmt: skip


@pytest.mark.parametrize(("limit", "expected"), PICTURES.values(), ids=PICTURES)
def test_who_gets_a_picture(limit: int, expected: list[str]) -> None:
    films: dict[str, tuple[float | None, str, Zone | None]] = {
        "surely not": (0.01, "NORMAL", Zone.NEGATIVE),
        "photo": (None, "", None),
        "nearly": (0.3, "NORMAL", Zone.NEGATIVE),
        "doubtful": (0.45, "NORMAL", Zone.REVIEW),
        "just": (0.5, "PNEUMONIA", Zone.REVIEW),
        "hand": (None, "", None),
        "likely": (0.9, "PNEUMONIA", Zone.POSITIVE),
    }
    worklist = Worklist("PNEUMONIA", limit)
    for name, (probability, label, zone) in films.items():
        status = Status.NOT_ASSESSED if probability is None else Status.SCORED
        scan = Scan(name, "", 1, 1)
        film = Assessment(scan, status, probability=probability, label=label, zone=zone)
        worklist.add(film, PICTURE)
    assert [key for key, _ in worklist.films({})] == expected


def test_a_row_taken_over_gets_the_picture_of_the_earlier_report() -> None:
    worklist = Worklist("PNEUMONIA", 1)
    taken, scored, urgent, unknown = row(1, 0.9), row(2, 0.8), row(3, 0.2), row(4, 0.1)
    worklist.add(taken, None)
    worklist.add(row(5, 0.7), None)  # the earlier report has none of it
    worklist.add(scored, PICTURE)
    worklist.add(unknown, PICTURE)
    worklist.add(urgent, None)  # takes the only place from the one before
    earlier = {film_key(each): DrawnFilm(b"earlier", None) for each in (taken, scored, urgent)}
    films = dict(worklist.films(earlier))
    assert list(films) == [film_key(taken), film_key(scored), film_key(urgent)]
    assert films[film_key(taken)].jpeg == b"earlier"
    assert films[film_key(scored)].jpeg != b"earlier", "tonight's own picture comes first"


def test_pictures_are_made_only_for_films_that_are_shown(monkeypatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(module, "draw", lambda film, heat, reliable: made.append(1))
    worklist = Worklist("PNEUMONIA", 2)
    for number in range(100):
        worklist.add(row(number, 0.4 - number / 1000), PICTURE)
        worklist.draw()
    assert len(made) == 2


def test_heat_maps_are_tested_only_on_films_that_are_shown() -> None:
    tested: list[int] = []
    worklist = Worklist("PNEUMONIA", 2)
    for number in range(100):
        worklist.add(row(number, 0.4 - number / 1000), picture_to_test(tested, number))
        worklist.draw()
    assert tested == [0, 1]
    reliable = [drawn.heat.reliable for _, drawn in worklist.films({}) if drawn.heat]
    assert reliable == [True, False], "each film has its own mark"


def test_a_film_that_is_pushed_out_before_it_is_drawn_is_not_tested() -> None:
    tested: list[int] = []
    worklist = Worklist("PNEUMONIA", 2)
    for number in range(100):
        worklist.add(row(number, 0.3 + number / 1000), picture_to_test(tested, number))
    worklist.draw()
    assert sorted(tested) == [98, 99]


def test_maps_of_one_batch_are_tested_at_once_and_keep_their_answers() -> None:
    asked: list[int] = []

    def answer(maps: Sequence[HeatMap]) -> list[bool | None]:
        asked.append(len(maps))
        return [bool(each.film[0, 0] > 2) for each in maps]

    worklist = Worklist("PNEUMONIA", 9)
    for number in range(6):
        film = np.full((4, 4), number, np.float32)
        heat = None if number == 3 else HEAT
        test = HeatTest(HeatMap(film, HEAT, 0.0), answer)
        worklist.add(row(number, 0.9 - number / 10), Picture(PICTURE.film, heat, test))
    worklist.draw()
    assert asked == [5]
    drawn = [film.heat and film.heat.reliable for _, film in worklist.films({})]
    assert drawn == [False, False, False, None, True, True]


def picture_to_test(tested: list[int], number: int) -> Picture:
    def answer(maps: Sequence[HeatMap]) -> list[bool | None]:
        tested.extend([number] * len(maps))
        return [number % 2 == 0] * len(maps)

    heat_map = HeatMap(np.zeros((4, 4), np.float32), HEAT, 0.0)
    return Picture(PICTURE.film, HEAT, HeatTest(heat_map, answer))


def test_a_film_without_a_heat_map_is_not_tested() -> None:
    tested: list[int] = []
    worklist = Worklist("PNEUMONIA", 2)
    worklist.add(row(1, 0.9), replace(picture_to_test(tested, 1), heat=None))
    worklist.draw()
    assert tested == []


def test_equals_stay_in_order() -> None:
    worklist = Worklist("PNEUMONIA", 2)
    for number in range(5):
        worklist.add(row(number, 0.2), PICTURE)
    assert [int(each["path"][:4]) for each in rows_of(worklist)] == [0, 1, 2, 3, 4]
    expected = [film_key(row(number, 0.2)) for number in (0, 1)]
    assert [key for key, _ in worklist.films({})] == expected


def test_the_least_urgent_rows_are_left_out_but_counted(monkeypatch) -> None:
    monkeypatch.setattr(module, "ROWS", 3)
    worklist = Worklist("PNEUMONIA", 0)
    for number in range(10):
        worklist.add(row(number, 0.6 + number / 100), None)
    assert [each["path"] for each in rows_of(worklist)] == ["0009.png", "0008.png", "0007.png"]
    assert worklist.total(Section.WORKLIST) == 10
    assert sum(worklist.histogram) == 10


def test_two_files_of_one_content_share_a_picture() -> None:
    worklist = Worklist("PNEUMONIA", 9)
    film = row(1, 0.9)
    worklist.add(film, PICTURE)
    worklist.add(replace(film, scan=Scan("copy.png", "", 1, 1)), PICTURE)
    assert len(rows_of(worklist)) == 2
    assert len(dict(worklist.films({}))) == 1
