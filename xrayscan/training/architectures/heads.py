"""Heads: from the last feature map to the embedding, the vector that one dense layer judges."""

from __future__ import annotations

from typing import Any

EMBEDDING = "embedding"  # the name of every head's last layer


def pooled(features: Any) -> Any:
    """Average over positions: (B, h, w, C) to (B, C)."""
    from keras import layers

    return layers.GlobalAveragePooling2D(name=EMBEDDING)(features)


def pooled_dense(features: Any) -> Any:
    """Average over positions, then 128 hidden units: (B, h, w, C) to (B, 128)."""
    from keras import layers

    x = layers.GlobalAveragePooling2D(name="pool")(features)
    return layers.Dense(128, activation="relu", name=EMBEDDING)(x)


def flat_dense(features: Any) -> Any:
    """All positions apart, half of them dropped, then 128 hidden units, as the small CNN has it."""
    from keras import layers

    x = layers.Dropout(0.5, name="drop_positions")(layers.Flatten(name="flat")(features))
    return layers.Dense(128, activation="relu", name=EMBEDDING)(x)
