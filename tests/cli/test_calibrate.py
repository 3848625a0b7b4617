from __future__ import annotations

import csv
import html
import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_evaluate import run
from tests.films import draw_film, png_bytes
from xrayscan.resources import bundled_models
from xrayscan.scoring.card import SCORING_FILES, load_card


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty drawn films of each class."""
    root = tmp_path_factory.mktemp("site")
    for label, first in (("NORMAL", 0), ("PNEUMONIA", 100)):
        (root / label).mkdir()
        for seed in range(first, first + 40):
            film = draw_film(seed, width=224, height=224)
            if label == "PNEUMONIA":
                for lung in (film[100:180, 30:100], film[100:180, 124:194]):
                    np.maximum(lung, 180, out=lung)
            (root / label / f"{seed}.png").write_bytes(png_bytes(film))
    return root


@pytest.fixture(scope="module")
def profile(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("profiles") / "ward"
    done = run(
        "calibrate", site, "--out", out, "--admission", "off", "--sensitivity", "0.9",
        "--specificity", "0.8", "--population", "drawn films",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "of 1,000 films" in done.stdout
    return out


def predicted(films: Path, model: object, *more: object) -> list[dict[str, str]]:
    done = run("predict", films, "--admission", "off", "--model", model, "--quiet", *more)
    assert done.exit_code == 0, done.output
    return list(csv.DictReader(done.stdout.splitlines()))


def test_the_profile_is_a_model_with_its_parent_s_scorer(profile: Path) -> None:
    parent = bundled_models()["fast"]
    card = load_card(profile)
    assert card.name == "fast at ward"
    assert card.default_rule == "sens=0.9"
    assert list(card.thresholds)[:2] == ["sens=0.9", "spec=0.8"]
    assert card.facts["parent"]["card_sha256"] == load_card(parent).sha256
    for name in SCORING_FILES:
        assert (profile / name).read_bytes() == (parent / name).read_bytes()
    assert "Site profile of | fast" in (profile / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in profile.parent.iterdir()] == ["ward"]  # nothing left beside it


def test_predict_calls_as_the_card_promises(site: Path, profile: Path) -> None:
    facts = json.loads((profile / "card.json").read_text(encoding="utf-8"))
    sick = predicted(site / "PNEUMONIA", profile)
    well = predicted(site / "NORMAL", profile)
    found = np.mean([row["label"] == "PNEUMONIA" for row in sick])
    cleared = np.mean([row["label"] == "NORMAL" for row in well])
    point = facts["thresholds"]["sens=0.9"]
    assert found == pytest.approx(point["sensitivity"])
    assert cleared == pytest.approx(point["specificity"])
    assert found >= 0.9


def test_the_site_s_films_are_known_as_learnt_from(
    site: Path, profile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "e.json"
    done = run("evaluate", site, "--model", profile, "--admission", "off", "--json", out)
    assert done.exit_code == 0, done.output
    assert "80 of 80 films were learnt from" in done.stderr
    assert json.loads(out.read_text(encoding="utf-8"))["flow"]["learnt_from"] == 80


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--sensitivity", "0.99"), "it takes films of 100 such patients, 60 more"),
        (("--sensitivity", "1"), "give a share from 0.5 to below 1"),
        ((), "give --sensitivity, --specificity or both"),
        (("--sensitivity", "0.9", "--prevalence", "2"), "--prevalence 2: must lie between 0 and 1"),
    ],
)
def test_faults_are_said_in_a_sentence(
    site: Path, tmp_path: Path, more: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "out"
    done = run("calibrate", site, "--out", out, "--admission", "off", *more)
    assert done.exit_code in (1, 2)
    assert words in done.stderr
    assert not out.exists()


def test_the_site_s_films_are_not_called_those_of_training(
    site: Path, profile: Path, tmp_path: Path
) -> None:
    """Whose films the network was trained on, and whose its thresholds are from, stay apart."""
    parent = load_card(bundled_models()["fast"]).facts["training"]["population"]
    facts = load_card(profile).facts
    assert facts["training"]["population"] == parent
    assert facts["site"]["population"] == "drawn films"
    readme = (profile / "README.md").read_text(encoding="utf-8")
    assert f"| Whose films | of the site: drawn films; trained on: {parent} |" in readme
    page = tmp_path / "e.html"
    done = run("evaluate", site, "--model", profile, "--admission", "off", "--report", page)
    assert done.exit_code == 0, done.output
    told = html.unescape(page.read_text(encoding="utf-8"))
    assert f"Trained on: {parent}." in told
    night = tmp_path / "p.html"
    predicted(site, profile, "--report", night)
    told = " ".join(html.unescape(night.read_text(encoding="utf-8")).split())
    assert "<dt>Validated on</dt><dd>drawn films; for nobody else" in told
    assert f"patients; {parent}</dd>" in told


def test_how_the_parent_was_made_stands_on_its_own_page(profile: Path) -> None:
    parent = (bundled_models()["fast"] / "README.md").read_text(encoding="utf-8")
    page = (profile / "README.md").read_text(encoding="utf-8")
    assert "| Command |" in parent
    assert " s on " in parent
    assert "| Command |" not in page
    assert " s on " not in page


def test_the_calibration_is_said_to_be_the_parent_s(profile: Path) -> None:
    readme = (profile / "README.md").read_text(encoding="utf-8")
    assert "after calibration on the same films" not in readme
    assert "the network's own calibration is fast's, on films of its training (temp" in readme


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--from",), "has a scorer, no model.keras"),
        (("--ensemble-of", "fast", "--ensemble-of"), "has a scorer, no model.keras"),
        (("--distill",), "corrects probabilities for its site"),
    ],
    ids=["from", "ensemble", "distill"],
)
def test_nothing_is_trained_from_a_profile(
    profile: Path, tmp_path: Path, option: tuple[str, ...], words: str
) -> None:
    """Said before the films are looked for, with the model to give in its place."""
    assert not load_card(profile).recalibration.changes_nothing
    done = run("fit", tmp_path / "no films", "--out", tmp_path / "out", *option, profile)
    assert done.exit_code == 2, done.stderr
    parent = f"(fast, card sha256 {load_card(bundled_models()['fast']).sha256})"
    said = f"xrayscan: {option[-1]} {profile}: {words}"
    assert done.stderr.startswith(said)
    assert done.stderr.endswith(f"; give the model that it was made of {parent}\n")
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_left_alone(site: Path, profile: Path) -> None:
    before = (profile / "card.json").read_bytes()
    done = run("calibrate", site, "--out", profile, "--sensitivity", "0.9")
    assert done.exit_code == 2
    assert "exists; give a new folder" in done.stderr
    assert (profile / "card.json").read_bytes() == before


def test_an_isotonic_profile_gives_what_lies_between_its_points(site: Path, tmp_path: Path) -> None:
    """From labelled films to the CSV: the parent's log odds through the profile's points."""
    out = tmp_path / "bent"
    done = run(
        "calibrate", site, "--out", out, "--admission", "off", "--sensitivity", "0.9",
        "--recalibration", "isotonic", "--prevalence", "0.1",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "isotonic" in done.stdout
    facts = json.loads((out / "card.json").read_text(encoding="utf-8"))
    before, after = np.array(facts["recalibration"]["curve"]).T
    assert (np.diff(before) > 0).all()
    assert (np.diff(after) > 0).all()
    shift = float(facts["recalibration"]["offset"])
    assert shift == 0
    plain = predicted(site, "fast")
    bent = predicted(site, out)
    raw = np.array([float(row["probability"]) for row in plain])
    z = np.interp(np.log(raw / (1 - raw)), before, after)
    found = np.array([float(row["probability"]) for row in bent])
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-z)), atol=2e-5)
    assert (found != raw).any()
    threshold = facts["thresholds"]["sens=0.9"]["threshold"]
    called = [row["label"] == "PNEUMONIA" for row in bent]
    assert called == (found >= threshold).tolist(), "thresholds are of what is corrected"
    sick = np.array([row["path"].startswith("PNEUMONIA") for row in bent])
    assert np.mean(np.array(called)[sick]) == facts["thresholds"]["sens=0.9"]["sensitivity"]


@pytest.mark.parametrize("how", ["none", "auto"])
def test_corrections_that_are_not_asked_for_or_not_warranted(
    site: Path, tmp_path: Path, how: str
) -> None:
    out = tmp_path / "plain"
    done = run(
        "calibrate", site, "--out", out, "--admission", "off", "--sensitivity", "0.9",
        "--recalibration", how,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    facts = json.loads((out / "card.json").read_text(encoding="utf-8"))
    assert "curve" not in facts["recalibration"]
    if how == "none":
        assert facts["recalibration"]["temperature"] == 1
        assert "as asked for" in done.stdout
