from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from xrayscan.labels.films import LabelledFilm
from xrayscan.scoring.engine import Scores
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.outcome.card_facts import measured


def scores_of(probabilities: list[float], heat: float = 0.5) -> Scores:
    """Films with set probabilities; their strongest heat rises film by film."""
    count = len(probabilities)
    maps = np.zeros((count, 4, 4), np.float32)
    maps[:, 1, 2] = heat * np.arange(count)
    flat = np.zeros((count, 3), np.float32)
    probability = np.array(probabilities, np.float32)
    return Scores(probability, flat, flat, {"gradcam": maps, "gradcam++": 2 * maps})


def films_of(text: str) -> DecodedFilms:
    """Films with set labels, each a patient of its own."""
    labels = np.array([int(letter) for letter in text])
    films = tuple(LabelledFilm(f"{n}.png", int(label), str(n)) for n, label in enumerate(labels))
    return DecodedFilms(
        films, np.zeros((len(films), 4, 4), np.uint8), labels, ("",) * len(films), ()
    )


def point(facts: dict[str, Any], rule: str) -> tuple[float, float, float]:
    found = facts["thresholds"][rule]
    return found["threshold"], found["sensitivity"], found["specificity"]


def test_measured_by_hand() -> None:
    facts = measured(scores_of([0.1, 0.2, 0.6, 0.4, 0.8, 0.9]), films_of("000111"))
    # 0.6 is the one negative above a positive (0.4): 8 of 9 pairs are in order, 5 of 6 films right
    assert facts["results"]["auc"] == pytest.approx(8 / 9, abs=1e-4)
    assert facts["results"]["accuracy"] == pytest.approx(5 / 6, abs=1e-4)
    assert point(facts, "sens=0.95") == pytest.approx((0.3, 1.0, 2 / 3))
    assert point(facts, "spec=0.95") == pytest.approx((0.7, 2 / 3, 1.0))
    assert facts["zones"] == pytest.approx({"review": 0.3, "positive": 0.7})
    assert facts["operating_curve"]["prevalence"] == 0.5
    assert json.loads(json.dumps(facts)) == facts


def test_heat_scales_look_at_positives_only() -> None:
    facts = measured(scores_of([0.9, 0.8, 0.1, 0.2]), films_of("1100"))
    # the positives' strongest are 0 and 0.5
    assert facts["heat"]["scale"]["gradcam"] == pytest.approx(0.495)
    assert facts["heat"]["scale"]["gradcam++"] == pytest.approx(0.99)


def test_no_heat_at_all_is_drawn_as_none() -> None:
    facts = measured(scores_of([0.9, 0.8, 0.1, 0.2], heat=0.0), films_of("1100"))
    assert facts["heat"]["scale"] == {"gradcam": 1.0, "gradcam++": 1.0}


def test_zones_where_the_classes_part() -> None:
    facts = measured(scores_of([0.1, 0.2, 0.8, 0.9]), films_of("0011"))
    assert facts["zones"] == pytest.approx({"review": 0.5, "positive": 0.5})


def test_intervals_hold_their_figures() -> None:
    rng = np.random.default_rng(4)
    text = "01" * 60
    probabilities = np.clip(rng.normal(0.4, 0.15, 120) + 0.2 * (np.arange(120) % 2), 0, 1)
    facts = measured(scores_of(probabilities.tolist()), films_of(text))
    low, high = facts["results"]["auc_interval"]
    assert low < facts["results"]["auc"] < high
    for found in facts["thresholds"].values():
        for name in ("threshold", "sensitivity", "specificity"):
            low, high = found[f"{name}_interval"]
            assert low <= round(found[name], 4) <= high


def test_a_class_has_the_heat_scale_of_its_own_films() -> None:
    scores = scores_of([0.1, 0.8, 0.9, 0.2])
    maps = scores.heat["gradcam"]
    scores = replace(scores, heat=scores.heat | {f"gradcam_class{n}": maps for n in range(3)})
    scale = measured(scores, films_of("0120"))["heat"]["scale"]
    assert scale["gradcam_class1"] == pytest.approx(0.5)
    assert scale["gradcam_class2"] == pytest.approx(1.0)
    assert scale["gradcam_class0"] == pytest.approx(0.99 * 1.5)


def test_three_classes_told_apart_by_hand() -> None:
    shares = np.array(
        [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.75, 0.05], [0.1, 0.7, 0.2], [0.4, 0.1, 0.5]],
        np.float32,
    )
    scores = replace(scores_of((1 - shares[:, 0]).tolist()), classes=shares)
    results = measured(scores, films_of("01212"))["results"]
    # the third film, of class 2, is called 1, and lies above both films of class 1
    assert results["confusion"] == [[1, 0, 0], [0, 2, 0], [0, 1, 1]]
    assert results["class_auc"] == [1.0, round(4 / 6, 4), 0.5]


def test_two_classes_need_no_such_table() -> None:
    results = measured(scores_of([0.1, 0.9]), films_of("01"))["results"]
    assert not {"confusion", "class_auc"} & results.keys()
