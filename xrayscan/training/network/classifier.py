"""A classifier: pixels -> backbone -> last feature map -> head -> logit -> calibrated probability.

The names of the joints are the contract between training and export. With two classes the head ends
in one logit. With K > 2 it ends in K class logits z, the first that of the negative class, and

    logit = log(sum_{c > 0} exp(z_c)) - z_0

so that sigmoid(logit) = 1 - softmax(z)_0, the probability of anything but the negative class.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xrayscan.errors import ModelError
from xrayscan.evaluation.calibration import Calibration
from xrayscan.training.network.architectures import Architecture
from xrayscan.training.network.architectures.heads import EMBEDDING as EMBEDDING
from xrayscan.training.network.architectures.heads import FIRST

BACKBONE = "backbone"
RGB = "grey_to_rgb"
SMOOTHING = "smoothing"
FEATURE_MAP = "last_feature_map"
CLASS_LOGITS = "class_logits"
LOGIT = "logit"
CALIBRATION = "calibration"
PROBABILITY = "probability"


def build_classifier(
    architecture: Architecture,
    size: int,
    weights: Path | None = None,
    classes: int = 2,
    smoothing: int = 0,
) -> Any:
    """Build an untrained classifier.

    Args:
        architecture: an entry of the table.
        size: side of the square input, pixels.
        weights: a Keras weights file for the backbone; None starts from chance.
        classes: how many, the negative one included.
        smoothing: passes of a 3 x 3 mean over the film before anything else.

    Returns:
        A Keras model from (B, size, size, 1), 0..255, to P(positive), (B, 1), 0..1. It is made of
        built-in layers only, so that ``keras.models.load_model`` reads it without xrayscan.

    Raises:
        ModelError: the weights file does not fit the architecture.
    """
    import keras
    from keras import layers

    backbone = architecture.backbone(size)
    if weights is not None:
        _load_weights(backbone, weights)
    pixels = keras.Input((size, size, 1), name="pixels")
    smooth = pixels
    for number in range(1, smoothing + 1):
        mean = layers.AveragePooling2D(3, strides=1, padding="same", name=f"{SMOOTHING}{number}")
        smooth = mean(smooth)
    features = backbone(layers.Concatenate(name=RGB)([smooth, smooth, smooth]))
    features = layers.Activation("linear", name=FEATURE_MAP)(features)
    x = layers.Dropout(architecture.dropout, name="dropout")(architecture.head(features))
    return with_probability(pixels, _logit(x, classes), Calibration())


def training_logits(classifier: Any) -> Any:
    """Return the logits that training works on: (B, 1) with two classes, else (B, K)."""
    names = [layer.name for layer in classifier.layers]
    return classifier.get_layer(CLASS_LOGITS if CLASS_LOGITS in names else LOGIT).output


def training_network(classifier: Any) -> Any:
    """Return pixels -> training logits, sharing the classifier's layers."""
    import keras

    return keras.Model(classifier.input, training_logits(classifier), name="training_network")


def logit_model(classifier: Any) -> Any:
    """Return pixels -> logit of the positive, (B, 1), sharing the classifier's layers."""
    import keras

    return keras.Model(classifier.input, classifier.get_layer(LOGIT).output, name="logit_model")


def trunk_and_head(classifier: Any) -> tuple[Any, Any]:
    """Return (pixels -> vector before any weight of the head, that vector -> training logits)."""
    import keras

    layer = next(layer for layer in classifier.layers if layer.name in FIRST)
    trunk = keras.Model(classifier.input, layer.output, name="trunk")
    return trunk, keras.Model(layer.output, training_logits(classifier), name="head")


def calibrated(classifier: Any, calibration: Calibration) -> Any:
    """Return the classifier with its probability calibrated; layers are shared."""
    return with_probability(classifier.input, classifier.get_layer(LOGIT).output, calibration)


def take_over(classifier: Any, other: Any) -> None:
    """Copy the weights of another classifier, layer by layer, wherever name and shapes agree.

    What does not agree, such as the logits of other classes, stays as it is.

    Raises:
        ValueError: the backbones do not agree.
    """
    theirs = {layer.name: layer for layer in other.layers}
    classifier.get_layer(BACKBONE).set_weights(theirs[BACKBONE].get_weights())
    for layer in _head_layers(classifier):
        weights = theirs[layer.name].get_weights() if layer.name in theirs else []
        if [w.shape for w in weights] == [w.shape for w in layer.get_weights()]:
            layer.set_weights(weights)


def _head_layers(classifier: Any) -> Iterator[Any]:
    return (layer for layer in classifier.layers if layer.name not in (BACKBONE, CALIBRATION))


def _logit(x: Any, classes: int) -> Any:
    from keras import layers, ops

    if classes == 2:
        return layers.Dense(1, name=LOGIT, dtype="float32")(x)
    z = layers.Dense(classes, name=CLASS_LOGITS, dtype="float32")(x)
    difference = ops.logsumexp(z[:, 1:], axis=-1, keepdims=True) - z[:, :1]
    return layers.Activation("linear", name=LOGIT, dtype="float32")(difference)


def with_probability(pixels: Any, logit: Any, calibration: Calibration) -> Any:
    """Return a model from ``pixels`` to the calibrated probability of ``logit``."""
    import keras
    from keras import layers

    scale, offset = 1 / calibration.temperature, calibration.offset
    scaled = layers.Rescaling(scale, offset, name=CALIBRATION, dtype="float32")(logit)
    probability = layers.Activation("sigmoid", name=PROBABILITY, dtype="float32")(scaled)
    return keras.Model(pixels, probability, name="classifier")


def _load_weights(backbone: Any, weights: Path) -> None:
    try:
        backbone.load_weights(weights)
    except (OSError, ValueError) as fault:
        words = str(fault).strip().partition("\n")[0]
        raise ModelError(
            f"{weights}: does not fit the architecture ({words}); give its own weights"
        ) from None
