"""Grad-CAM and Grad-CAM++ as part of the exported graph: the gradient at the last feature map."""

from __future__ import annotations

from typing import Any


def heat_maps(features: Any, gradient: Any) -> dict[str, Any]:
    """Compute both maps from the last feature map and the gradient of the logit there.

    Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2): channel weights are the mean gradient. Where the
    head is average pooling and one dense layer, the map sums to the logit less its bias (negative
    parts aside): each position's heat is its share, measured in logit units.

    Grad-CAM++ (Chattopadhay et al. 2018, eq. 19 with the score exp(logit), as there): channel
    weights are sum(alpha * relu(g)) with alpha = g^2 / (2 g^2 + sum(A) g^3). The common factor
    exp(logit) is left out: it would scale a film's whole map by its score.

    Args:
        features: (B, h, w, C) TensorFlow tensor, the last feature map A.
        gradient: same shape, g = d logit / d A.

    Returns:
        (B, h, w) maps, >= 0, by method name.
    """
    import tensorflow as tf

    mean_gradient = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
    square = gradient * gradient
    total = tf.reduce_sum(features, axis=(1, 2), keepdims=True)
    alpha = tf.math.divide_no_nan(square, 2 * square + total * square * gradient)
    plus_plus = tf.reduce_sum(alpha * tf.nn.relu(gradient), axis=(1, 2), keepdims=True)
    return {
        "gradcam": tf.nn.relu(tf.reduce_sum(mean_gradient * features, axis=-1)),
        "gradcam++": tf.nn.relu(tf.reduce_sum(plus_plus * features, axis=-1)),
    }
