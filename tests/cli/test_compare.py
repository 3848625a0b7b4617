from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.test_evaluate import Page, films, run
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import file_sha256
from xrayscan.scoring.looks import stacked
from xrayscan.scoring.seen import Seen

__all__ = ["films"]  # the fixture


@pytest.fixture
def theirs(films: Path, tmp_path: Path) -> Path:
    """Outputs of another model, which knows every film but one."""
    rng = np.random.default_rng(2)
    path = tmp_path / "theirs.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "probability"])
        for film in sorted(films.rglob("*.png"))[1:]:
            sick = film.parent.name == "PNEUMONIA"
            writer.writerow([film, f"{rng.beta(5, 2) if sick else rng.beta(2, 5):.6f}"])
    return path


def compared(films: Path, folder: Path, *more: object) -> dict[str, Any]:
    done = run(
        "compare", films, "--admission", "off", "--report", folder / "c.html",
        "--json", folder / "c.json", *more,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return json.loads((folder / "c.json").read_text(encoding="utf-8"))


def test_a_model_and_outputs_and_their_mean(films: Path, theirs: Path, tmp_path: Path) -> None:
    facts = compared(films, tmp_path, "--model", "fast", "--external", theirs, "--ensemble")
    # 17 labelled: one is broken, one is not among the outputs
    assert facts["films"] == {"labelled": 17, "compared": 15}
    assert [row["name"] for row in facts["rows"]] == ["fast", "theirs", "mean of all"]
    fast, other, _ = facts["rows"]
    assert fast["films_per_second"] > 0
    assert fast["megabytes"] > 1
    assert other["films_per_second"] is None
    assert other["threshold"] == 0.5
    differences = {(pair["first"], pair["second"]): pair for pair in facts["auc_pairs"]}
    assert len(differences) == len(facts["call_pairs"]) == 3
    pair = differences["fast", "theirs"]
    assert pair["value"] == pytest.approx(fast["auc"]["value"] - other["auc"]["value"], abs=2e-6)
    text = (tmp_path / "c.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.links <= page.ids
    assert "Both tests take the films of a patient together." in text
    assert all(source.startswith("data:image/") for source in page.sources)


def test_a_model_with_itself_does_not_differ(films: Path, tmp_path: Path) -> None:
    facts = compared(films, tmp_path, "--model", "fast", "--model", "fast")
    assert [row["name"] for row in facts["rows"]] == ["fast (1)", "fast (2)"]
    (pair,) = facts["auc_pairs"]
    assert (pair["value"], pair["p"]) == (0, 1)
    (calls,) = facts["call_pairs"]
    assert (calls["only_first_right"], calls["only_second_right"], calls["p"]) == (0, 0, 1)
    assert "None: all films are called alike." in (tmp_path / "c.html").read_text(encoding="utf-8")


def test_thresholds_of_one_model(films: Path, tmp_path: Path) -> None:
    facts = compared(films, tmp_path, "--model", "fast", "--threshold", "0.2", "--threshold", "0.9")
    low, high = facts["rows"]
    assert low["sensitivity"]["value"] >= high["sensitivity"]["value"]
    assert facts["auc_pairs"] == []
    assert len(facts["call_pairs"]) == 1


def test_thresholds_alone_are_of_the_default_model(films: Path, tmp_path: Path) -> None:
    facts = compared(films, tmp_path, "--threshold", "youden", "--threshold", "sens=0.95")
    rows = [(row["name"], row["rule"]) for row in facts["rows"]]
    assert rows == [(DEFAULT_MODEL, "youden"), (DEFAULT_MODEL, "sens=0.95")]


def test_thresholds_of_outputs_ask_for_no_model(films: Path, theirs: Path, tmp_path: Path) -> None:
    two = ("--threshold", "0.2", "--threshold", "0.9")
    facts = compared(films, tmp_path, "--external", theirs, *two)
    assert [row["name"] for row in facts["rows"]] == ["theirs", "theirs"]


def test_faults_are_said_in_a_sentence(films: Path, theirs: Path) -> None:
    alone = run("compare", films, "--model", "fast")
    assert alone.exit_code == 2
    assert "nothing to compare" in alone.stderr
    single = run(
        "compare", films, "--external", theirs, "--threshold", ".1", "--threshold", ".2",
        "--ensemble",
    )  # fmt: skip
    assert single.exit_code == 2
    assert "takes at least two" in single.stderr


def test_what_models_have_learnt_from_is_said_and_left_out(films: Path, tmp_path: Path) -> None:
    """By all of the models, whichever is named first."""
    learnt = tmp_path / "learnt"
    shutil.copytree(model_folder(DEFAULT_MODEL), learnt)
    some = [films / "NORMAL" / "0.png", films / "PNEUMONIA" / "20.png"]
    Seen.of([file_sha256(film) for film in some], stacked([])).keep_in(learnt)
    card = json.loads((learnt / "card.json").read_text(encoding="utf-8"))
    for name in card["files"]:
        card["files"][name] = file_sha256(learnt / name)
    (learnt / "card.json").write_text(json.dumps({**card, "name": "learnt"}), encoding="utf-8")
    facts = compared(films, tmp_path, "--model", "fast", "--model", learnt)
    assert facts["learnt_from"] == {"fast": 0, "learnt": 2}
    assert "learnt has learnt from 2 of these films" in (tmp_path / "c.html").read_text("utf-8")
    facts = compared(films, tmp_path, "--model", "fast", "--model", learnt, "--unseen")
    assert facts["learnt_from"] == {"fast": 0, "learnt": 0}
    assert facts["films"] == {"labelled": 17, "compared": 14}


def test_models_of_opposite_classes_are_not_compared(films: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(model_folder(DEFAULT_MODEL), other)
    card = json.loads((other / "card.json").read_text(encoding="utf-8"))
    card |= {"name": "other", "classes": card["classes"][::-1], "positive": card["classes"][0]}
    (other / "card.json").write_text(json.dumps(card), encoding="utf-8")
    done = run("compare", films, "--model", "fast", "--model", other)
    assert done.exit_code == 2
    assert "its score is P(NORMAL), that of fast P(PNEUMONIA); compare models" in done.stderr
