"""Export: from a Keras classifier to the scorer that ``predict`` runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from xrayscan.runtime import no_usage_reports, openvino
from xrayscan.scoring import card as cards
from xrayscan.scoring import engine
from xrayscan.training.network import classifier as joints
from xrayscan.training.network.heatmap import heat_maps

CALIBRATED_LOGIT = "calibrated_logit"
PIXELS = "pixels"  # the input's name
_FEATURES = "last feature map"


@dataclass(frozen=True, slots=True)
class ScoringFunction:
    """What is exported.

    Attributes:
        score: f(pixels (B, S, S, 1)) -> dict of the scorer's outputs, and the calibrated logit
            (B, 1) as CALIBRATED_LOGIT, of TensorFlow operations.
        size: S, pixels.
        admission_widths: how many admission features each layer gives.
    """

    score: Callable[[Any], dict[str, Any]]
    size: int
    admission_widths: tuple[int, ...]


def export_scorer(function: ScoringFunction, path: Path) -> None:
    """Write the scorer: probability, heat maps, embedding and admission features from one pass.

    OpenVINO reads the traced TensorFlow function itself; no other format stands in between.

    Args:
        function: of a calibrated classifier.
        path: the ``.xml`` to write; weights go beside it as ``.bin``, in float32: as float16 they
            moved probabilities by up to 0.046.
    """
    ov = openvino()
    with no_usage_reports(), _version_told():
        model = ov.convert_model(
            traced(function).get_concrete_function(), extension=_relu_gradient()
        )
    for output in model.outputs:
        output.set_names({_output_name(output.get_names())})
    ov.save_model(model, path, compress_to_fp16=False)


def _version_told() -> AbstractContextManager[Any]:
    """Tell OpenVINO's converter which TensorFlow there is, while the context lasts.

    Left alone it deletes a name that ``exec`` has set in another scope, which from Python 3.13 on
    is a NameError (PEP 667); as of OpenVINO 2026.4.
    """
    import tensorflow as tf
    from openvino.frontend.tensorflow import utils

    versions = {"tensorflow": tf.__version__}
    return patch.object(utils, "get_environment_setup", lambda framework: versions, create=True)


def traced(function: ScoringFunction, films: int | None = None) -> Any:
    """The graph of a scoring function, for that many films at once; None leaves it open."""
    import tensorflow as tf

    def outputs(pixels: Any) -> dict[str, Any]:
        scored = function.score(pixels)
        return {name: scored[name] for name in scored if name != CALIBRATED_LOGIT}

    spec = tf.TensorSpec((films, function.size, function.size, 1), tf.float32, name=PIXELS)
    return tf.function(outputs, input_signature=[spec])


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


def scoring_function(classifier: Any, admission_layers: Sequence[str]) -> ScoringFunction:
    """Make the scoring function of a classifier.

    Args:
        classifier: calibrated, with the joints of ``training.network.classifier``.
        admission_layers: layers of the backbone whose pooled outputs become admission features;
            without any there is no such output.
    """
    import keras
    import tensorflow as tf

    backbone = classifier.get_layer(joints.BACKBONE)
    middles = {name: backbone.get_layer(name).output for name in admission_layers}
    # by name: of a list with a single output Keras hands on the output alone
    to_features = keras.Model(backbone.input, {_FEATURES: backbone.output, **middles})
    to_rgb = keras.Model(classifier.input, classifier.get_layer(joints.RGB).output)
    head = _head(classifier)

    def score(pixels: Any) -> dict[str, Any]:
        found = to_features(to_rgb(pixels), training=False)
        features, middle = found[_FEATURES], [found[name] for name in admission_layers]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(features)
            outputs = head(features, training=False)
            logits = outputs.get(joints.CLASS_LOGITS, outputs[joints.LOGIT])
            each = tf.unstack(logits, axis=1)
        gradients = [tape.gradient(logit, features) for logit in each]
        maps = heat_maps(features, _score_gradient(gradients, logits))
        if joints.CLASS_LOGITS in outputs:
            for number, gradient in enumerate(gradients):
                own = heat_maps(features, gradient)[cards.GRADCAM]
                maps[f"{cards.CLASS_CAM}{number}"] = own
        probability = tf.sigmoid(outputs[joints.CALIBRATION])
        return {
            CALIBRATED_LOGIT: outputs[joints.CALIBRATION],
            engine.PROBABILITY: probability,
            engine.EMBEDDING: outputs[joints.EMBEDDING],
            **_admission_outputs(middle),
            **{f"{engine.HEAT_PREFIX}{name}": heat for name, heat in maps.items()},
            **_class_outputs(probability, outputs),
        }

    widths = tuple(int(middle.shape[-1]) for middle in middles.values())
    return ScoringFunction(score, classifier.input_shape[1], widths)


def _score_gradient(gradients: Sequence[Any], logits: Any) -> Any:
    """The gradient of the positive's logit, from those of the class logits.

    With logit = log(sum_{c > 0} exp(z_c)) - z_0 it is sum_{c > 0} softmax(z_{> 0})_c g_c - g_0.

    Args:
        gradients: one (B, h, w, C) per column of ``logits``.
        logits: (B, 1) with two classes, else (B, K), the negative class first.
    """
    import tensorflow as tf

    if len(gradients) == 1:
        return gradients[0]
    shares = tf.nn.softmax(logits[:, 1:])[:, :, None, None, None]
    return tf.reduce_sum(shares * tf.stack(gradients[1:], axis=1), axis=1) - gradients[0]


def _admission_outputs(middle: Sequence[Any]) -> dict[str, Any]:
    """The means of layers (B, h, w, C) side by side; nothing without layers."""
    import tensorflow as tf

    if not middle:
        return {}
    return {engine.ADMISSION: tf.concat([tf.reduce_mean(m, axis=(1, 2)) for m in middle], axis=1)}


def _class_outputs(probability: Any, outputs: dict[str, Any]) -> dict[str, Any]:
    """With more than two classes, P(class) (B, K): the positive ones share P as by softmax."""
    import tensorflow as tf

    if joints.CLASS_LOGITS not in outputs:
        return {}
    shares = tf.nn.softmax(outputs[joints.CLASS_LOGITS][:, 1:])
    return {engine.CLASSES: tf.concat([1 - probability, probability * shares], axis=1)}


def _head(classifier: Any) -> Any:
    """From the last feature map to the outputs of the head's joints, by name."""
    import keras

    names = {layer.name for layer in classifier.layers}
    wanted = {joints.CLASS_LOGITS, joints.LOGIT, joints.EMBEDDING, joints.CALIBRATION}
    return keras.Model(
        classifier.get_layer(joints.FEATURE_MAP).output,
        {name: classifier.get_layer(name).output for name in sorted(wanted & names)},
    )


def _output_name(names: set[str]) -> str:
    """TensorFlow appends ":0" to some names on the way; the scorer's names are plain."""
    plain = {name.partition(":")[0] for name in names}
    return next(name for name in plain if name.startswith(engine.OUTPUT_PREFIXES))
