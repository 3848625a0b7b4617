from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import SIZE
from xrayscan.errors import ModelError
from xrayscan.records import HeatMap
from xrayscan.scoring.admission_statistics import AdmissionStatistics, admission_features
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.scoring.faithfulness import Chance, quick_marks
from xrayscan.scoring.log_odds import log_odds
from xrayscan.scoring.model import NO_CAM, ScoringModel
from xrayscan.scoring.posture import find_posture
from xrayscan.scoring.recalibration import Recalibration

from .conftest import card_facts, write_card

NONE = np.zeros((1, 0), np.float32)


@pytest.mark.parametrize("cam", [NO_CAM, "gradcam", "gradcam++"])
def test_every_film_has_what_the_parts_say(runnable: Path, films: np.ndarray, cam: str) -> None:
    scored = list(ScoringModel(runnable, threads=2).score(films, cam))
    scores = Engine(runnable / "scorer.xml", SIZE, 1).score(films)
    statistics = AdmissionStatistics.load(runnable / "admission.npz")
    distance = statistics.distance(admission_features(scores.admission, films))
    np.testing.assert_array_equal([film.probability for film in scored], scores.probability)
    np.testing.assert_allclose([film.distance for film in scored], distance, rtol=1e-4)
    if cam == NO_CAM:
        assert [film.heat_map for film in scored] == [None] * len(films)
        return
    scale = {"gradcam": 0.5, "gradcam++": 0.25}[cam]  # of the card
    for film, heat in zip(scored, scores.heat[cam], strict=True):
        np.testing.assert_allclose(film.heat_map.heat, np.minimum(heat / scale, 1), rtol=1e-6)


def test_same_bits_alone_and_in_a_batch(runnable: Path, films: np.ndarray) -> None:
    model = ScoringModel(runnable, threads=2)
    together = list(model.score(films, "gradcam"))
    for index, film in enumerate(together):
        (alone,) = model.score(films[index : index + 1], "gradcam")
        assert (alone.probability, alone.distance) == (film.probability, film.distance)
        np.testing.assert_array_equal(alone.heat_map.heat, film.heat_map.heat)


def test_a_changed_folder_is_refused(runnable: Path) -> None:
    with (runnable / "scorer.bin").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=r"scorer\.bin: .*sha256 differs"):
        ScoringModel(runnable, threads=1)


def test_postures_are_told_by_the_folder_s_weights(runnable: Path, films: np.ndarray) -> None:
    model = ScoringModel(runnable, threads=1)
    weights = AdmissionStatistics.load(runnable / "admission.npz").posture
    assert model.posture(films[0]) == find_posture(films[0], weights)


def test_a_site_s_correction_is_applied(runnable: Path, films: np.ndarray) -> None:
    before = [film.probability for film in ScoringModel(runnable, threads=1).score(films)]
    write_card(runnable, card_facts(recalibration={"temperature": 2.0, "offset": 0.7}))
    after = [film.probability for film in ScoringModel(runnable, threads=1).score(films)]
    correction = Recalibration(2.0, 0.7)
    assert after == [correction.applied(each) for each in before]
    assert after != before


def test_classes_share_what_a_correction_leaves(runnable: Path) -> None:
    model = ScoringModel(runnable, threads=1)
    correction = Recalibration(1.0, 1.0)
    model.card = replace(model.card, classes=("N", "A", "B"), recalibration=correction)
    ranked = dict(model._ranked(np.array([0.4, 0.4, 0.2], np.float32)))
    positive = correction.applied(0.6)
    assert sum(ranked.values()) == pytest.approx(1)
    assert ranked["N"] == pytest.approx(1 - positive, abs=1e-6)
    assert ranked["A"] == pytest.approx(2 * ranked["B"], rel=1e-5)


@pytest.mark.parametrize("cam", ["gradcam", "gradcam++"])
def test_a_mark_is_that_of_the_map_on_the_film_alone(
    runnable: Path, films: np.ndarray, cam: str
) -> None:
    """Whatever memory is left: all at once and one by one give the same."""
    model = ScoringModel(runnable, threads=2)
    engine = Engine(runnable / "scorer.xml", SIZE, 1)
    maps = [each.heat_map for each in model.score(films, cam)]
    found = model.are_reliable(maps, cam)
    chance = Chance(0.1, 0.7, between=0.3, within=0.2) if cam == "gradcam" else None  # of the card
    alone = quick_marks(lambda asked: log_odds(engine.score(asked).probability), maps, chance)
    assert found == [each.reliable for each in alone]
    assert model.are_reliable(maps[:1], cam) == found[:1]
    many = 7  # more than are tested at once
    assert model.are_reliable(maps * many, cam) == found * many
    model._engine = OneByOne(engine)
    assert model.are_reliable(maps, cam) == found


def test_the_tests_of_heat_maps_ask_what_the_card_leaves_open(
    runnable: Path, films: np.ndarray
) -> None:
    """One pass and at times two more where the card has the model's chance, five where not."""
    asked: dict[str, float] = {}
    for cam in ("gradcam", "gradcam++"):
        model = ScoringModel(runnable, threads=2)
        maps = [each.heat_map for each in model.score(films, cam) if np.ptp(each.heat_map.heat)]
        engine = Counting(model._engine)
        model._engine = engine
        model.are_reliable(maps, cam)
        asked[cam] = engine.films / len(maps)
    assert 1 <= asked["gradcam"] <= 3
    assert asked["gradcam++"] == 5


class Counting:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.films = 0

    def score(self, pixels: np.ndarray) -> Scores:
        self.films += len(pixels)
        return self._engine.score(pixels)


@pytest.mark.parametrize("correction", [None, {"temperature": 2.0, "offset": 0.7}])
def test_a_heat_map_has_the_log_odds_before_a_sites_correction(
    runnable: Path, films: np.ndarray, correction: dict[str, float] | None
) -> None:
    changed = {"recalibration": correction} if correction else {}
    write_card(runnable, card_facts(**changed))
    expected = log_odds(Engine(runnable / "scorer.xml", SIZE, 1).score(films).probability)
    found = [each.heat_map for each in ScoringModel(runnable, threads=1).score(films, "gradcam")]
    np.testing.assert_array_equal([each.log_odds for each in found], expected)
    np.testing.assert_array_equal([each.film for each in found], films)
    assert np.ptp(expected) > 0.1


def test_what_the_map_of_a_class_explains() -> None:
    shares = np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1]], np.float32)
    of_classes = Scores(1 - shares[:, 0], NONE, NONE, {}, shares)
    np.testing.assert_array_equal(of_classes.explained("gradcam_class2"), shares[:, 2])
    np.testing.assert_array_equal(of_classes.explained("gradcam"), of_classes.probability)
    of_two = Scores(shares[:, 1], NONE, NONE, {})
    np.testing.assert_array_equal(of_two.explained("gradcam++"), shares[:, 1])


class OneByOne:
    """An engine with memory for one film."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def score(self, pixels: np.ndarray) -> Scores:
        if len(pixels) > 1:
            raise MemoryError
        return self._engine.score(pixels)


def test_the_map_of_a_class_is_tested_on_its_share(runnable: Path) -> None:
    """Class 2 sees brightness on the left, class 1 and the sum of both nothing."""

    class Seeing:
        def score(self, pixels: np.ndarray) -> Scores:
            seen = pixels[:, :, : SIZE // 2].mean(axis=(1, 2)) / 1000
            shares = np.stack([np.full_like(seen, 0.5), 0.5 - seen, seen], axis=1)
            return Scores(np.full_like(seen, 0.5), NONE, NONE, {}, shares)

    model = ScoringModel(runnable, threads=1)
    model._engine = Seeing()
    film = np.zeros((SIZE, SIZE), np.float32)
    film[:, : SIZE // 4] = 250
    heat = np.zeros((8, 8), np.float32)
    heat[:, :2] = 1
    cams = ("gradcam", "gradcam_class1", "gradcam_class2")
    maps = [HeatMap(film, heat, 0.0)]
    assert [model.are_reliable(maps, cam) for cam in cams] == [[False], [False], [True]]


def test_without_memory_for_a_single_film_nothing_is_said(runnable: Path) -> None:
    class Full:
        def score(self, pixels: np.ndarray) -> Scores:
            raise MemoryError

    model = ScoringModel(runnable, threads=1)
    model._engine = Full()
    maps = [HeatMap(np.zeros((SIZE, SIZE), np.float32), np.eye(8, dtype=np.float32), 0.0)] * 3
    assert model.are_reliable(maps, "gradcam") == [None] * 3
