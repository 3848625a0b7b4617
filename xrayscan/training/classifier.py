"""A classifier: pixels -> backbone -> last feature map -> head -> logit -> calibrated probability.

The names of the joints are the contract between training and export.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xrayscan.errors import ModelError
from xrayscan.training.architectures import Architecture
from xrayscan.training.architectures.heads import EMBEDDING as EMBEDDING
from xrayscan.training.calibration import Calibration

BACKBONE = "backbone"
RGB = "grey_to_rgb"
FEATURE_MAP = "last_feature_map"
LOGIT = "logit"
CALIBRATION = "calibration"
PROBABILITY = "probability"


def build_classifier(architecture: Architecture, size: int, weights: Path | None = None) -> Any:
    """Build an untrained binary classifier.

    Args:
        architecture: an entry of the table.
        size: side of the square input, pixels.
        weights: a Keras weights file for the backbone; None starts from chance.

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
    features = backbone(layers.Concatenate(name=RGB)([pixels, pixels, pixels]))
    features = layers.Activation("linear", name=FEATURE_MAP)(features)
    x = layers.Dropout(architecture.dropout, name="dropout")(architecture.head(features))
    logit = layers.Dense(1, name=LOGIT, dtype="float32")(x)
    return _with_probability(pixels, logit, Calibration())


def logit_model(classifier: Any) -> Any:
    """Return the part that training works on: pixels to logit, sharing the classifier's layers."""
    import keras

    return keras.Model(classifier.input, classifier.get_layer(LOGIT).output, name="logit_model")


def calibrated(classifier: Any, calibration: Calibration) -> Any:
    """Return the classifier with its probability calibrated; layers are shared."""
    return _with_probability(classifier.input, classifier.get_layer(LOGIT).output, calibration)


def _with_probability(pixels: Any, logit: Any, calibration: Calibration) -> Any:
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
