"""Export: from a Keras classifier to the scorer that ``predict`` runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from xrayscan.scoring import engine
from xrayscan.training import classifier as joints
from xrayscan.training.heatmap import heat_maps


def export_scorer(classifier: Any, admission_layers: Sequence[str], path: Path) -> None:
    """Write the scorer: probability, heat maps, embedding and admission features from one pass.

    OpenVINO reads the traced TensorFlow function itself; no other format stands in between.

    Args:
        classifier: a calibrated Keras classifier with the joints of ``training.classifier``.
        admission_layers: layers of the backbone whose pooled outputs become admission features.
        path: the ``.xml`` to write; weights go beside it as ``.bin``, in float32: as float16 they
            moved probabilities by up to 0.046.
    """
    import openvino as ov
    import tensorflow as tf

    size = classifier.input_shape[1]
    spec = tf.TensorSpec((None, size, size, 1), tf.float32, name="pixels")
    traced = tf.function(scoring_function(classifier, admission_layers), input_signature=[spec])
    with _no_usage_reports():
        model = ov.convert_model(traced.get_concrete_function(), extension=_relu_gradient())
    for output in model.outputs:
        output.set_names({_output_name(output.get_names())})
    ov.save_model(model, path, compress_to_fp16=False)


def _relu_gradient() -> Any:
    """Teach OpenVINO the gradient of a ReLU within a head, which it has no rule for."""
    from openvino import opset13 as ops
    from openvino.frontend.tensorflow import ConversionExtension

    def convert(node: Any) -> list[Any]:
        gradient, features = node.get_input(0), node.get_input(1)
        passes = ops.greater(features, ops.constant(np.float32(0)))
        product = ops.multiply(gradient, ops.convert(passes, "f32"))
        return [product.output(0)]

    return ConversionExtension("ReluGrad", convert)


@contextmanager
def _no_usage_reports() -> Iterator[None]:
    """Keep OpenVINO's converter from reporting its use to its makers.

    It reports by default, unless it takes itself to be part of a CI job; from forked processes at
    that, which beside TensorFlow's threads can wait for each other for ever.
    """
    before = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["CI"]
        else:
            os.environ["CI"] = before


def admission_widths(classifier: Any, admission_layers: Sequence[str]) -> tuple[int, ...]:
    """Return how many admission features each layer gives."""
    backbone = classifier.get_layer(joints.BACKBONE)
    return tuple(backbone.get_layer(name).output.shape[-1] for name in admission_layers)


def scoring_function(classifier: Any, admission_layers: Sequence[str]) -> Any:
    """Return f(pixels (B, S, S, 1)) -> dict of named outputs, as a TensorFlow function."""
    import keras
    import tensorflow as tf

    joint = classifier.get_layer(joints.FEATURE_MAP).output
    backbone = classifier.get_layer(joints.BACKBONE)
    middles = [backbone.get_layer(name).output for name in admission_layers]
    to_features = keras.Model(backbone.input, [backbone.output, *middles])
    to_rgb = keras.Model(classifier.input, classifier.get_layer(joints.RGB).output)
    head = keras.Model(
        joint,
        [
            classifier.get_layer(joints.LOGIT).output,
            classifier.get_layer(joints.EMBEDDING).output,
            classifier.output,
        ],
    )

    def score(pixels: Any) -> dict[str, Any]:
        features, *middle = to_features(to_rgb(pixels), training=False)
        with tf.GradientTape() as tape:
            tape.watch(features)
            logit, embedding, probability = head(features, training=False)
        maps = heat_maps(features, tape.gradient(logit, features))
        return {
            engine.PROBABILITY: probability,
            engine.EMBEDDING: embedding,
            engine.ADMISSION: tf.concat([tf.reduce_mean(m, axis=(1, 2)) for m in middle], axis=1),
            **{f"{engine.HEAT_PREFIX}{name}": heat for name, heat in maps.items()},
        }

    return score


def _output_name(names: set[str]) -> str:
    """TensorFlow appends ":0" to some names on the way; the scorer's names are plain."""
    plain = {name.partition(":")[0] for name in names}
    return next(name for name in plain if name.startswith(engine.OUTPUT_PREFIXES))
