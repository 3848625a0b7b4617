from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from tests.training.conftest import SIZE
from xrayscan.evaluation.explaining import methods
from xrayscan.evaluation.explaining.graphs import FEATURES, shuffled, with_features
from xrayscan.evaluation.explaining.methods import Network, explainer, occlusion, score_cam
from xrayscan.scoring.engine import EMBEDDING, PROBABILITY, Engine


def features_of(network: Network, film: np.ndarray) -> np.ndarray:
    engine = Engine(network.scorer, SIZE, 1, prepare=with_features)
    return engine.outputs(film[None])[FEATURES][0]


def test_the_feature_map_is_what_the_embedding_is_the_mean_of(
    network: Network, films: np.ndarray
) -> None:
    features = features_of(network, films[0])
    embedding = network.engine.outputs(films[:1])[EMBEDDING][0]
    assert features.shape == (16, 8, 8)
    np.testing.assert_allclose(features.mean(axis=(1, 2)), embedding, rtol=1e-4, atol=1e-5)


def test_graph_maps_are_those_of_the_scorer(network: Network, films: np.ndarray) -> None:
    for method in ("gradcam", "gradcam++"):
        expected = network.engine.score(films[:1]).heat[method][0]
        np.testing.assert_array_equal(explainer(method, network)(films[0]), expected)


def test_score_cam_against_its_algorithm(network: Network, films: np.ndarray) -> None:
    """Wang et al. 2020, algorithm 1, channel by channel in float64."""
    film = films[4]
    features = features_of(network, film)

    def logit(pixels: np.ndarray) -> float:
        share = float(
            network.engine.outputs(pixels[None].astype(np.float32))[PROBABILITY].ravel()[0]
        )
        share = min(max(share, 1e-6), 1 - 1e-6)
        return float(np.log(share / (1 - share)))

    gains, kept = [], []
    for channel in features:
        if np.ptp(channel) == 0:
            continue
        large = cv2.resize(channel, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        mask = (large - large.min()) / (large.max() - large.min())
        gains.append(logit(film * mask) - logit(np.zeros_like(film)))
        kept.append(channel)
    weights = np.exp(np.array(gains)) / np.exp(np.array(gains)).sum()
    expected = np.maximum(sum(w * each for w, each in zip(weights, kept, strict=True)), 0)
    found = score_cam(network, film)
    assert expected.std() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_occlusion_is_hot_where_the_model_looks(
    network: Network, films: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A made-up model that sees one corner alone."""

    class Corner:
        def score(self, pixels: np.ndarray) -> SimpleNamespace:
            level = pixels[:, :16, :16].std(axis=(1, 2)) / 20
            return SimpleNamespace(probability=1 / (1 + np.exp(-level)))

    heat = occlusion(replace(network, engine=Corner()), films[6])
    assert heat.shape == (13, 13)
    assert heat[:3, :3].max() == heat.max() > 0
    assert heat[5:, :].max() < 0.2 * heat.max()


def test_shuffled_weights_change_the_score_and_repeat(network: Network, films: np.ndarray) -> None:
    plain = network.engine.outputs(films)[PROBABILITY]
    one, again, other = (
        Engine(network.scorer, SIZE, 1, prepare=shuffled(seed)).outputs(films)[PROBABILITY]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - plain).max() > 0.01
    assert np.abs(one - other).max() > 0.01


def test_shuffling_keeps_the_weights(network: Network, runnable: Path) -> None:
    import openvino as ov

    def weights(model: Any) -> list[np.ndarray]:
        return [
            np.sort(node.get_data().ravel())
            for node in model.get_ordered_ops()
            if node.get_type_name() == "Constant"
            and node.get_element_type() == ov.Type.f32
            and np.prod(node.get_output_shape(0)) >= 16
        ]

    model = ov.Core().read_model(network.scorer)
    before = weights(model)
    shuffled(3)(model)
    after = weights(model)
    assert sum(map(len, after)) == sum(map(len, before))
    for one, other in zip(sorted(before, key=len), sorted(after, key=len), strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_method_has_a_title() -> None:
    assert set(methods.TITLES) == {"gradcam", "gradcam++", "scorecam", "occlusion"}
