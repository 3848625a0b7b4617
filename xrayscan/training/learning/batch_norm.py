"""Batch norm statistics that belong to the weights they are used with.

Keras keeps them as a moving average over the last hundreds of steps. They lag behind in short
trainings, and do not belong to averaged weights at all. So they are measured anew, as stochastic
weight averaging does (Izmailov et al. 2018, 3.2): the mean over batches of training films.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_BATCHES = 40  # of 32 films: the statistics' own error is then far below that of the weights


def measure_statistics(network: Any, batches: Any) -> None:
    """Set the statistics of every batch norm that is being trained; frozen ones keep theirs.

    Training itself never uses them, so that it goes on as if nothing had been done.

    Args:
        network: pixels -> training logits.
        batches: training batches.
    """
    import keras

    norms = [
        layer
        for layer in network._flatten_layers()  # nested ones too; Keras has no public way
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    if not norms or _is_mirrored():
        return
    momenta = [layer.momentum for layer in norms]
    for number in range(min(_BATCHES, len(batches))):
        for layer in norms:
            layer.momentum = number / (number + 1)  # makes the moving average a plain mean
        network(np.asarray(batches[number][0]), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def _is_mirrored() -> bool:
    """TensorFlow's mirrored statistics cannot be set from outside; there they stay as they are."""
    import keras

    if keras.config.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.distribute.has_strategy())
