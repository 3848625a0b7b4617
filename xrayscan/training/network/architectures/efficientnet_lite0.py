"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excite and with ReLU6 (Liu 2020).

Source: Tan and Le, EfficientNet, 2019, table 1; the Lite variant as released by Google, which keeps
stem and head at their widths and replaces swish so that integer arithmetic loses nothing.
"""

from __future__ import annotations

from typing import Any

# (repeats, filters, expansion, stride of the first, kernel) per stage
_STAGES = (
    (1, 16, 1, 1, 3),
    (2, 24, 6, 2, 3),
    (2, 40, 6, 2, 5),
    (3, 80, 6, 2, 3),
    (3, 112, 6, 1, 5),
    (4, 192, 6, 2, 5),
    (1, 320, 6, 1, 3),
)
_STEM = 32
_HEAD = 1280
_EPSILON = 1e-3


def backbone(size: int) -> Any:
    """Build the backbone.

    Args:
        size: side of the square input, pixels.

    Returns:
        A Keras model from (B, size, size, 3), 0..255, to the last feature map
        (B, size / 32, size / 32, 1280).
    """
    import keras
    from keras import layers

    pixels = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(pixels)  # the scaling of the ImageNet weights
    x = _convolution(x, _STEM, 3, "stem", strides=2)
    block = 0
    for repeats, filters, expansion, stride, kernel in _STAGES:
        for repeat in range(repeats):
            strides = stride if repeat == 0 else 1
            x = _block(x, filters, expansion, strides, kernel, f"block{block}")
            block += 1
    return keras.Model(pixels, _convolution(x, _HEAD, 1, "head"), name="backbone")


def _block(x: Any, filters: int, expansion: int, strides: int, kernel: int, name: str) -> Any:
    """Inverted residual: expand, filter each channel, project; add where the shape stays."""
    from keras import layers

    y = x
    if expansion != 1:
        y = _convolution(y, x.shape[-1] * expansion, 1, f"{name}_expand")
    y = layers.DepthwiseConv2D(kernel, strides, "same", use_bias=False, name=f"{name}_dw")(y)
    y = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_dw_bn")(y)
    y = layers.ReLU(6, name=f"{name}_dw_relu")(y)
    y = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project_conv")(y)
    y = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_project_bn")(y)
    if strides == 1 and x.shape[-1] == filters:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y


def _convolution(x: Any, filters: int, kernel: int, name: str, strides: int = 1) -> Any:
    from keras import layers

    x = layers.Conv2D(filters, kernel, strides, "same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6, name=f"{name}_relu")(x)
