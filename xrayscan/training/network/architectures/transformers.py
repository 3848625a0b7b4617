"""Networks with self-attention, of built-in Keras layers only.

Positions are told by a depthwise convolution added to the tokens (conditional positional
encodings, Chu et al. 2021): it works at every size and needs no layer of our own. Tokens stay on
their grid, (B, h, w, C), so that the last token grid is the feature map of the heat map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.training.network.architectures.cnn import convolutions

_EPSILON = 1e-6  # of layer norm, as in the reference implementations


@dataclass(frozen=True, slots=True)
class Block:
    """One transformer block.

    Attributes:
        heads: attention heads.
        expansion: width of the hidden layer over that of the tokens.
        window: side of the attention windows in tokens; 0 attends over the whole grid.
        shift: move the windows by half their side (Liu et al. 2021, 3.2).
    """

    heads: int
    expansion: int = 4
    window: int = 0
    shift: bool = False


def cnn_transformer(size: int) -> Any:
    """Build the sequential hybrid: the small CNN's convolutions, then self-attention over tokens.

    From (B, size, size, 3), 0..255, to about (B, size / 16, size / 16, 128).
    """
    import keras
    from keras import layers

    pixels = keras.Input((size, size, 3))
    # pooled once more: attention over the small CNN's own grid would cost most of the time
    x = layers.AveragePooling2D(2, name="tokens")(convolutions(pixels))
    for number in (1, 2):
        x = _block(_positions(x, f"block{number}"), Block(heads=4), f"block{number}")
    x = layers.LayerNormalization(epsilon=_EPSILON, name="last_norm")(x)
    return keras.Model(pixels, x, name="backbone")


def vit(size: int) -> Any:
    """Build a small vision transformer (Dosovitskiy et al. 2021): 16 x 16 patches, 6 blocks.

    From (B, size, size, 3), 0..255, to (B, size / 16, size / 16, 192).
    """
    import keras
    from keras import layers

    pixels = keras.Input((size, size, 3))
    x = layers.Conv2D(192, 16, 16, name="patches")(layers.Rescaling(1 / 127.5, -1)(pixels))
    for number in range(1, 7):
        if number == 1:
            x = _positions(x, "block1")
        x = _block(x, Block(heads=3), f"block{number}")
    x = layers.LayerNormalization(epsilon=_EPSILON, name="last_norm")(x)
    return keras.Model(pixels, x, name="backbone")


# (width, heads, blocks) per stage: half the width and depth of Swin-T
_SWIN_STAGES = ((48, 2, 2), (96, 4, 2), (192, 8, 2), (384, 16, 2))
_SWIN_WINDOW = 7


def swin(size: int) -> Any:
    """Build a small Swin transformer (Liu et al. 2021): windows of 7, shifted in every other block.

    Where a grid is no multiple of 7 it is padded for the attention and cut again; a grid of 7 or
    less is one window. From (B, size, size, 3), 0..255, to (B, size / 32, size / 32, 384).
    """
    import keras
    from keras import layers

    pixels = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 127.5, -1)(pixels)
    for stage, (width, heads, blocks) in enumerate(_SWIN_STAGES, start=1):
        patch = 4 if stage == 1 else 2
        x = layers.Conv2D(width, patch, patch, name=f"stage{stage}_merge")(x)
        x = _positions(x, f"stage{stage}")
        for number in range(1, blocks + 1):
            shape = Block(heads, window=_SWIN_WINDOW, shift=number % 2 == 0)
            x = _block(x, shape, f"stage{stage}_block{number}")
    x = layers.LayerNormalization(epsilon=_EPSILON, name="last_norm")(x)
    return keras.Model(pixels, x, name="backbone")


def _positions(x: Any, name: str) -> Any:
    from keras import layers

    return layers.Add(name=f"{name}_placed")(
        [x, layers.DepthwiseConv2D(3, padding="same", name=f"{name}_positions")(x)]
    )


def _block(x: Any, block: Block, name: str) -> Any:
    """Attention and a hidden layer, each normalised before and added after (pre-norm)."""
    from keras import layers

    width = x.shape[-1]
    y = layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm1")(x)
    x = layers.Add(name=f"{name}_add1")([x, _attention(y, block, f"{name}_attention")])
    y = layers.LayerNormalization(epsilon=_EPSILON, name=f"{name}_norm2")(x)
    y = layers.Dense(width * block.expansion, activation="gelu", name=f"{name}_hidden")(y)
    return layers.Add(name=name)([x, layers.Dense(width, name=f"{name}_back")(y)])


def _attention(x: Any, block: Block, name: str) -> Any:
    """Self-attention over the grid, or within windows: (B, h, w, C) to the same."""
    from keras import layers

    height, width, channels = x.shape[1:]
    attend = layers.MultiHeadAttention(
        block.heads, channels // block.heads, attention_axes=(2,), name=name
    )
    if not block.window or max(height, width) <= block.window:
        tokens = layers.Reshape((1, height * width, channels))(x)
        return layers.Reshape((height, width, channels))(attend(tokens, tokens))
    return _windowed(x, block, attend)


def _windowed(x: Any, block: Block, attend: Any) -> Any:
    """Attend within windows, on a grid padded to whole windows and rolled by the shift."""
    from keras import layers, ops

    side = block.window
    height, width, channels = x.shape[1:]
    down, across = -(-height // side), -(-width // side)
    shift = side // 2 if block.shift else 0
    padding = ((0, down * side - height), (0, across * side - width))
    y = ops.roll(layers.ZeroPadding2D(padding)(x), (-shift, -shift), axis=(1, 2))
    y = ops.transpose(ops.reshape(y, (-1, down, side, across, side, channels)), (0, 1, 3, 2, 4, 5))
    y = ops.reshape(y, (-1, down * across, side * side, channels))
    y = attend(y, y, attention_mask=_window_mask(height, width, side, shift))
    y = ops.transpose(ops.reshape(y, (-1, down, across, side, side, channels)), (0, 1, 3, 2, 4, 5))
    y = ops.reshape(y, (-1, down * side, across * side, channels))
    return ops.roll(y, (shift, shift), axis=(1, 2))[:, :height, :width]


def _window_mask(height: int, width: int, side: int, shift: int) -> NDArray[np.bool_]:
    """Which tokens of a window may see each other: those that were neighbours before the roll.

    Args:
        height: of the grid, tokens.
        width: of the grid, tokens.
        side: of a window, tokens.
        shift: by which the grid was rolled, tokens.

    Returns:
        (1, windows, side * side, side * side).
    """
    down, across = -(-height // side), -(-width // side)
    real = np.zeros((down * side, across * side), np.int64)
    real[:height, :width] = 1
    region = np.roll(real, (-shift, -shift), axis=(0, 1))
    region[down * side - shift :] += 2  # rolled in from the top
    region[:, across * side - shift :] += 4  # rolled in from the left
    windows = region.reshape(down, side, across, side).transpose(0, 2, 1, 3)
    tokens = windows.reshape(1, down * across, side * side)
    return np.equal(tokens[..., :, None], tokens[..., None, :])
