"""Heads: from the last feature map to the embedding, the vector that one dense layer judges."""

from __future__ import annotations

from typing import Any

EMBEDDING = "embedding"  # the name of every head's last layer
# Layers without weights, one of which every head begins with: what they give of a frozen backbone
# can be kept, and the head trained on that.
FIRST = ("pool", "flat", EMBEDDING)


def pooled(features: Any) -> Any:
    """Average over positions: (B, h, w, C) to (B, C)."""
    from keras import layers

    return layers.GlobalAveragePooling2D(name=EMBEDDING)(features)


def pooled_dense(features: Any) -> Any:
    """Average over positions, then 128 hidden units: (B, h, w, C) to (B, 128)."""
    from keras import layers

    x = layers.GlobalAveragePooling2D(name=FIRST[0])(features)
    return layers.Dense(128, activation="relu", name=EMBEDDING)(x)


def flat_dense(features: Any) -> Any:
    """All positions apart, half of them dropped, then 128 hidden units, as the small CNN has it."""
    from keras import layers

    x = layers.Dropout(0.5, name="drop_positions")(layers.Flatten(name=FIRST[1])(features))
    return layers.Dense(128, activation="relu", name=EMBEDDING)(x)
