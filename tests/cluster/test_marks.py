"""What pictures carry from a worker to the run, and the test that heat maps get there."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.films import draw_film
from xrayscan.cluster import marks
from xrayscan.cluster.marks import Marker, for_the_way, with_marker
from xrayscan.errors import ModelError
from xrayscan.records import Assessment, HeatMap, Scan, Status
from xrayscan.reporting.worklist import HeatTest, Picture
from xrayscan.resources import model_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.model import ScoringModel

ROW = Assessment(Scan("a.png", "a.png", 1, 1), Status.SCORED)
VIEW = np.zeros((4, 4), np.uint8)
CAM = "gradcam"


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return load_card(model_folder("fast"))


@pytest.fixture(scope="module")
def model(card: ModelCard) -> ScoringModel:
    return ScoringModel(card.folder, 2, card)


def assessed(model: ScoringModel, seed: int) -> Picture:
    """A picture as a worker has it: with a model that cannot be pickled."""
    film = np.resize(draw_film(seed=seed), (224, 224)).astype(np.float32)
    (scored,) = model.score(film[None], CAM)
    assert scored.heat_map is not None

    def answer(maps: Sequence[HeatMap]) -> list[bool | None]:
        return model.are_reliable(maps, CAM)

    return Picture(VIEW, scored.heat_map.heat, HeatTest(scored.heat_map, answer))


def said(picture: Picture | None) -> bool | None:
    """What its test says."""
    assert picture is not None
    assert picture.test is not None
    (reliable,) = picture.test.answer([picture.test.heat_map])
    return reliable


def test_a_heat_map_is_tested_at_home_as_it_was_where_it_was_made(
    model: ScoringModel, card: ModelCard
) -> None:
    marker = Marker(card, CAM, 1)
    here, there = [], []
    for seed in range(8):
        picture = assessed(model, seed)
        there.append(said(picture))
        came = pickle.loads(pickle.dumps(for_the_way(picture)))
        assert said(came) is None, "on the way there is nothing to test with"
        _, bound = with_marker((ROW, came), marker)
        here.append(said(bound))
    assert here == there
    assert None not in here


def test_what_travels_is_once_the_view_the_map_and_the_pixels(model: ScoringModel) -> None:
    picture = assessed(model, 1)
    assert picture.heat is not None
    size = VIEW.nbytes + picture.heat.nbytes + 224 * 224 * 4
    assert len(pickle.dumps(for_the_way(picture))) < size + 2000


@pytest.mark.parametrize("picture", [None, Picture(VIEW, None)], ids=["none", "without a map"])
def test_pictures_without_a_heat_map_travel_as_they_are(
    picture: Picture | None, card: ModelCard
) -> None:
    came = pickle.loads(pickle.dumps(for_the_way(picture)))
    assert with_marker((ROW, came), Marker(card, CAM, 1)) == (ROW, came)


def test_the_model_is_loaded_once_and_for_the_first_film_that_is_shown(
    card: ModelCard, model: ScoringModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[int] = []

    def load(*args: Any) -> ScoringModel:
        loaded.append(1)
        return model

    monkeypatch.setattr(marks, "ScoringModel", load)
    picture = for_the_way(assessed(model, 1))
    marker = Marker(card, CAM, 1)
    bound = [with_marker((ROW, picture), marker)[1] for _ in range(3)]
    assert not loaded
    assert {said(each) for each in bound} <= {True, False}
    assert len(loaded) == 1


def test_a_model_that_is_broken_here_is_no_fault_of_a_worker(
    card: ModelCard, model: ScoringModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        def check(self) -> None:
            raise ModelError("no")

    monkeypatch.setattr(marks, "ScoringModel", lambda *args: Failing())
    _, bound = with_marker((ROW, assessed(model, 1)), Marker(card, CAM, 1))
    with pytest.raises(ModelError):
        said(bound)
