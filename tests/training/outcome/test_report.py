"""The training report: what it tells, what it hides, and how a browser shows it."""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.errors import XrayscanError
from xrayscan.labels.films import LabelledFilm
from xrayscan.records import DISCLAIMER
from xrayscan.scoring.engine import Scores
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.films.leaks import Leak, LeakedFilm
from xrayscan.training.learning.augmentation import PRESETS, Augmentation
from xrayscan.training.outcome.report import Evidence, write_training_report
from xrayscan.training.outcome.report_results import Judged, drawn_heat, telling_films

SIDE = 48
CLASSES = ("NORMAL", "PNEUMONIA")
HOSTILE = "<img src=x onerror=alert(1)>\u202e&amp;.png"


def films(count: int, seed: int, classes: int = 2, folder: str = "/secret-ward/train") -> Any:
    """Films of rising brightness by class; two films per patient."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) // 2 % classes
    listed = tuple(
        LabelledFilm(
            f"{folder}/film-{seed}-{index}.png", int(label), f"patient-{seed}-{index // 2}"
        )
        for index, label in enumerate(labels)
    )
    files = tuple(f"{folder}-{seed}-{index}" for index in range(count))
    pixels = rng.normal(90 + 40 * labels[:, None, None], 20, (count, SIDE, SIDE))
    return DecodedFilms(listed, np.clip(pixels, 0, 255).astype(np.uint8), labels, files, ())


def scores_of(validation: DecodedFilms, seed: int = 3) -> Scores:
    rng = np.random.default_rng(seed)
    count = len(validation.films)
    probability = np.clip(rng.normal(0.3 + 0.4 * validation.positives, 0.2), 0, 1)
    flat = np.zeros((count, 2), np.float32)
    heat = rng.uniform(0, 3, (count, 6, 6)).astype(np.float32)
    return Scores(probability.astype(np.float32), flat, flat, {"gradcam": heat, "gradcam++": heat})


CARD: dict[str, Any] = {
    "name": "tiny <model>",
    "created": "2026-01-02",
    "architecture": "tiny",
    "input": {"size": SIDE, "range": [0, 255]},
    "classes": list(CLASSES),
    "positive": "PNEUMONIA",
    "score": "calibrated P(PNEUMONIA)",
    "training": {
        "data": "ward",
        "population": "",
        "started_from": "none",
        "recipe": {"epochs": 3, "learning_rate": 0.0003},
        "train": {"films": 40, "patients": 20},
        "validation": {"films": 60, "patients": 30},
    },
    "default_threshold": "youden",
    "thresholds": {
        "youden": {"threshold": 0.5, "sensitivity": 0.8125, "specificity": 0.75},
        "sens=0.95": {"threshold": 0.2, "sensitivity": 0.96, "specificity": 0.4},
    },
    "calibration": {"expected_calibration_error": 0.0123},
    "heat": {"scale": {"gradcam": 2.0, "gradcam++": 2.0}},
    "results": {"auc": 0.9321, "accuracy": 0.7812},
}


def evidence(**changes: Any) -> Evidence:
    validation = films(60, 2, folder="/secret-ward/val")
    train = films(40, 1)
    found = Evidence(
        CLASSES,
        replace(train, unreadable=((f"/secret-ward/{HOSTILE}", "ends in the middle; <copy> it"),)),
        validation,
        (),
        scores_of(validation),
        ({"epoch": 1, "loss": 0.6, "val_auc": 0.7}, {"epoch": 2, "loss": 0.5, "val_auc": 0.8}),
        PRESETS["strong"],
        7,
    )
    return replace(found, **changes)


def page_of(folder: Path, card: dict[str, Any] = CARD, **changes: Any) -> str:
    path = folder / "report.html"
    write_training_report(path, card, evidence(**changes))
    return path.read_text(encoding="utf-8")


def words_of(page: str) -> str:
    """The page's text in one line, as a person reads it."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(tmp_path_factory.mktemp("page"))


def test_parts_come_in_the_order_in_which_they_are_read(page: str) -> None:
    headings = re.findall(r"<h2 id=\"([a-z]+)\"", page)
    assert headings == [
        "results", "data", "leaks", "samples", "augmented", "learning", "measures", "films",
        "model",
    ]  # fmt: skip
    links = re.findall(r"href=\"#([a-z]+)\"", page)
    assert links == headings[1:]
    assert page.count(DISCLAIMER) == 2


def test_nothing_comes_from_elsewhere_and_nothing_runs(page: str) -> None:
    sources = re.findall(r"src=\"([^\"]{0,30})", page)
    assert sources
    assert all(re.match(r"data:image/(png|jpeg);base64,", source) for source in sources)
    assert "<script" not in page
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    assert f'content="{policy}"' in page


def test_every_picture_is_told_in_words(page: str) -> None:
    pictures = re.findall(r"<img [^>]*>", page)
    assert all(re.search(r'alt="[^"]{5,}"', picture) for picture in pictures)
    # 6 samples and 1 + 8 variations per class; 2 of grey, 2 of learning, 5 measures; the films
    explained = page.count('<article class="film">')
    assert len(pictures) == 2 * (6 + 9) + 9 + 3 * explained


def test_no_folder_and_no_patient_is_named(page: str) -> None:
    assert "secret-ward" not in page
    assert "patient-" not in page
    assert "film-2-" in page


def test_names_and_reasons_are_texts(page: str) -> None:
    text = words_of(page)
    assert (
        "<img src=x onerror=alert(1)>\\u202e&amp;.png training ends in the middle; <copy>" in text
    )
    assert "Training of tiny <model>" in text


def test_films_and_patients_are_counted(page: str) -> None:
    text = words_of(page)
    assert "training NORMAL 20 50.0 % 10 training PNEUMONIA 20 50.0 % 10 training all 40 20" in text
    assert "validation all 60 30" in text
    assert "Unreadable films 1" in text


def test_grey_levels_by_class(page: str) -> None:
    means = re.findall(
        r"training (?:NORMAL|PNEUMONIA) ([\d.]+) ± [\d.]+ ([\d.]+) ±", words_of(page)
    )
    expected = [(90, 20), (130, 20)]
    for found, level in zip(means, expected, strict=True):
        assert tuple(map(float, found)) == pytest.approx(level, abs=1)
    assert "AUC by this alone: 1.00" in words_of(page)  # brightness gives the class away


def test_intervals_are_shown_where_the_card_has_them(page: str, tmp_path: Path) -> None:
    assert "( " not in words_of(page).split("Data")[0]
    assert "youden (default) 0.5000 81.2 % 75.0 % sens=0.95" in words_of(page)
    card = copy.deepcopy(CARD)
    card["results"]["auc_interval"] = [0.9, 0.9567]
    card["thresholds"]["youden"]["sensitivity_interval"] = [0.75, 0.875]
    text = words_of(page_of(tmp_path, card))
    assert "AUC (0.9000 to 0.9567) 0.9321" in text
    assert "youden (default) 0.5000 81.2 % (75.0 to 87.5) 75.0 % sens=0.95" in text


def leaks_of(count: int) -> tuple[LeakedFilm, ...]:
    train, other = films(40, 1).films, films(60, 2, folder="/secret-ward/test").films
    return tuple(
        LeakedFilm(Leak.NEAR if index % 4 else Leak.BYTES, train[index % 40], other[index % 60])
        for index in range(count)
    )


LEAKS = {
    "none": (0, None, "None found"),
    "left out": (8, False, "8 training films are in validation or test, too: identical bytes 2, "
                           "near-duplicate 6. All of them were left out"),
    "kept": (8, True, "They were trained on all the same, as asked for"),
    "older card": (3, None, "All of them were left out"),
    "many, some twice": (120, False, "40 training films are in validation or test, too: identical "
                         "bytes 30, near-duplicate 90. All of them were left out of training. "
                         "The first 100 are listed."),
}  # fmt: skip


@pytest.mark.parametrize("case", LEAKS.values(), ids=LEAKS)
def test_leaks(case: tuple, tmp_path: Path) -> None:
    count, kept, words = case
    card = copy.deepcopy(CARD)
    if kept is not None:
        card["training"]["leaks_kept"] = kept
    page = page_of(tmp_path, card, leaks=leaks_of(count))
    assert words in words_of(page)
    rows = page.partition('id="leaks"')[2].partition("</section>")[0].count("<tr><th")
    assert rows - bool(count) == min(count, 100)
    assert "secret-ward" not in page


@pytest.mark.parametrize("count", [0, 2, 18])
def test_a_file_in_two_classes_is_named(count: int, tmp_path: Path) -> None:
    train = films(40, 1)  # two normal films, then two of the disease, and so on
    same = [f"same-{index // 4}" if index // 2 < count else name
            for index, name in enumerate(train.sha256)]  # fmt: skip
    page = page_of(tmp_path, train=replace(train, sha256=tuple(same)))
    pairs = count // 2 * 2  # both positives of each four are the first normal film
    assert ("Films in two classes" in page) == (pairs > 0)
    if pairs:
        told = (
            f"Films in two classes {pairs} Each is one file with two labels, one of which is wrong"
        )
        assert told in words_of(page)
        assert "film-1-0.png NORMAL film-1-2.png PNEUMONIA training" in words_of(page)
    assert "secret-ward" not in page


def test_what_was_not_done_is_said(tmp_path: Path) -> None:
    page = page_of(tmp_path, augmentation=Augmentation(), history=())
    assert "Films were not varied in training." in words_of(page)
    assert "Learning curves None recorded." in words_of(page)


def test_a_scorer_without_faults_has_no_wrong_films(tmp_path: Path) -> None:
    validation = films(60, 2)
    scores = replace(scores_of(validation), probability=validation.positives.astype(np.float32))
    page = page_of(tmp_path, validation=validation, scores=scores)
    assert "Surest and wrong 0 None." in words_of(page)


def test_three_classes_and_odd_class_names(tmp_path: Path) -> None:
    classes = ("NORMAL", "$x^ <b>", "bytes \udcff")
    card = copy.deepcopy(CARD) | {"positive": "any finding", "score": "P(any finding)"}
    train, validation = films(42, 1, 3), films(60, 2, 3)
    page = page_of(
        tmp_path,
        card,
        classes=classes,
        train=train,
        validation=validation,
        scores=scores_of(validation),
    )
    text = words_of(page)
    assert "training $x^ <b> 14 33.3 % 7" in text
    assert "bytes:bytes%20%FF" in text
    assert "called any finding" in text
    assert "Classes told apart" not in text


def test_classes_told_apart(tmp_path: Path) -> None:
    card = copy.deepcopy(CARD) | {"classes": ["NORMAL", "BACTERIA", "VIRUS"]}
    card["results"] |= {
        "confusion": [[11, 12, 13], [21, 22, 23], [31, 32, 33]],
        "class_auc": [0.91, 0.82, 0.73],
    }
    text = words_of(page_of(tmp_path, card))
    assert "Class called NORMAL called BACTERIA called VIRUS AUC" in text
    assert "NORMAL 11 12 13 0.9100 BACTERIA 21 22 23 0.8200 VIRUS 31 32 33 0.7300" in text


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "of 30 patients who were not trained on."),
        ({"leaks_kept": True}, "some of them also trained on as asked for: the figures are too"),
        ({"validation_seen_before": 9}, "9 of the films were learnt from before"),
        ({"made_from": [{"name": "fast"}]}, "from whom nothing was learnt here; whether a model"),
        ({"teacher": "accurate"}, "from whom nothing was learnt here; whether a model"),
    ],
    ids=["new", "kept", "seen before", "built on a model", "taught"],
)
def test_whether_validation_films_are_new(
    tmp_path: Path, known: dict[str, Any], words: str
) -> None:
    card = copy.deepcopy(CARD)
    card["training"] |= known
    assert words in words_of(page_of(tmp_path, card))


def test_films_that_name_no_patient(page: str, tmp_path: Path) -> None:
    assert "name no patient" not in words_of(page)
    train = films(40, 1)
    alone = tuple(replace(film, patient=film.location) for film in train.films[:7])
    text = words_of(page_of(tmp_path, train=replace(train, films=alone + train.films[7:])))
    assert "7 training films name no patient; each counts as a patient of its own." in text


def test_the_same_evidence_gives_the_same_page(page: str, tmp_path: Path) -> None:
    assert page_of(tmp_path) == page


def test_the_page_stays_small_enough_to_mail(tmp_path: Path) -> None:
    """Noise, the worst that a JPEG can get, on networks of large films."""
    rng = np.random.default_rng(0)
    large = {
        "train": replace(
            films(40, 1), pixels=rng.integers(0, 256, (40, 384, 384)).astype(np.uint8)
        ),
        "validation": replace(
            films(60, 2), pixels=rng.integers(0, 256, (60, 384, 384)).astype(np.uint8)
        ),
    }
    assert len(page_of(tmp_path, **large)) < 3_500_000


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(XrayscanError, match=r"report\.html: cannot be written"):
        write_training_report(tmp_path / "file" / "report.html", CARD, evidence())


def judged(probabilities: list[float], positives: str, threshold: float = 0.5) -> Judged:
    labels = np.array([letter == "1" for letter in positives])
    return Judged(np.array(probabilities), labels, threshold, CLASSES)


TELLING = {
    # surely right on both sides, one wrong, the rest by distance from the threshold
    "all kinds": (judged([0.99, 0.9, 0.8, 0.01, 0.2, 0.3, 0.95, 0.52], "11100001"),
                  {"best": (0, 1, 3, 4), "worst": (6,), "borderline": (7, 5, 2)}),
    # both lie half way from the threshold to certainty: equals stay in order
    "sureness is alike on both sides": (judged([0.625, 0.125], "01", 0.25),
                                        {"best": (), "worst": (0, 1), "borderline": ()}),
    "on the threshold is positive": (judged([0.5, 0.49], "10"),
                                     {"best": (0, 1), "worst": (), "borderline": ()}),
    "a threshold above all": (judged([1.0, 0.3], "10", float(np.nextafter(1, 2))),
                              {"best": (1,), "worst": (0,), "borderline": ()}),
    "a threshold of nought": (judged([1.0, 0.0], "10", 0.0),
                              {"best": (0,), "worst": (1,), "borderline": ()}),
}  # fmt: skip


@pytest.mark.parametrize("case", TELLING.values(), ids=TELLING)
def test_telling_films_by_hand(case: tuple) -> None:
    given_films, expected = case
    assert telling_films(given_films) == expected


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40), st.floats(0, 1)
)
def test_telling_films_are_what_they_are_called(
    drawn: list[tuple[float, bool]], threshold: float
) -> None:
    probabilities, positives = (np.array(column) for column in zip(*drawn, strict=True))
    found = Judged(probabilities, positives, threshold, CLASSES)
    groups = telling_films(found)
    shown = [index for group in groups.values() for index in group]
    assert len(shown) == len(set(shown))
    right = found.called == found.positives
    assert right[list(groups["best"])].all()
    assert not right[list(groups["worst"])].any()
    assert len(groups["worst"]) == min(6, int((~right).sum()))


def test_heat_is_drawn_on_the_scale_of_the_card() -> None:
    maps = np.array([[[0.0, 1.0], [2.0, 8.0]]], np.float32)
    flat = np.zeros((1, 1), np.float32)
    scores = Scores(flat[0], flat, flat, {"gradcam": maps, "gradcam++": maps})
    heat = drawn_heat(scores, {"gradcam": 2.0, "gradcam++": 8.0})
    assert heat["gradcam"].tolist() == [[[0, 0.5], [1, 1]]]
    assert heat["gradcam++"].tolist() == [[[0, 0.125], [0.25, 1]]]


def test_in_a_browser(chromium: str, page: str, tmp_path: Path) -> None:
    """Every picture loads, nothing is asked of anyone, and no width scrolls sideways."""
    from playwright.sync_api import sync_playwright

    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    asked, complaints = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        opened = browser.new_page()
        opened.on("request", lambda request: asked.append(request.url))
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda fault: complaints.append(str(fault)))
        opened.goto(path.as_uri())
        broken = "[...document.images].filter(i => !(i.complete && i.naturalWidth)).length"
        assert opened.evaluate(broken) == 0
        assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
        assert complaints == []
        for width in (360, 1280, 3840):
            opened.set_viewport_size({"width": width, "height": 900})
            assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        browser.close()
