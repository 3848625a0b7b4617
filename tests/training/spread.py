"""Last weights under which films differ, as a training would leave them."""

from __future__ import annotations

from typing import Any

import numpy as np


def spread_logits(classifier: Any, seed: int, deviation: float = 1.5) -> None:
    """Draw the weights of the last layer; its logits on coarse patterns vary about 0."""
    from xrayscan.training.network.classifier import CLASS_LOGITS, LOGIT, training_network

    rng = np.random.default_rng(seed)
    names = [layer.name for layer in classifier.layers]
    layer = classifier.get_layer(CLASS_LOGITS if CLASS_LOGITS in names else LOGIT)
    width, classes = layer.get_weights()[0].shape
    kernel = rng.normal(0, 1, (width, classes))
    layer.set_weights([kernel, np.zeros(classes)])
    side = classifier.input_shape[1]
    patterns = rng.uniform(0, 255, (24, 8, 8)).repeat(side // 8, axis=1).repeat(side // 8, axis=2)
    drawn = training_network(classifier).predict_on_batch(patterns[..., None].astype(np.float32))
    scale = deviation / drawn.std(axis=0)
    layer.set_weights([kernel * scale, -drawn.mean(axis=0) * scale])
