from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.films import draw_film, png_bytes
from tests.training.conftest import write_listing
from xrayscan.cli.app import app
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import load_card


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight drawn films of each class, and a broken one that is labelled PNEUMONIA."""
    root = tmp_path_factory.mktemp("films")
    for label, first in (("NORMAL", 0), ("PNEUMONIA", 20)):
        (root / label).mkdir()
        for seed in range(first, first + 8):
            film = draw_film(seed)
            if label == "PNEUMONIA":  # a cloud over one lung
                film[140:200, 60:120] = np.maximum(film[140:200, 60:120], 150)
            (root / label / f"{seed}.png").write_bytes(png_bytes(film))
    (root / "PNEUMONIA" / "broken.png").write_bytes(png_bytes(draw_film(3))[:400])
    return root


def evaluated(films: Path, folder: Path, *more: object) -> dict[str, Any]:
    done = run(
        "evaluate", films, "--admission", "off", "--report", folder / "e.html",
        "--json", folder / "e.json", "--csv", folder / "e.csv", *more,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return json.loads((folder / "e.json").read_text(encoding="utf-8"))


def test_a_folder_end_to_end(films: Path, tmp_path: Path) -> None:
    facts = evaluated(films, tmp_path, "--prevalence", "0.1")
    flow, measures = facts["flow"], facts["measures"]
    assert (flow["labelled"], flow["scored"], flow["unreadable"]) == (17, 16, 1)
    assert measures["films"] == {
        "scored": 16,
        "positive": 8,
        "negative": 8,
        "patients": 16,
        "names": ["NORMAL", "PNEUMONIA"],
    }
    with (tmp_path / "e.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    scored = [row for row in rows if row["probability"]]
    assert len(rows) == 17
    assert len(scored) == 16
    hits = sum(r["positive"] == "1" and r["called"] == "PNEUMONIA" for r in scored)
    at = measures["at_threshold"]
    assert (at["sensitivity"]["count"], at["sensitivity"]["of"]) == (hits, 8)
    referred = facts["all_without_probability_referred"]["sensitivity"]
    assert (referred["count"], referred["of"]) == (hits + 1, 9)
    assert "ppv_at_prevalence" in at


def test_what_is_printed_is_what_predict_gives(films: Path, tmp_path: Path) -> None:
    evaluated(films, tmp_path)
    done = run("predict", films / "NORMAL", "--admission", "off", "--quiet")
    predicted = {row["path"]: row["probability"] for row in csv.DictReader(done.stdout.split("\n"))}
    with (tmp_path / "e.csv").open(newline="", encoding="utf-8") as file:
        measured = {
            Path(row["path"]).name: row["probability"]
            for row in csv.DictReader(file)
            if row["label"] == "NORMAL"
        }
    assert predicted == measured


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.sources: list[str] = []
        self.alts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {found["id"] or ""} if "id" in found else set()
        if tag == "a":
            self.links.add((found["href"] or "").removeprefix("#"))
        if tag == "img":
            self.sources.append(found["src"] or "")
            self.alts.append(found["alt"] or "")


def test_the_page(films: Path, tmp_path: Path) -> None:
    evaluated(films, tmp_path)
    text = (tmp_path / "e.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.links <= page.ids
    assert {"threshold", "subgroups", "failures", "checklist"} <= page.ids
    assert all(source.startswith("data:image/") for source in page.sources)
    assert all(page.alts)
    assert "Decision curve" in text
    for item in ("TRIPOD+AI 14", "TRIPOD+AI 27c", "CLAIM 2024 1<", "CLAIM 2024 44"):
        assert item in text
    assert "to be written by a person" in text
    assert "nan" not in text.replace("nance", "").lower().split()
    assert str(films) not in text  # folders may tell of the hospital


def test_no_width_scrolls_sideways(films: Path, tmp_path: Path, chromium: str) -> None:
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    evaluated(films, tmp_path)
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((tmp_path / "e.html").as_uri())
        for width in (360, 420, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        browser.close()


def sentences() -> Iterator[tuple[tuple[object, ...], str]]:
    yield ("--threshold", "best"), "--threshold best: not a rule"
    yield ("--prevalence", "5"), "--prevalence 5: must lie between 0 and 1"
    yield ("--subgroup", "ward"), "--subgroup ward: no film has it"
    yield ("--model", "nowhere"), "neither a model folder nor a bundled model"
    yield ("--split", "val"), "has no films of split val"
    yield ("--json", "x", "--csv", "x"), "is given for two outputs"
    yield ("--json", "."), "is a folder"


@pytest.mark.parametrize(("more", "words"), list(sentences()), ids=lambda each: str(each)[:30])
def test_faults_are_said_in_a_sentence(films: Path, more: tuple[object, ...], words: str) -> None:
    done = run("evaluate", films, "--admission", "off", *more)
    assert done.exit_code in (1, 2)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_films_that_are_elsewhere(films: Path, tmp_path: Path) -> None:
    rows = [(path.relative_to(films), path.parent.name) for path in films.glob("*/*")]
    listing = write_listing(tmp_path / "films.csv", ["path", "label"], rows)
    done = run("evaluate", listing, "--json", tmp_path / "e.json")
    assert done.exit_code == 1
    assert "is not there, and no other film is; name the folder that their paths" in done.stderr
    assert not (tmp_path / "e.json").exists()
    assert run("evaluate", listing, "--films", films, "--admission", "off").exit_code == 0


def test_one_class_alone(films: Path, tmp_path: Path) -> None:
    data = tmp_path / "films.csv"
    names = [str(films / "NORMAL" / f"{seed}.png") for seed in range(3)]
    data.write_text("path,label\n" + "".join(f"{name},NORMAL\n" for name in names))
    facts = evaluated(data, tmp_path)
    assert facts["measures"]["ranking"] == {
        "why": "All films scored (3) are NORMAL: it takes films of both classes."
    }
    assert "it takes films of both classes" in (tmp_path / "e.html").read_text(encoding="utf-8")


def test_what_cannot_be_measured_is_told_in_words(films: Path, tmp_path: Path) -> None:
    (tmp_path / "NORMAL").mkdir()
    shutil.copy(films / "NORMAL" / "0.png", tmp_path / "NORMAL")
    said = run("evaluate", tmp_path, "--admission", "off").stdout
    assert ": sensitivity none (No film is PNEUMONIA), specificity " in said
    (tmp_path / "NORMAL" / "0.png").write_bytes(b"")
    *_, last = run("evaluate", tmp_path, "--admission", "off").stdout.splitlines()
    assert last == "No film was scored."


def test_verdicts_of_a_report_are_labels(films: Path, tmp_path: Path) -> None:
    rows = [
        {
            "path": f"{seed}.png",
            "verdict": verdict,
            "label": label,
            "called": "NORMAL",
            "model": "fast",
        }
        for seed, verdict, label in (
            (0, "agree", "NORMAL"),
            (1, "disagree", "PNEUMONIA"),
            (2, "unsure", ""),
        )
    ]
    verdicts = tmp_path / "verdicts.json"
    verdicts.write_text(json.dumps(rows))
    facts = evaluated(verdicts, tmp_path, "--films", films / "NORMAL")
    assert facts["flow"]["scored"] == 2
    assert facts["measures"]["films"]["positive"] == 1
    (said,) = facts["notices"]
    assert said.startswith("2 of 2 labels come from verdicts given with a model's result in view")
    assert said.replace("'", "&#39;") in (tmp_path / "e.html").read_text(encoding="utf-8")
    done = run("evaluate", verdicts, "--films", films / "NORMAL", "--admission", "off")
    assert said in done.stderr


def test_a_column_named_verdict_alone_is_no_verdict_of_a_report(
    films: Path, tmp_path: Path
) -> None:
    data = tmp_path / "films.csv"
    data.write_text(f"path,label,verdict\n{films}/NORMAL/0.png,NORMAL,sure\n")
    assert evaluated(data, tmp_path)["notices"] == []


def test_films_under_two_labels_are_named(films: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(films, tmp_path / "films"))
    for seed in range(5):
        shutil.copy(data / "NORMAL" / f"{seed}.png", data / "PNEUMONIA" / f"copy{seed}.png")
    for label in ("NORMAL", "PNEUMONIA"):
        (data / label / "empty.png").write_bytes(b"")  # no film at all
    (said,) = evaluated(data, tmp_path)["notices"]
    assert said.startswith("5 films are there twice, under labels that contradict each other: ")
    assert "0.png (NORMAL) and copy0.png (PNEUMONIA), 1.png (NORMAL) and copy1.png" in said
    assert said.endswith("copy2.png (PNEUMONIA) and 2 more; keep each under one label.")
    assert f'<p class="notice">{said}</p>' in (tmp_path / "e.html").read_text(encoding="utf-8")
    done = run("evaluate", data, "--admission", "off")
    assert said in done.stderr
    assert said in run("calibrate", data, "--sensitivity", "0.9", "--out", tmp_path / "s").stderr


def test_films_twice_under_one_side_are_no_contradiction(films: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(films, tmp_path / "films"))
    shutil.copytree(data / "PNEUMONIA", data / "VIRUS")
    both = ("--positive", "PNEUMONIA,VIRUS", "--negative", "NORMAL")
    assert evaluated(data, tmp_path, *both)["notices"] == []


def test_copies_of_a_film_are_no_further_evidence(films: Path, tmp_path: Path) -> None:
    """In evaluate, in compare, and of what calibrate can carry."""
    data = Path(shutil.copytree(films, tmp_path / "films"))
    for film in list(data.glob("*/*.png")):
        for copy in range(4):
            shutil.copy(film, film.with_name(f"{film.stem}_{copy}.png"))
    once, again = evaluated(films, tmp_path), evaluated(data, tmp_path)
    assert (again["flow"]["labelled"], again["measures"]["films"]["patients"]) == (85, 16)
    ends = [facts["measures"]["ranking"]["auc"]["interval"] for facts in (once, again)]
    assert ends[0] == pytest.approx(ends[1])
    two = ("--model", "fast", "--model", "fast", "--admission", "off")
    run("compare", data, *two, "--json", tmp_path / "c.json")
    compared = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["rows"][0]["auc"]
    assert compared["interval"] == again["measures"]["ranking"]["auc"]["interval_delong"]
    done = run("calibrate", data, "--sensitivity", "0.9", "--admission", "off", "--out", "s")
    assert "40 films of 8 patients with PNEUMONIA cannot carry it" in done.stderr


@pytest.mark.parametrize("option", ["--report", "--json", "--csv"])
def test_neither_films_nor_labels_are_overwritten(films: Path, tmp_path: Path, option: str) -> None:
    film = films / "NORMAL" / "0.png"
    data = tmp_path / "films.csv"
    data.write_text(f"path,label\n{film},NORMAL\n")
    for path in (film, data):
        before = path.read_bytes()
        done = run("evaluate", data, option, path)
        assert done.exit_code == 2
        assert "give another name" in done.stderr
        assert path.read_bytes() == before


@pytest.mark.slow
def test_on_films_read_by_radiologists(shared_data: Path, tmp_path: Path) -> None:
    """Children's and adults' model on adults: far better than chance, and sensitive to the view."""
    with (shared_data / "nih" / "manifest.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith("strong/")]
    data = tmp_path / "strong.csv"
    with data.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "patient", "age", "sex", "view"])
        writer.writerows(
            [
                str(shared_data / "nih" / row["file"]),
                *(row[name] for name in ("label", "patient_id", "age", "sex", "view")),
            ]
            for row in rows
        )
    done = run(
        "evaluate", data, "--negative", "normal", "--positive", "pneumonia",
        "--report", tmp_path / "e.html", "--json", tmp_path / "e.json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    facts = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))
    assert facts["flow"]["other_labels"] == {"other": 77}
    assert facts["flow"]["learnt_from"] == 0
    assert facts["measures"]["ranking"]["auc"]["value"] > 0.75
    assert [row["group"] for row in facts["subgroups"]["view"]] == ["AP", "PA"]


# -- kept in the model's folder ------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the bundled model, which measuring may write into."""
    folder = tmp_path / "model"
    shutil.copytree(model_folder(DEFAULT_MODEL), folder)
    (folder / "evaluations.json").unlink(missing_ok=True)
    return folder


def kept(model: Path) -> list[dict[str, Any]]:
    facts = json.loads((model / "evaluations.json").read_text(encoding="utf-8"))
    return list(facts["evaluations"])


def test_kept_on_the_models_page(films: Path, tmp_path: Path, model: Path) -> None:
    before = load_card(model).sha256
    facts = evaluated(films, tmp_path, "--model", model, "--keep-as", "drawn films")
    (entry,) = kept(model)
    assert entry["name"] == "drawn films"
    assert entry["auc"] == facts["measures"]["ranking"]["auc"]
    assert entry["sensitivity"] == facts["measures"]["at_threshold"]["sensitivity"]
    assert entry["films"]["scored"] == 16
    assert entry["without_probability"] == 1
    page = (model / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| drawn films |")]
    assert "16 (8 PNEUMONIA), 1 not" in row
    assert f"{entry['sensitivity']['value']:.3f} (" in row
    assert load_card(model).sha256 == before  # it has not become another model


def test_of_one_name_the_last_is_kept(films: Path, model: Path) -> None:
    for name in ("one", "two", "one"):
        threshold = "0.9" if name == "two" else "0.2"
        options = ("--model", model, "--admission", "off", "--threshold", threshold)
        assert run("evaluate", films, *options, "--keep-as", name).exit_code == 0
    assert [(each["name"], each["threshold"]) for each in kept(model)] == [
        ("two", 0.9),
        ("one", 0.2),
    ]
    page = (model / "README.md").read_text(encoding="utf-8")
    assert "| two, 0.9 |" in page


def test_what_another_model_got_is_dropped(films: Path, model: Path) -> None:
    options = ("--model", model, "--admission", "off", "--keep-as")
    assert run("evaluate", films, *options, "before").exit_code == 0
    facts = json.loads((model / "card.json").read_text(encoding="utf-8"))
    (model / "card.json").write_text(json.dumps(facts | {"name": "other"}), encoding="utf-8")
    done = run("evaluate", films, *options, "after")
    assert "evaluations of another model are dropped" in done.stderr
    assert [each["name"] for each in kept(model)] == ["after"]


def test_a_folder_that_keeps_nothing(films: Path, model: Path) -> None:
    (model / "evaluations.json").mkdir()
    done = run("evaluate", films, "--model", model, "--keep-as", "drawn")
    assert done.exit_code == 1
    assert "evaluations.json: holds no evaluations that can be added to" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        "\udcff",
        '{"schema": 1}',
        '{"schema": 2, "evaluations": []}',
        '{"schema": 1, "evaluations": [{}]}',
        '{"schema": 1, "evaluations": [7]}',
    ],
)
def test_what_are_no_evaluations_is_said_before_the_films_are_scored(
    model: Path, tmp_path: Path, text: str
) -> None:
    before = text.encode("utf-8", "surrogateescape")
    (model / "evaluations.json").write_bytes(before)
    done = run("evaluate", tmp_path / "nowhere", "--model", model, "--keep-as", "drawn")
    assert done.exit_code == 1
    assert "evaluations.json: holds no evaluations that can be added to; move" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (model / "evaluations.json").read_bytes() == before


def test_an_evaluation_with_odd_figures_is_told_too(model: Path, tmp_path: Path) -> None:
    """Its page could not be drawn."""
    odd = {"model_sha256": load_card(model).sha256, "name": "odd", "auc": 7}
    text = json.dumps({"schema": 1, "evaluations": [odd]})
    (model / "evaluations.json").write_text(text, encoding="utf-8")
    done = run("evaluate", tmp_path / "nowhere", "--model", model, "--keep-as", "drawn")
    assert done.exit_code == 1
    assert "holds no evaluations that can be added to" in done.stderr
