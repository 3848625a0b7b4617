"""The report's content, written from a handmade worklist; how it looks is tested in a browser."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from xrayscan.records import Assessment, Ending, RunSummary, Scan, Status, Zone
from xrayscan.reporting.html import ReportModel, measured_at, write_report
from xrayscan.reporting.run_record import RunFacts
from xrayscan.reporting.worklist import Picture, Worklist
from xrayscan.scoring.thresholds import operating_curve

CARD: dict[str, Any] = {
    "name": "handmade",
    "architecture": "tiny",
    "created": "2026-01-02",
    "score": "calibrated P(PNEUMONIA)",
    "default_threshold": "youden",
    "thresholds": {
        "youden": {
            "threshold": 0.52836149999999,
            "sensitivity": 0.9783,
            "specificity": 0.9739,
            "sensitivity_interval": [0.9612, 0.9887],
        },
        "spec=1": {"threshold": 1.0000000000000002, "sensitivity": 0.0, "specificity": 1.0},
    },
    "zones": {"review": 0.25, "positive": 0.95},
    "operating_curve": {
        "prevalence": 0.7,
        "points": [
            [1.0000000000000002, 0.0, 1.0],
            [0.8, 0.9187, 0.9948],
            [0.4254999, 0.9856, 0.9531],
            [0.1, 1.0, 0.6146],
            [0.001, 1.0, 0.0],
        ],
    },
    "training": {
        "data": "kermany",
        "population": "children of 1 to 5 years, <one> hospital",
        "train": {"films": 4470, "patients": 2440},
        "validation": {"films": 746, "patients": 406},
    },
    "results": {"auc": 0.997},
}
FILM = np.tile(np.linspace(0, 255, 60, dtype=np.uint8), (80, 1))
HEAT = np.full((7, 7), 0.5, np.float32)


def film(probability: float | None, threshold: float, zone: Zone = Zone.REVIEW) -> Assessment:
    scan = Scan(f"{probability}.png", "", 1, 1)
    if probability is None:
        return Assessment(scan, Status.NOT_ASSESSED, detail="unlike the training films")
    label = "PNEUMONIA" if probability >= threshold else "NORMAL"
    return Assessment(scan, Status.SCORED, label=label, probability=probability, zone=zone)


def run_facts(rule: str, threshold: float, paths: list[str]) -> RunFacts:
    summary = RunSummary(1, 1, 0, 0, 0, 0, 0, 0, 0, Ending.FINISHED, 0.1)
    dates = ("2026-01-02T03:04:05+00:00",) * 2
    return RunFacts(*dates, {"paths": paths}, "handmade", "0" * 64, rule, threshold, summary)


def page_of(
    folder: Path,
    films: list[tuple[Assessment, Picture | None]],
    *,
    rule: str = "youden",
    threshold: float = 0.5283615,
    paths: list[str] | None = None,
    **card: Any,
) -> str:
    worklist = Worklist("PNEUMONIA", 10)
    for row, picture in films:
        worklist.add(row, picture)
    run = run_facts(rule, threshold, paths or ["scans"])
    model = ReportModel(CARD | card, "PNEUMONIA", "NORMAL", "gradcam")
    write_report(folder / "out.html", CHECKOUT / "templates", worklist, run, model)
    return (folder / "out.html").read_text(encoding="utf-8")


def words_of(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


# --- the first screen ---------------------------------------------------------------------------

GAVE = {
    "the default": ("youden", 0.5283615,
                    "PNEUMONIA from P = 0.5284 on (youden); on 746 films of 406 patients set aside "
                    "this gave sensitivity 97.8 % (96.1 to 98.9) , specificity 97.4 %"),
    "a rule that the card does not name": ("sens=0.98", 0.4254999,
                    "P = 0.4255 on (sens=0.98); on 746 films of 406 patients set aside this "
                    "gave sensitivity 98.6 %, specificity 95.3 %"),
    "a number between two that were measured": ("0.3", 0.3,
                    "P = 0.3000 on (0.3); on 746 films of 406 patients set aside this gave "
                    "sensitivity between 98.6 and 100.0 %, specificity between 61.5 and 95.3 %"),
    "hardly below one": ("0.999999", 0.999999, "from P = 0.999999 on"),
    "hardly above nought": ("1e-6", 0.000001, "from P = 0.000001 on"),
    "one, not the rule's hair above": ("1", 1.0,
                    "sensitivity between 0.0 and 91.9 %, specificity between 99.5 and 100.0 %"),
    "nought": ("0", 0.0, "from P = 0 on (0); on 746 films of 406 patients set aside this gave "
                    "sensitivity 100.0 %, specificity 0.0 %"),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "threshold", "expected"), GAVE.values(), ids=GAVE)
def test_what_the_threshold_gave(tmp_path: Path, rule: str, threshold: float, expected: str):
    page = page_of(tmp_path, [(film(0.6, threshold), None)], rule=rule, threshold=threshold)
    assert expected in words_of(page).partition("Positive")[0]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=30).filter(
        lambda films: len({positive for _, positive in films}) == 2
    ),
    st.integers(0, 10**6),
)
def test_the_report_reads_the_curve_as_scoring_does(
    films: list[tuple[int, bool]], millionths: int
) -> None:
    levels, positives = (np.array(column) for column in zip(*films, strict=True))
    curve = operating_curve(levels / 20, positives)
    card = {"thresholds": {}, "operating_curve": {"points": curve.rows()}}
    for number in (millionths / 10**6, *(round(t, 7) for t in curve.thresholds.tolist())):
        point, shown = curve.at_threshold(number), measured_at(card, number)
        assert shown["sensitivity"][0] == point.sensitivity
        assert shown["specificity"][0] == point.specificity


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=30).filter(
        lambda films: len({positive for _, positive in films}) == 2
    ),
    st.integers(0, 10**6),
)
def test_the_limits_hold_what_the_films_say(films: list[tuple[int, bool]], millionths: int) -> None:
    levels, positives = (np.array(column) for column in zip(*films, strict=True))
    curve = operating_curve(levels / 20, positives).thinned()
    number = millionths / 10**6
    shown = measured_at({"thresholds": {}, "operating_curve": {"points": curve.rows()}}, number)
    called = levels / 20 >= number
    least, most = shown["sensitivity"]
    assert least <= called[positives].mean() <= most
    least, most = shown["specificity"]
    assert least <= (~called[~positives]).mean() <= most


def test_whose_films_and_which_folders(tmp_path: Path) -> None:
    head = words_of(page_of(tmp_path, [], paths=["ward 3", "b\u202e"])).partition("Positive 0")[0]
    assert "Validated on children of 1 to 5 years, <one> hospital; for nobody else" in head
    assert "Scanned ward 3, b\\u202e" in head


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        pytest.param({}, "Validated on films of kermany; the card does not say whose", id="empty"),
        pytest.param(None, "the card does not say whose", id="missing"),
    ],
)
def test_a_card_that_does_not_say_whose_films(
    tmp_path: Path, training: dict[str, str] | None, expected: str
) -> None:
    facts = {**CARD["training"], "population": ""}
    if training is None:
        del facts["population"]
    assert expected in words_of(page_of(tmp_path, [], training=facts))


def test_many_folders_are_counted(tmp_path: Path) -> None:
    page = words_of(page_of(tmp_path, [], paths=[f"ward-{number}" for number in range(9)]))
    assert "Scanned ward-0, ward-1, ward-2, ward-3, ward-4 and 4 more" in page
    assert "ward-8" in page.partition("This run")[2]


# --- films --------------------------------------------------------------------------------------

CALLS = {
    "above a threshold above the zones": (0.9999995, 0.999999, Zone.POSITIVE, "PNEUMONIA"),
    "in the positive zone, called negative": (0.97, 0.999999, Zone.POSITIVE, "NORMAL"),
    "in the negative zone, called positive": (0.1, 0.01, Zone.NEGATIVE, "PNEUMONIA"),
    "in the review zone": (0.4, 0.5, Zone.REVIEW, "NORMAL"),
}  # fmt: skip


@pytest.mark.parametrize("picture", [Picture(FILM, HEAT), None], ids=["picture", "row"])
@pytest.mark.parametrize("case", CALLS.values(), ids=CALLS)
def test_the_call_comes_first_and_the_zone_is_no_call(
    tmp_path: Path, case: tuple, picture: Picture | None
) -> None:
    probability, threshold, zone, label = case
    row = film(probability, threshold, zone)
    page = page_of(tmp_path, [(row, picture)], threshold=threshold)
    section = "negative" if label == "NORMAL" else "positive"
    part = page.partition(f'<section id="{section}"')[2].partition("</section>")[0]
    assert f"<strong>{label}</strong>" in part
    text = words_of(part)
    if picture:
        assert f"zone: {zone.value}" in text
        assert text.index(label) < text.index("zone: ")
    assert not re.search(r'class="zone [^"]', part), "the zone has no colour of its own"


SHOWN = {
    "positive": ([(film(0.9, 0.5), Picture(FILM, HEAT))], 1),
    "nothing is positive": ([(film(0.1, 0.5), Picture(FILM, HEAT))], 1),
    "several": ([(film(0.1, 0.5), Picture(FILM, HEAT)), (film(0.8, 0.5), Picture(FILM, HEAT))], 1),
    "no heat maps": ([(film(0.9, 0.5), Picture(FILM, None))], 0),
    "not assessed alone": ([(film(None, 0.5), Picture(FILM, None))], 0),
    "no pictures": ([(film(0.9, 0.5), None)], 0),
    "nothing": ([], 0),
}  # fmt: skip


@pytest.mark.parametrize(("films", "legends"), SHOWN.values(), ids=SHOWN)
def test_one_legend_above_all_heat_maps(tmp_path: Path, films: list, legends: int) -> None:
    page = page_of(tmp_path, films)
    assert page.count('class="legend"') == legends
    assert 'class="legend"' not in page.partition('<article class="film">')[2]


def test_each_film_can_be_enlarged_by_a_control_of_its_own(tmp_path: Path) -> None:
    films = [(film(probability, 0.5), Picture(FILM, HEAT)) for probability in (0.9, 0.8, 0.2, None)]
    page = page_of(tmp_path, films)
    controls = re.findall(r'<input class="enlarge" type="checkbox" id="([^"]+)"', page)
    assert len(set(controls)) == len(films)
    assert re.findall(r'<label class="pictures" for="([^"]+)"', page) == controls
    assert "Click a film" in words_of(page)


def test_without_pictures_nothing_is_said_of_enlarging(tmp_path: Path) -> None:
    assert "Click a film" not in words_of(page_of(tmp_path, [(film(0.9, 0.5), None)]))
