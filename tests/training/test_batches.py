from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.training.augmentation import PRESETS
from xrayscan.training.batches import BatchOptions, class_weights, training_batches
from xrayscan.training.data import DecodedFilms, LabelledFilm

fixed = settings(derandomize=True, deadline=None, max_examples=100)


def decoded(count: int = 22, positives: int = 14, side: int = 32) -> DecodedFilms:
    """Films that tell their own index: the grey of the middle pixel."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, side, side), np.uint8)
    pixels[:, side // 2, side // 2] = np.arange(count)
    labels = (np.arange(count) < positives).astype(np.int64)
    films = tuple(LabelledFilm(f"{n}.png", int(label), str(n)) for n, label in enumerate(labels))
    return DecodedFilms(films, pixels, labels, ("",) * len(films), ())


def batches(seed: int = 3, preset: str = "strong", size: int = 4, **films: int) -> Any:
    return training_batches(decoded(**films), BatchOptions(size, seed, PRESETS[preset]))


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
        dataset.on_epoch_end()
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
        one.on_epoch_end()
        two.on_epoch_end()


@pytest.mark.parametrize("preset", ["none", "strong"])
def test_epochs_differ(preset: str) -> None:
    dataset = batches(preset=preset)
    epochs = []
    for _ in range(3):
        epochs.append(b"".join(content(dataset)))
        dataset.on_epoch_end()
    assert len(set(epochs)) == 3


def test_a_film_is_varied_anew_in_each_epoch() -> None:
    dataset = batches(size=22)
    first = dict(zip(dataset.order, dataset[0][0], strict=True))
    dataset.on_epoch_end()
    second = dict(zip(dataset.order, dataset[0][0], strict=True))
    assert all(not np.array_equal(first[film], second[film]) for film in range(22))


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


def test_keras_gets_each_epochs_own_batches() -> None:
    """What training sees is what the epochs hold, nothing fetched ahead across their border."""
    import keras

    seen: list[bytes] = []

    class Recorder(keras.Model):
        def train_step(self, data: Any) -> dict[str, float]:
            seen.append(_bytes(tuple(part.numpy() for part in data)))
            return {"loss": 0.0}

    recorder = Recorder()
    recorder.compile(run_eagerly=True)
    recorder.fit(batches(), epochs=3, verbose=0)
    dataset = batches()
    dataset.on_epoch_end()  # as Keras does once before the first epoch
    for epoch in range(3):
        assert sorted(seen[5 * epoch : 5 * epoch + 5]) == sorted(content(dataset))
        dataset.on_epoch_end()


@fixed
@given(st.integers(1, 2000), st.integers(1, 2000))
def test_class_weights_balance(negatives: int, positives: int) -> None:
    targets = np.array([0.0] * negatives + [1.0] * positives, np.float32)
    weights = class_weights(targets)
    assert weights.dtype == np.float32
    assert weights.mean(dtype=np.float64) == pytest.approx(1, rel=1e-3)
    assert weights[:negatives].sum(dtype=np.float64) == pytest.approx(
        weights[negatives:].sum(dtype=np.float64), rel=1e-3
    )
    assert len(set(weights[:negatives])) == len(set(weights[negatives:])) == 1
