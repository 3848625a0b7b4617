from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.labels.films import LabelledFilm
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.learning.augmentation import PRESETS
from xrayscan.training.learning.batches import (
    BatchOptions,
    film_weights,
    one_hot,
    plain_batches,
    training_batches,
)
from xrayscan.training.learning.callbacks import begin_epochs
from xrayscan.training.learning.hosts import Hosts

fixed = settings(max_examples=100)


def decoded(count: int = 22, positives: int = 14, side: int = 32) -> DecodedFilms:
    """Films that tell their own index: the grey of the middle pixel."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, side, side), np.uint8)
    pixels[:, side // 2, side // 2] = np.arange(count)
    labels = (np.arange(count) < positives).astype(np.int64)
    films = tuple(LabelledFilm(f"{n}.png", int(label), str(n)) for n, label in enumerate(labels))
    return DecodedFilms(films, pixels, labels, ("",) * len(films), ())


def batches(
    seed: int = 3, preset: str = "strong", size: int = 4, workers: int = 1, **films: int
) -> Any:
    chosen = decoded(**films)
    options = BatchOptions(size, seed, PRESETS[preset], workers)
    return training_batches(chosen, one_hot(chosen, 2), options)


@pytest.mark.parametrize(("hosts", "replicas"), [(2, 2), (2, 4), (3, 3)])
def test_shares_of_hosts_are_together_the_batch_of_one(hosts: int, replicas: int) -> None:
    """Filled up where devices could not share it evenly; what all measure on is whole."""
    films = decoded()
    options = BatchOptions(7, 3, PRESETS["strong"], 1, replicas)
    one, *shares = (
        training_batches(films, one_hot(films, 2), replace(options, hosts=Hosts(number, count)))
        for number, count in [(0, 1), *((number, hosts) for number in range(hosts))]
    )
    for batch in range(len(one)):
        parts = zip(*(share[batch] for share in shares), strict=True)
        for whole, joined in zip(one[batch], map(np.concatenate, parts), strict=True):
            np.testing.assert_array_equal(whole, joined)
    for mine, theirs in zip(one.whole(), shares[-1].whole(), strict=True):
        assert len(mine) == 7
        np.testing.assert_array_equal(mine, theirs)


def content(dataset: Any) -> list[bytes]:
    """One epoch, batch by batch."""
    return [_bytes(dataset[number]) for number in range(len(dataset))]


def _bytes(batch: tuple[np.ndarray, ...]) -> bytes:
    return b"".join(part.tobytes() for part in batch)


def indices(dataset: Any) -> list[int]:
    """Which films an epoch has, in order; only for films that are not augmented."""
    pixels = np.concatenate([dataset[number][0] for number in range(len(dataset))])
    return [int(grey) for grey in pixels[:, 16, 16, 0]]


def test_shapes_and_types() -> None:
    pixels, targets, weights = batches()[0]
    assert [part.shape for part in (pixels, targets, weights)] == [(4, 32, 32, 1), (4, 1), (4,)]
    assert {part.dtype for part in (pixels, targets, weights)} == {np.dtype(np.float32)}


def test_films_keep_their_label_and_weight() -> None:
    films = decoded()
    dataset = batches(preset="none")
    for number in range(len(dataset)):
        pixels, targets, weights = dataset[number]
        chosen = pixels[:, 16, 16, 0].astype(int)
        np.testing.assert_array_equal(pixels[..., 0], films.pixels[chosen])
        np.testing.assert_array_equal(targets[:, 0], films.labels[chosen])
        np.testing.assert_allclose(weights, np.where(films.labels[chosen] == 1, 22 / 28, 22 / 16))


@pytest.mark.parametrize(("size", "count"), [(1, 22), (4, 5), (11, 2), (22, 1)])
def test_an_epoch_takes_no_film_twice(size: int, count: int) -> None:
    dataset = batches(preset="none", size=size)
    assert len(dataset) == count
    assert len(set(indices(dataset))) == count * size


def test_films_left_over_in_one_epoch_have_their_turn_in_another() -> None:
    dataset = batches(preset="none")
    seen: set[int] = set()
    for _ in range(6):
        seen |= set(indices(dataset))
        dataset.epoch += 1
    assert seen == set(range(22))


def test_fewer_films_than_a_batch_make_one_batch() -> None:
    dataset = batches(preset="none", size=64)
    assert len(dataset) == 1
    assert sorted(indices(dataset)) == list(range(22))


@pytest.mark.parametrize("preset", ["none", "strong"])
def test_same_seed_same_batches_epoch_by_epoch(preset: str) -> None:
    one, two = batches(preset=preset), batches(preset=preset)
    for _ in range(3):
        assert content(one) == content(two)
        one.epoch += 1
        two.epoch += 1


@pytest.mark.parametrize("preset", ["none", "strong"])
def test_epochs_differ(preset: str) -> None:
    dataset = batches(preset=preset)
    epochs = []
    for _ in range(3):
        epochs.append(b"".join(content(dataset)))
        dataset.epoch += 1
    assert len(set(epochs)) == 3


def test_a_film_is_varied_anew_in_each_epoch() -> None:
    dataset = batches(size=22)
    first = dataset[0][0]
    dataset.epoch += 1
    second = dataset[0][0]
    assert not any(np.array_equal(one, other) for one in first for other in second)


def test_seeds_differ() -> None:
    assert len({b"".join(content(batches(seed=seed))) for seed in range(4)}) == 4


def test_a_film_is_the_same_in_any_batch_size() -> None:
    small = np.concatenate([batch[0] for batch in map(batches(size=2).__getitem__, range(11))])
    np.testing.assert_array_equal(small, batches(size=22)[0][0])


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_threads_changes_nothing(seed: int) -> None:
    dataset = batches()
    expected = content(dataset)
    order = np.random.default_rng(seed).permutation(np.arange(len(dataset)).repeat(4))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda number: _bytes(dataset[int(number)]), order))
    assert results == [expected[number] for number in order]


@pytest.mark.parametrize("workers", [1, 3])
def test_keras_gets_each_epochs_own_batches(workers: int) -> None:
    """What training sees is what the epochs hold, nothing fetched ahead across their border."""
    import keras

    seen: list[bytes] = []

    class Recorder(keras.Model):
        def train_step(self, data: Any) -> dict[str, float]:
            seen.append(_bytes(tuple(part.numpy() for part in data)))
            return {"loss": 0.0}

    recorder = Recorder()
    recorder.compile(run_eagerly=True)
    dataset = batches(workers=workers)
    begin = begin_epochs(dataset, 0)
    recorder.fit(dataset, epochs=4, initial_epoch=1, verbose=0, shuffle=False, callbacks=[begin])
    expected = batches()
    for epoch in range(1, 4):
        expected.epoch = epoch
        assert seen[5 * epoch - 5 : 5 * epoch] == content(expected)


def test_plain_batches_are_the_films_in_order() -> None:
    films = decoded()
    dataset = plain_batches(films, one_hot(films, 2), 8)
    assert [len(dataset[number][0]) for number in range(len(dataset))] == [8, 8, 6]
    pixels, targets = (np.concatenate([dataset[n][part] for n in range(3)]) for part in (0, 1))
    np.testing.assert_array_equal(pixels[..., 0], films.pixels)
    np.testing.assert_array_equal(targets[:, 0], films.labels)
    assert pixels.dtype == targets.dtype == np.float32


def test_one_hot_of_three_classes() -> None:
    films = replace(decoded(count=3), labels=np.array([2, 0, 1]))
    np.testing.assert_array_equal(one_hot(films, 3), [[0, 0, 1], [1, 0, 0], [0, 1, 0]])


@fixed
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0.01, 100)), min_size=1, max_size=60))
def test_every_class_weighs_the_same(drawn: list[tuple[int, float]]) -> None:
    """Whatever the classes' shares and the films' own weights."""
    labels = np.array([label for label, _ in drawn])
    films = tuple(LabelledFilm("", label, "", weight=own) for label, own in drawn)
    decoded = DecodedFilms(films, np.zeros((len(films), 1, 1), np.uint8), labels, (), ())
    weights = film_weights(decoded)
    assert weights.dtype == np.float32
    assert weights.mean(dtype=np.float64) == pytest.approx(1, rel=1e-3)
    sums = [weights[labels == label].sum(dtype=np.float64) for label in set(labels)]
    assert sums == pytest.approx([len(films) / len(sums)] * len(sums), rel=1e-3)
    own = decoded.weights
    ratios = (weights / own)[labels == labels[0]]
    assert ratios == pytest.approx(np.full(len(ratios), ratios[0]), rel=1e-3)
