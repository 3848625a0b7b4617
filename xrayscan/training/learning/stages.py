"""The two stages of transfer learning: what is trained after the head, how fast, by what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from xrayscan.errors import OptionError
from xrayscan.training.network.start import Start
from xrayscan.training.options import Optimizer, Recipe, Unfreeze

# "A very low rate" in the published two-stage projects: 1e-5, a hundredth of the head's.
_LAST_BLOCKS_RATE = 1e-5
_LAST_SHARE = 0.2  # of the layers, where the architecture names no last blocks
# Weights are averaged over about this many steps, less than an epoch of 5,000 films; in a training
# of few steps over a tenth of them, or the average would still be half what it began with.
_AVERAGED_STEPS = 100


def resolved(recipe: Recipe, start: Start) -> Recipe:
    """Fill in what the recipe leaves to its start: what is unfrozen, how fast, what is smoothed.

    Raises:
        UsageError: something is to stay frozen that knows nothing.
    """
    unfreeze, architecture = recipe.unfreeze, start.architecture
    if not start.pretrained and unfreeze in (Unfreeze.LAST, Unfreeze.NONE):
        raise OptionError(
            "unfreeze",
            unfreeze,
            "without pretrained weights there is nothing worth freezing; "
            "give --from, or --unfreeze all",
        )
    if unfreeze is Unfreeze.AUTO:
        last = start.pretrained and bool(architecture.last_blocks)
        unfreeze = Unfreeze.LAST if last else Unfreeze.ALL
    usual = _LAST_BLOCKS_RATE if unfreeze is Unfreeze.LAST else architecture.learning_rate
    return replace(
        recipe,
        unfreeze=unfreeze,
        learning_rate=recipe.learning_rate or usual,
        smoothing=start.smoothing if recipe.smoothing is None else recipe.smoothing,
    )


def freeze(backbone: Any, unfreeze: Unfreeze, last_blocks: str) -> None:
    """Make only what is to be trained trainable; frozen batch norm keeps its statistics.

    Args:
        backbone: a Keras model.
        unfreeze: ALL, LAST or NONE.
        last_blocks: first layer that LAST trains; "" takes the last fifth of the layers.
    """
    backbone.trainable = unfreeze is not Unfreeze.NONE
    if unfreeze is Unfreeze.LAST:
        names = [layer.name for layer in backbone.layers]
        fifth = int((1 - _LAST_SHARE) * len(names))
        for layer in backbone.layers[: names.index(last_blocks) if last_blocks else fifth]:
            layer.trainable = False


def make_optimizer(recipe: Recipe, steps: int) -> Any:
    """Make the optimizer: linear warm-up over a twentieth of the steps, then cosine decay.

    Weights are averaged exponentially beside the ones that are trained (Polyak and Juditsky 1992).

    Args:
        recipe: which optimizer, and how fast.
        steps: in all.
    """
    import keras

    warmup = max(1, steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 100,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    averaged = max(1, min(_AVERAGED_STEPS, steps // 10))
    average = {"use_ema": True, "ema_momentum": 1 - 1 / averaged}
    if recipe.optimizer is Optimizer.ADAM:
        return keras.optimizers.Adam(schedule, **average)
    return keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, **average)


def take_averages(network: Any, other: Any) -> None:
    """Give another network of the same make the weights of this one, the averaged ones where any.

    Args:
        network: compiled with ``make_optimizer``, on any devices.
        other: on one device.
    """
    # copies: where arrays are views of a device's memory, the next step writes there
    other.set_weights([np.array(weight) for weight in network.get_weights()])
    averages = network.optimizer._model_variables_moving_average  # as Keras' own callback takes it
    for variable, average in zip(other.trainable_variables, averages, strict=True):
        variable.assign(np.array(average.numpy()))
