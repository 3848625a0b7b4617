"""Any image classifier of ``keras.applications``, by its name, through one adapter."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

# Where in a network's depth admission features are taken: past its middle and towards its end.
_ADMISSION_DEPTHS = (0.5, 0.85)


def application(name: str) -> Callable[[int], Any]:
    """Return the backbone builder of an application.

    Args:
        name: as in ``keras.applications``, e.g. "InceptionV3".
    """
    return partial(_backbone, name)


def is_application(name: str) -> bool:
    """Whether ``keras.applications`` has a classifier of this name."""
    import keras

    return callable(getattr(keras.applications, name, None))


def application_names() -> tuple[str, ...]:
    """The names of all classifiers of ``keras.applications``."""
    import keras

    return tuple(name for name in dir(keras.applications) if name[0].isupper())


def middle_layers(backbone: Any) -> tuple[str, ...]:
    """Choose a network's admission layers by depth, where the table does not name them."""
    maps = [
        layer.name
        for layer in backbone.layers
        if len(layer.output.shape) == 4 and layer.output.shape[1] > 1
    ]
    return tuple(maps[int(depth * (len(maps) - 1))] for depth in _ADMISSION_DEPTHS)


def _backbone(name: str, size: int) -> Any:
    """Build (B, size, size, 3), 0..255, to the last feature map, without weights."""
    import keras

    pixels = keras.Input((size, size, 3))
    network = getattr(keras.applications, name)(
        include_top=False, weights=None, input_tensor=_preprocessed(pixels, name)
    )
    return keras.Model(pixels, network.output, name="backbone")


def _preprocessed(pixels: Any, name: str) -> Any:
    """Bring 0..255 to what the application's ImageNet weights expect.

    Every ``preprocess_input`` is a scale and an offset per channel. They are measured on black and
    on white, which also covers those that swap channels: our pixels are grey.
    """
    from keras import layers

    preprocess = _preprocess_input(name)
    black, white = (
        np.asarray(preprocess(np.full((1, 1, 1, 3), grey, np.float32)), np.float64).ravel()
        for grey in (0.0, 255.0)
    )
    scale = (white - black) / 255
    if np.allclose(scale, 1) and np.allclose(black, 0):  # it preprocesses within itself
        return pixels
    mean, variance = -black / scale, 1 / scale**2
    scaling = layers.Normalization(mean=mean.tolist(), variance=variance.tolist(), name="scaling")
    return scaling(pixels)


def _preprocess_input(name: str) -> Callable[[Any], Any]:
    """The function that stands beside an application in its module."""
    import keras

    module = sys.modules[getattr(keras.applications, name).__module__]
    found: Callable[[Any], Any] = module.preprocess_input
    return found
