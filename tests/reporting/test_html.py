"""The report's content, written from a handmade worklist; how it looks is tested in a browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from tests.reporting.planted import known
from xrayscan.records import Assessment, Ending, Reason, RunSummary, Scan, Status, Zone
from xrayscan.reporting import worklist as worklist_module
from xrayscan.reporting.html import ReportModel, measured_at, write_report
from xrayscan.reporting.run_record import Night, RunFacts
from xrayscan.reporting.worklist import Picture, Worklist
from xrayscan.scoring.card import trained_on
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


def run_facts(rule: str, threshold: float, paths: list[str], found: int = 1) -> RunFacts:
    summary = RunSummary(found, found, 0, 0, 0, 0, 0, 0, 0, Ending.FINISHED, 0.1)
    dates = ("2026-01-02T03:04:05+00:00",) * 2
    return RunFacts(*dates, {"paths": paths}, "handmade", "0" * 64, rule, threshold, summary)


def page_of(
    folder: Path,
    films: list[tuple[Assessment, Picture | None]],
    *,
    rule: str = "youden",
    threshold: float = 0.5283615,
    paths: list[str] | None = None,
    cam: str = "gradcam",
    found: int = 1,
    nights: tuple[Night, ...] = (),
    drift: tuple[str, ...] = (),
    workload: str = "",
    measured: tuple[dict[str, Any], ...] = (),
    options: dict[str, Any] | None = None,
    **card: Any,
) -> str:
    worklist = Worklist("PNEUMONIA", 10)
    for row, picture in films:
        worklist.add(row, picture)
    facts = run_facts(rule, threshold, paths or ["scans"], found)
    summary = replace(facts.summary, drift=drift, workload=workload)
    asked = {**facts.options, **(options or {})}
    run = replace(facts, nights=nights, summary=summary, options=asked)
    facts_of_card = CARD | card
    whose = trained_on(facts_of_card["training"])
    model = ReportModel(facts_of_card, "PNEUMONIA", "NORMAL", cam, whose, measured)
    write_report(folder / "out.html", CHECKOUT / "templates", worklist, run, model)
    return (folder / "out.html").read_text(encoding="utf-8")


def words_of(page: str) -> str:
    body = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
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
    assert expected in words_of(page).partition("To read first")[0]


@settings(max_examples=100)
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


@settings(max_examples=100)
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
    head = words_of(page_of(tmp_path, [], paths=["ward 3", "b\u202e"])).partition("To read first")[
        0
    ]
    assert "Trained on children of 1 to 5 years, <one> hospital; for nobody else" in head
    assert "Scanned ward 3, b\\u202e" in head


def test_what_the_model_gave_on_whom(tmp_path: Path) -> None:
    share = {"value": 0.717, "interval": [0.575, 0.826]}
    on_adults = {
        "name": "adults, <another> hospital",
        "films": {"scored": 104},
        "threshold": 0.4556,
        "auc": {"value": 0.8434, "interval": [0.755, 0.916]},
        "sensitivity": share,
        "specificity": {"value": None, "interval": None},
    }
    page = page_of(tmp_path, [], measured=(on_adults,))
    assert (
        "Measured on adults, <another> hospital (104 films): AUC 0.84, sensitivity 72 %, "
        "specificity – % from P = 0.4556 on"
    ) in words_of(page)
    assert "Measured on adults" not in page_of(tmp_path, [])


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        pytest.param({}, "Trained on films of kermany; the card does not say whose", id="empty"),
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


def test_a_model_that_was_made_anew_was_not_trained_on_these_films(tmp_path: Path) -> None:
    facts = {**CARD["training"], "epochs": 0}
    page = words_of(page_of(tmp_path, [], training=facts))
    assert "Trained on" not in page
    assert "Validated on children of 1 to 5 years, <one> hospital; for nobody else" in page
    assert "Made anew, without training, with kermany: 4470 films of 2440 patients" in page


def test_a_model_that_was_made_anew_was_trained_on_those_of_its_origin(tmp_path: Path) -> None:
    facts = {**CARD["training"], "epochs": 0, "trained_on": "adults of <another> hospital"}
    page = words_of(page_of(tmp_path, [], training=facts))
    assert "Trained on adults of <another> hospital; for nobody else" in page


def test_many_folders_are_counted(tmp_path: Path) -> None:
    page = words_of(page_of(tmp_path, [], paths=[f"ward-{number}" for number in range(9)]))
    assert "Scanned ward-0, ward-1, ward-2, ward-3, ward-4 and 4 more" in page
    assert "ward-8" in page.partition("This run")[2]


OPTIONS = {
    "nothing": ("include", [], "include –"),
    "no text": ("shard", "", "shard –"),
    "none": ("zones", None, "zones –"),
    "seconds": ("time_limit", 120.0, "time limit 120.0 s"),
    "a number": ("batch_size", 16, "batch size 16"),
    "nought": ("workers", 0, "workers 0"),
    "on": ("recursive", True, "recursive yes"),
    "off": ("heat_test", False, "heat test no"),
}


@pytest.mark.parametrize(("name", "value", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_options_are_in_words_and_with_units(
    tmp_path: Path, name: str, value: Any, expected: str
) -> None:
    assert expected in words_of(page_of(tmp_path, [], options={name: value}))


# --- films --------------------------------------------------------------------------------------

CALLS = {
    "above a threshold above the zones": (0.9999995, 0.999999, Zone.POSITIVE, "worklist"),
    "in the positive zone, called negative": (0.97, 0.999999, Zone.POSITIVE, "worklist"),
    "in the negative zone, called positive": (0.1, 0.01, Zone.NEGATIVE, "worklist"),
    "in the review zone": (0.4, 0.5, Zone.REVIEW, "worklist"),
    "negative either way": (0.1, 0.5, Zone.NEGATIVE, "negative"),
    "not assessed": (None, 0.5, Zone.NEGATIVE, "not_assessed"),
}  # fmt: skip


@pytest.mark.parametrize(("probability", "threshold", "zone", "part"), CALLS.values(), ids=CALLS)
def test_what_has_to_be_read_first(
    tmp_path: Path, probability: float | None, threshold: float, zone: Zone, part: str
) -> None:
    row = film(probability, threshold, zone)
    page = page_of(tmp_path, [(row, None)], threshold=threshold)
    (shown,) = rows_of(page)
    facts = block(page, "facts")
    assert facts["words"]["sections"][shown["section"]]["id"] == part
    assert shown["label"] == row.label
    assert shown["probability"] == (None if probability is None else round(probability, 6))
    assert counts_of(page)[part] == 1
    assert sum(counts_of(page).values()) == 1


def block(page: str, name: str) -> Any:
    found = re.findall(f'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
    return json.loads(found[0])


def rows_of(page: str) -> list[dict[str, Any]]:
    fields = block(page, "facts")["fields"]
    return [dict(zip(fields, row, strict=False)) for row in block(page, "rows")]


def counts_of(page: str) -> dict[str, int]:
    buttons = re.findall(r'<button type="button" value="(\w+)".*?<span>(\d+)</span>', page)
    return {name: int(count) for name, count in buttons}


def test_a_film_and_its_heat_are_kept_apart(tmp_path: Path) -> None:
    page = page_of(tmp_path, [(film(0.9, 0.5), Picture(FILM, HEAT)), (film(0.8, 0.5), None)])
    pictures = block(page, "pictures")
    assert (pictures["model_sha256"], pictures["cam"]) == ("0" * 64, "gradcam")
    (entry,) = pictures["films"].values()
    jpeg = base64.b64decode(entry["film"].removeprefix("data:image/jpeg;base64,"))
    back = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert back is not None
    assert np.abs(back.astype(int) - FILM).mean() < 3
    width, height, levels = entry["heat"]
    assert (width, height, base64.b64decode(levels)) == (7, 7, bytes([128] * 49))


def test_rows_taken_over_keep_the_pictures_of_the_page_before(tmp_path: Path) -> None:
    rows = [film(0.9, 0.5), film(0.8, 0.5)]
    first = page_of(tmp_path, [(row, Picture(FILM, HEAT)) for row in rows])
    again = page_of(tmp_path, [(row, None) for row in rows])
    assert again == first
    assert len(block(again, "pictures")["films"]) == 2
    other = page_of(tmp_path, [(row, None) for row in rows], cam="gradcam++")
    assert block(other, "pictures")["films"] == {}


MARKS = {True: "tested", False: "weak", None: "untested"}


@pytest.mark.parametrize(("reliable", "mark"), MARKS.items(), ids=MARKS.values())
def test_a_mark_stands_in_the_page_and_travels_to_the_next(
    tmp_path: Path, reliable: bool | None, mark: str
) -> None:
    row, other = film(0.9, 0.5), film(0.8, 0.5)
    shown = [(row, Picture(FILM, HEAT, known(HEAT, reliable))), (other, Picture(FILM, None))]
    first = page_of(tmp_path, shown)
    assert block(first, "facts")["marks"] == {row.sha256 or "0.9.png": mark}
    assert page_of(tmp_path, [(row, None), (other, None)]) == first


def test_the_scale_says_what_1_means(tmp_path: Path) -> None:
    page = words_of(page_of(tmp_path, [], heat={"quantile": 0.97}))
    assert "1 is the strongest heat that 97 % of the PNEUMONIA films in validation" in page


def test_without_heat_maps_there_is_no_scale(tmp_path: Path) -> None:
    page = page_of(tmp_path, [], cam="none")
    assert "Colour scale" not in page
    assert "Heat shows" not in page


# --- tonight and before -------------------------------------------------------------------------


def test_nights_drift_and_workload_are_shown_where_there_are_any(tmp_path: Path) -> None:
    night = Night("2026-01-01T02:00:00+00:00", 40, 30, 6, 5, 4, 3, 2, (1,) * 20)
    page = page_of(
        tmp_path,
        [(film(0.9, 0.5), None)],
        nights=(night,),
        drift=("Tonight is <unlike> before.",),
        workload="12 films to read.",
    )
    text = words_of(page)
    assert "12 films to read." in text.partition("To read first")[0]
    assert "Tonight is <unlike> before." in text.partition("To read first")[0]
    assert "2026-01-01 02:00 40 30 6 20.0 % 5 4 3 2" in text
    assert "Nights" not in words_of(page_of(tmp_path, []))


def test_the_histogram_counts_every_scored_film(tmp_path: Path) -> None:
    levels = (0.0, 0.04, 0.05, 0.5, 0.9999, 1.0)
    page = words_of(page_of(tmp_path, [(film(level, 0.5), None) for level in levels]))
    table = page.partition("From To below Films")[2]
    counts = re.findall(r"\d\.\d\d \d\.\d\d (\d+)", table)[:20]
    assert counts == ["2", "1", *["0"] * 8, "1", *["0"] * 8, "2"]


def test_nothing_alarms_where_there_is_nothing(tmp_path: Path) -> None:
    page = page_of(tmp_path, [], found=0)
    assert "No film was scored." in words_of(page)
    for alarm in ('class="positive"', 'class="review', 'class="unreadable', "<rect class="):
        assert alarm not in page


# --- scripts, names, sizes ----------------------------------------------------------------------

HOSTILE = (
    "</script><script>alert(1)</script>.png",
    "<!--<script>.png",
    "<img src=x onerror=alert(1)>.png",
    "line\u2028end.png",
    "\"'&.png",
    "right\u202egnp.png",
)


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    rows = [
        Assessment(Scan(name, "", 1, 1), Status.NOT_ASSESSED, format=name, detail=name)
        for name in HOSTILE
    ]
    page = page_of(tmp_path, [(row, None) for row in rows])
    assert page.count("<script") == page.count("</script>") == 4, "the page's own"
    assert page.count("<!--") == 0
    assert "\u202e" not in page
    assert [row["path"] for row in rows_of(page)] == list(HOSTILE)
    assert "<img" not in re.sub(r'<img alt="">', "", page)


def test_the_page_allows_its_own_script_and_nothing_else(tmp_path: Path) -> None:
    page = page_of(tmp_path, [])
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0]
    script = re.findall(r"<script>(.*?)</script>", page, re.S)[0]
    style = re.findall(r"<style>(.*?)</style>", page, re.S)[0]
    for kind, text in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in html.unescape(policy)
    assert "default-src 'none'; img-src data:;" in html.unescape(policy)
    assert "unsafe" not in policy
    assert not re.search(r"\son\w+=", page), "no handlers in attributes"


def test_rows_beyond_those_of_a_page_are_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(worklist_module, "ROWS", 2)
    page = page_of(tmp_path, [(film(level, 0.5), None) for level in (0.1, 0.9, 0.8)], found=3)
    assert [row["probability"] for row in rows_of(page)] == [0.9, 0.8]
    assert "This page lists the 2 most urgent of 3 files; the CSV has all." in words_of(page)
    assert counts_of(page)["worklist"] == 3


def test_the_first_rows_can_be_read_without_scripts(tmp_path: Path) -> None:
    bad = Assessment(Scan("c", "", 1, 1), Status.UNREADABLE, Reason.TRUNCATED, "copy it again")
    text = words_of(page_of(tmp_path, [(film(0.9, 0.5), None), (bad, None)]))
    assert "The first 2 of 2 films" in text
    assert "0.9.png PNEUMONIA 0.900 review c unreadable cut off: copy it again" in text
