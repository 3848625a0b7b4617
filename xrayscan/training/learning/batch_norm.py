"""Batch norm statistics that belong to the weights they are used with.

Keras keeps them as a moving average over the last hundreds of steps. They lag behind in short
trainings, and do not belong to averaged weights at all. So they are measured anew, as stochastic
weight averaging does (Izmailov et al. 2018, 3.2): the mean over batches of training films.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BATCHES = 40  # of 32 films: the statistics' own error is then far below that of the weights


def measure_statistics(network: Any, pixels: Iterable[NDArray[np.float32]]) -> None:
    """Set the statistics of every batch norm that is being trained; frozen ones keep theirs.

    Args:
        network: pixels -> training logits, on one device.
        pixels: (B, S, S, 1) of training batches; the first ``_BATCHES`` are taken.
    """
    import keras

    norms = [
        layer
        for layer in network._flatten_layers()  # nested ones too; Keras has no public way
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    if not norms:
        return
    momenta = [layer.momentum for layer in norms]
    for number, batch in enumerate(islice(pixels, _BATCHES)):
        for layer in norms:
            layer.momentum = number / (number + 1)  # makes the moving average a plain mean
        network(batch, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
