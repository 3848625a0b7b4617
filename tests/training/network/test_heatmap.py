from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY
from xrayscan.scoring.engine import Engine
from xrayscan.training.network.architectures import heads

METHODS = ("gradcam", "gradcam++")


def grad_cam(features: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Selvaraju et al. 2017, equations 1 and 2, one film: (h, w, C) twice -> (h, w)."""
    height, width, channels = features.shape
    total = np.zeros((height, width))
    for k in range(channels):
        alpha = sum(gradient[i, j, k] for i in range(height) for j in range(width))
        total += alpha / (height * width) * features[:, :, k]
    return np.maximum(total, 0)


def grad_cam_plus_plus(
    features: np.ndarray, gradient: np.ndarray, logit: float = 0.0
) -> np.ndarray:
    """Chattopadhay et al. 2018 with the score Y = exp(S), one film, position by position.

    Equation 19: alpha_ij = (dS/dA_ij)^2 / (2 (dS/dA_ij)^2 + sum_ab A_ab (dS/dA_ij)^3);
    equation 5: w = sum_ij alpha_ij relu(dY/dA_ij), where dY/dA = exp(S) dS/dA;
    and the map, as in equation 6: relu(sum_k w_k A_k).
    """
    height, width, channels = features.shape
    total = np.zeros((height, width))
    for k in range(channels):
        sum_of_map = features[:, :, k].sum()
        weight = 0.0
        for i in range(height):
            for j in range(width):
                slope = gradient[i, j, k]
                below = 2 * slope**2 + sum_of_map * slope**3
                alpha = slope**2 / below if below else 0.0
                weight += alpha * max(np.exp(logit) * slope, 0)
        total += weight * features[:, :, k]
    return np.maximum(total, 0)


DIRECT = {"gradcam": grad_cam, "gradcam++": grad_cam_plus_plus}


def random_joint(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A feature map as ReLU leaves it, and a gradient that differs by position: (2, 5, 4, 7)."""
    rng = np.random.default_rng(seed)
    features = np.maximum(rng.normal(0.3, 1, (2, 5, 4, 7)), 0)
    return features, rng.normal(0.1, 0.5, features.shape)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(5))
def test_heat_maps_against_the_equations(seed: int, method: str) -> None:
    import tensorflow as tf

    from xrayscan.training.network.heatmap import heat_maps

    features, gradient = random_joint(seed)
    maps = heat_maps(tf.constant(features, tf.float32), tf.constant(gradient, tf.float32))
    expected = np.stack([DIRECT[method](f, g) for f, g in zip(features, gradient, strict=True)])
    assert expected.any()
    np.testing.assert_allclose(maps[method], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_no_gradient_is_no_heat(method: str) -> None:
    import tensorflow as tf

    from xrayscan.training.network.heatmap import heat_maps

    features = tf.constant(random_joint(1)[0], tf.float32)
    np.testing.assert_array_equal(heat_maps(features, tf.zeros_like(features))[method], 0)


def test_the_score_scales_grad_cam_plus_plus_as_a_whole() -> None:
    """Why exp(logit) may be left out: it is a common factor."""
    features, gradient = (values[0] for values in random_joint(2))
    with_score = grad_cam_plus_plus(features, gradient, logit=1.7)
    np.testing.assert_allclose(with_score, np.exp(1.7) * grad_cam_plus_plus(features, gradient))


def exported_heat(classifier: Any, films: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    from xrayscan.training.outcome.export import export_scorer, scoring_function

    export_scorer(scoring_function(classifier, TINY.admission_layers), folder / "scorer.xml")
    return Engine(folder / "scorer.xml", SIZE, 1).score(films).heat


def taped(classifier: Any, films: np.ndarray) -> tuple[np.ndarray, ...]:
    """Feature map, gradient and logit of the Keras model, by one tape from pixels on, float64."""
    import keras
    import tensorflow as tf

    joints = [classifier.get_layer(name).output for name in ("last_feature_map", "logit")]
    model = keras.Model(classifier.input, joints)
    with tf.GradientTape() as tape:
        features, logit = model(tf.constant(films[..., None]), training=False)
        total = tf.reduce_sum(logit)
    gradient = tape.gradient(total, features)
    return tuple(np.asarray(values, np.float64) for values in (features, gradient, logit[:, 0]))


@pytest.mark.parametrize(
    "head", [heads.pooled, heads.pooled_dense, heads.flat_dense], ids=lambda head: head.__name__
)
def test_exported_maps_against_an_own_computation(
    make_tiny: Callable[..., Any], films: np.ndarray, tmp_path: Path, head: Callable[[Any], Any]
) -> None:
    classifier = make_tiny(head=head)
    features, gradient, _ = taped(classifier, films)
    heat = exported_heat(classifier, films, tmp_path)
    assert set(heat) == set(METHODS)
    for method, direct in DIRECT.items():
        assert heat[method].shape == (len(films), 8, 8)
        for drawn, *joint in zip(heat[method], features, gradient, strict=True):
            expected = direct(*joint)
            assert expected.std() > 0
            assert np.corrcoef(drawn.ravel(), expected.ravel())[0, 1] >= 0.999
            np.testing.assert_allclose(drawn, expected, rtol=0.02, atol=0.01 * expected.max())


def test_grad_cam_sums_to_the_logit(
    make_tiny: Callable[..., Any], films: np.ndarray, tmp_path: Path
) -> None:
    """Average pooling and one dense layer: each position's heat is its share of logit - bias."""
    bias = -1.5
    classifier = make_tiny(lowest_weight=0.0, bias=bias)  # nothing negative to be cut off
    _, _, logit = taped(classifier, films)
    heat = exported_heat(classifier, films, tmp_path)["gradcam"]
    np.testing.assert_allclose(heat.sum(axis=(1, 2)), logit - bias, rtol=2e-3)
