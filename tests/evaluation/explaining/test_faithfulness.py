from __future__ import annotations

import numpy as np
import pytest

from tests.looking import brightness, film, true_map
from xrayscan.evaluation.explaining.faithfulness import (
    MOST_ALIKE,
    points_inside,
    rank_correlation,
    removal,
    share_inside,
    shift_agreement,
    weight_dependence,
)
from xrayscan.evaluation.explaining.graphs import shuffled
from xrayscan.evaluation.explaining.methods import Network, explainer
from xrayscan.scoring.engine import Engine


def test_removal_tells_a_true_map_from_a_false_one() -> None:
    assert removal(brightness, film(), true_map()).gain > 1
    assert removal(brightness, film(), 1 - true_map()).gain < -1


def test_taking_away_what_matters_lowers_the_logit_at_once() -> None:
    found = removal(brightness, film(), true_map(), shares=(0.1, 0.3))
    assert found.hottest_first.shape == found.coldest_first.shape == (2,)
    assert found.hottest_first[0] > 2
    assert abs(found.coldest_first[0]) < 0.5


def test_a_map_that_follows_the_film_agrees_under_shifts() -> None:
    def following(pixels: np.ndarray) -> np.ndarray:
        return pixels.reshape(14, 4, 14, 4).mean(axis=(1, 3))

    def fixed(pixels: np.ndarray) -> np.ndarray:
        return true_map()

    assert shift_agreement(following, film()) > 0.95
    assert shift_agreement(fixed, film()) < 0.6


def test_a_constant_map_fails_the_randomisation_test(network: Network, films: np.ndarray) -> None:
    """A planted map that is the same for every film and every weight."""
    planted = [np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8) for _ in films]
    assert weight_dependence(planted, planted) == pytest.approx(1)
    assert weight_dependence(planted, planted) > MOST_ALIKE
    flat = [np.ones((8, 8), np.float32) for _ in films]
    assert weight_dependence(flat, flat) == 1


@pytest.mark.parametrize("method", ["gradcam", "gradcam++"])
def test_the_real_map_passes_the_randomisation_test(
    network: Network, films: np.ndarray, method: str
) -> None:
    heats = [explainer(method, network)(each) for each in films]
    alike = []
    for seed in range(4):
        other = Engine(network.scorer, network.card.input_size, 1, prepare=shuffled(seed))
        explain = explainer(method, network, other)
        alike.append(weight_dependence(heats, [explain(each) for each in films]))
    assert np.mean(alike) <= MOST_ALIKE


def test_rank_correlation_against_scipy() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    one, other = np.round(rng.random((2, 6, 6)), 1).astype(np.float32)
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one.ravel(), other.ravel())[0])
    assert rank_correlation(one, np.zeros_like(one)) == 0


def test_share_inside_by_hand() -> None:
    heat = np.array([[3.0, 1.0]], np.float32)
    mask = np.zeros((2, 2), np.bool_)
    mask[:, 0] = True
    assert share_inside(heat, mask) == pytest.approx(0.75)
    assert share_inside(np.zeros((1, 2), np.float32), mask) is None


def test_the_pointing_game_by_hand() -> None:
    heat = true_map()  # hottest first in row 1, column 4 of 7: at 0.64, 0.21
    heat[1, 4] = 2
    assert points_inside(heat, [(0.6, 0.2, 0.1, 0.1)])
    assert not points_inside(heat, [(0.2, 0.6, 0.1, 0.1)])
    assert points_inside(heat, [(0, 0, 0.1, 0.1), (0.5, 0, 0.5, 0.5)])
    assert not points_inside(heat, [])
