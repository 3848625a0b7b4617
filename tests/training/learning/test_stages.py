from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.training.conftest import SIZE, TINY, tiny_backbone
from xrayscan.errors import UsageError
from xrayscan.training.learning.stages import freeze, make_optimizer, resolved
from xrayscan.training.network.architectures import TABLE, architecture
from xrayscan.training.network.start import NONE, Start
from xrayscan.training.options import Optimizer, Recipe, Unfreeze

IN_BLOCKS = replace(TINY, last_blocks="second", learning_rate=2e-3)
WHOLE = replace(TINY, learning_rate=2e-3)
VERY_LOW = 1e-5


def started(chosen: Any, pretrained: bool, smoothing: int = 0) -> Start:
    return Start(chosen, "somewhere" if pretrained else NONE, smoothing=smoothing)


# -- resolved ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "pretrained", "given_unfreeze", "given_rate", "unfreeze", "rate"),
    [
        (IN_BLOCKS, True, Unfreeze.AUTO, 0.0, Unfreeze.LAST, VERY_LOW),
        (IN_BLOCKS, False, Unfreeze.AUTO, 0.0, Unfreeze.ALL, 2e-3),  # nothing to be kept
        (WHOLE, True, Unfreeze.AUTO, 0.0, Unfreeze.ALL, 2e-3),
        (WHOLE, False, Unfreeze.AUTO, 0.0, Unfreeze.ALL, 2e-3),
        (IN_BLOCKS, True, Unfreeze.AUTO, 0.05, Unfreeze.LAST, 0.05),
        (WHOLE, True, Unfreeze.LAST, 0.0, Unfreeze.LAST, VERY_LOW),
        (IN_BLOCKS, True, Unfreeze.ALL, 0.0, Unfreeze.ALL, 2e-3),
        (IN_BLOCKS, True, Unfreeze.NONE, 0.0, Unfreeze.NONE, 2e-3),
    ],
)
def test_resolved(
    chosen: Any,
    pretrained: bool,
    given_unfreeze: Unfreeze,
    given_rate: float,
    unfreeze: Unfreeze,
    rate: float,
) -> None:
    recipe = Recipe(epochs=3, unfreeze=given_unfreeze, learning_rate=given_rate, seed=11)
    found = resolved(recipe, started(chosen, pretrained))
    assert found == replace(recipe, unfreeze=unfreeze, learning_rate=rate, smoothing=0)


@pytest.mark.parametrize(
    ("given_passes", "of_model", "passes"),
    [(None, 0, 0), (None, 2, 2), (0, 2, 0), (3, 2, 3)],
    ids=["nothing", "that of the model", "given up", "given"],
)
def test_smoothing_is_that_of_the_start_unless_given(
    given_passes: int | None, of_model: int, passes: int
) -> None:
    found = resolved(Recipe(smoothing=given_passes), started(WHOLE, True, of_model))
    assert found.smoothing == passes


@pytest.mark.parametrize("unfreeze", [Unfreeze.LAST, Unfreeze.NONE])
@pytest.mark.parametrize("chosen", [IN_BLOCKS, WHOLE], ids=["in blocks", "whole"])
def test_nothing_is_frozen_that_knows_nothing(chosen: Any, unfreeze: Unfreeze) -> None:
    with pytest.raises(UsageError, match=f"--unfreeze {unfreeze}: without pretrained weights"):
        resolved(Recipe(unfreeze=unfreeze), started(chosen, False))


@given(st.sampled_from(list(Unfreeze)), st.booleans(), st.sampled_from([0.0, 1e-4]), st.booleans())
def test_resolved_leaves_nothing_open(
    unfreeze: Unfreeze, pretrained: bool, rate: float, in_blocks: bool
) -> None:
    """And once more changes nothing: what was resolved is what is resumed."""
    assume(pretrained or unfreeze in (Unfreeze.AUTO, Unfreeze.ALL))
    chosen = IN_BLOCKS if in_blocks else WHOLE
    start = started(chosen, pretrained)
    once = resolved(Recipe(unfreeze=unfreeze, learning_rate=rate), start)
    assert once.unfreeze is not Unfreeze.AUTO
    assert once.learning_rate > 0
    assert resolved(once, start) == once


@pytest.mark.parametrize("name", TABLE)
def test_the_table_names_rates(name: str) -> None:
    assert 1e-5 < TABLE[name].learning_rate < 1e-2


# -- freeze --------------------------------------------------------------------------------------


def trainable(network: Any) -> list[str]:
    """The layers of which any weight is trained."""
    return [layer.name for layer in network.layers if layer.trainable_weights]


def weighted(network: Any) -> list[str]:
    return [layer.name for layer in network.layers if layer.weights]


def small_network() -> Any:
    """Twenty layers; batch norm after every second convolution."""
    import keras
    from keras import layers

    pixels = keras.Input((8, 8, 3))
    x = pixels
    for number in range(1, 14):
        x = layers.Conv2D(2, 1, name=f"conv{number}")(x)
        if number % 2 == 0:
            x = layers.BatchNormalization(name=f"norm{number}")(x)
    return keras.Model(pixels, x)


@pytest.mark.parametrize(
    ("unfreeze", "last_blocks", "expected"),
    [
        (Unfreeze.ALL, "", ["first", "second"]),
        (Unfreeze.ALL, "second", ["first", "second"]),
        (Unfreeze.LAST, "second", ["second"]),
        (Unfreeze.LAST, "first", ["first", "second"]),
        (Unfreeze.LAST, "", ["second"]),
        (Unfreeze.NONE, "", []),
        (Unfreeze.NONE, "second", []),
    ],
)
def test_freeze(unfreeze: Unfreeze, last_blocks: str, expected: Sequence[str]) -> None:
    backbone = tiny_backbone(SIZE)
    freeze(backbone, unfreeze, last_blocks)
    assert trainable(backbone) == expected


def test_what_was_frozen_is_freed() -> None:
    backbone = tiny_backbone(SIZE)
    freeze(backbone, Unfreeze.NONE, "")
    freeze(backbone, Unfreeze.ALL, "")
    assert trainable(backbone) == ["first", "second"]


def test_the_last_fifth_of_the_layers() -> None:
    network = small_network()
    assert len(network.layers) == 20
    freeze(network, Unfreeze.LAST, "")
    assert trainable(network) == [layer.name for layer in network.layers[16:] if layer.weights]
    assert trainable(network) == ["conv11", "conv12", "norm12", "conv13"]


def test_frozen_batch_norm_keeps_its_statistics() -> None:
    network = small_network()
    freeze(network, Unfreeze.LAST, "conv12")
    before = {name: network.get_layer(name).get_weights() for name in weighted(network)}
    network.compile("sgd", "mse")
    films = np.random.default_rng(0).normal(3, 2, (16, 8, 8, 3))
    network.fit(films, np.zeros((16, 8, 8, 2)), verbose=0)
    for name, weights in before.items():
        pairs = zip(weights, network.get_layer(name).get_weights(), strict=True)
        same = all(np.array_equal(*pair) for pair in pairs)
        assert same == (name not in ("conv12", "norm12", "conv13")), name


def test_an_unknown_layer_is_no_silent_choice() -> None:
    with pytest.raises(ValueError, match="no such"):
        freeze(tiny_backbone(SIZE), Unfreeze.LAST, "no such")


@pytest.mark.parametrize("name", [name for name in TABLE if TABLE[name].last_blocks])
def test_last_blocks_are_in_the_network(name: str) -> None:
    """A small share of its layers, but not of its weights; what comes before stays as it is."""
    chosen = architecture(name)
    backbone = chosen.backbone(64)
    names = [layer.name for layer in backbone.layers]
    assert chosen.last_blocks in names
    freeze(backbone, Unfreeze.LAST, chosen.last_blocks)
    first = names.index(chosen.last_blocks)
    assert trainable(backbone) == [n for n in weighted(backbone) if names.index(n) >= first]
    share = sum(w.size for w in map(np.asarray, backbone.trainable_weights)) / sum(
        w.size for w in map(np.asarray, backbone.weights)
    )
    assert 0.2 < share < 0.8


# -- the optimizer -------------------------------------------------------------------------------


def rates(recipe: Recipe, steps: int) -> np.ndarray:
    schedule = make_optimizer(recipe, steps)._learning_rate
    return np.array([float(schedule(step)) for step in range(steps + 1)])


@settings(max_examples=12)
@given(st.integers(20, 120), st.sampled_from([1e-5, 3e-4, 1e-2]), st.sampled_from(list(Optimizer)))
def test_the_schedule(steps: int, rate: float, optimizer: Optimizer) -> None:
    found = rates(Recipe(learning_rate=rate, optimizer=optimizer), steps)
    warmup = steps // 20
    assert found[0] == pytest.approx(rate / 100, rel=1e-3)
    assert found[warmup] == pytest.approx(rate, rel=1e-3)
    assert found.max() <= rate * 1.001
    assert (np.diff(found[: warmup + 1]) > 0).all()
    # steps of the same height up, then a half cosine down
    assert np.diff(found[: warmup + 1]) == pytest.approx(0.99 * rate / warmup, rel=1e-3)
    assert (np.diff(found[warmup:]) < 0).all()
    halfway = warmup + (steps - warmup) / 2
    around = found[int(np.floor(halfway))], found[int(np.ceil(halfway))]
    assert min(around) <= rate * 0.52
    assert max(around) >= rate * 0.48
    assert found[-1] <= rate * 0.011


@pytest.mark.parametrize("steps", [1, 2, 3, 19, 20])
def test_few_steps(steps: int) -> None:
    found = rates(Recipe(learning_rate=1e-3), steps)
    assert np.isfinite(found).all()
    assert (found > 0).all()
    assert found.max() <= 1.001e-3
    if steps > 2:
        assert found[1] == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(
    ("optimizer", "name", "decay"),
    [(Optimizer.ADAMW, "AdamW", 2e-3), (Optimizer.ADAM, "Adam", None)],
)
def test_which_optimizer(optimizer: Optimizer, name: str, decay: float | None) -> None:
    made = make_optimizer(Recipe(optimizer=optimizer, learning_rate=1e-3, weight_decay=2e-3), 50)
    assert type(made).__name__ == name
    assert made.weight_decay == decay
    assert made.use_ema
    assert made.ema_overwrite_frequency is None  # the averages stand beside the weights


@pytest.mark.parametrize(
    ("steps", "over"), [(10_000, 100), (1000, 100), (999, 99), (100, 10), (20, 2), (19, 1), (1, 1)]
)
def test_how_many_steps_are_averaged(steps: int, over: int) -> None:
    made = make_optimizer(Recipe(learning_rate=1e-3), steps)
    assert 1 / (1 - made.ema_momentum) == pytest.approx(over)


def test_averages_follow_the_weights() -> None:
    import keras

    variable = keras.Variable(np.zeros(1, np.float32))
    made = make_optimizer(Recipe(learning_rate=1.0, optimizer=Optimizer.ADAM), 50)
    made.build([variable])
    average = 0.0
    for step in range(8):
        made.apply([np.ones(1, np.float32)])
        now = float(variable.numpy()[0])
        average = 0.8 * average + 0.2 * now if step else now  # begins with the first step's
    assert now < -1
    assert average > now + 1
    assert float(made._model_variables_moving_average[0].numpy()[0]) == pytest.approx(average)
