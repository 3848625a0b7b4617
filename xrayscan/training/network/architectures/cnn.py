"""The small convolutional network of the published pneumonia projects.

Source: the recurring notebook architecture on Kermany's data (convolutions of 32, 64 and 128
filters, each with max-pooling; dropout 0.5; dense 128; sigmoid; 150 x 150).
"""

from __future__ import annotations

from typing import Any

FILTERS = (32, 64, 128)


def backbone(size: int) -> Any:
    """Build the backbone: (B, size, size, 3), 0..255, to about (B, size / 8, size / 8, 128)."""
    import keras

    pixels = keras.Input((size, size, 3))
    return keras.Model(pixels, convolutions(pixels), name="backbone")


def convolutions(pixels: Any) -> Any:
    """Three times convolution and max-pooling; the layers ``pool1`` to ``pool3`` end each."""
    from keras import layers

    x = layers.Rescaling(1 / 255)(pixels)
    for number, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 3, activation="relu", name=f"conv{number}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    return x
