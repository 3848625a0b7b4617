"""Batches for Keras: augmented on the fly, the same for the same seed whatever the threads do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.learning.augmentation import Augmentation, augment
from xrayscan.training.learning.hosts import ALONE, Hosts


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How films become batches.

    Attributes:
        size: films per batch.
        seed: of order and augmentation.
        augmentation: ranges of the variations.
        workers: threads that prepare batches; what they prepare does not depend on it.
        replicas: devices that share every batch evenly, on all hosts together.
        hosts: which train together; each makes its own share of every batch.
    """

    size: int
    seed: int
    augmentation: Augmentation
    workers: int = 1
    replicas: int = 1
    hosts: Hosts = ALONE


def training_batches(
    films: DecodedFilms, targets: NDArray[np.float32], options: BatchOptions
) -> Any:
    """Return a Keras PyDataset of (pixels (B, S, S, 1), targets (B, K), weights (B,)), float32.

    Order and variations depend on the seed and on the dataset's ``epoch``, which is set from
    outside: a training that goes on in epoch 5 sees what an unbroken one sees there.

    Args:
        films: N films.
        targets: (N, K) float32, of each film.
        options: how films become batches.
    """
    import keras

    weights = film_weights(films)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no type information
        """One epoch's batches."""

        def __init__(self) -> None:
            super().__init__(workers=options.workers)
            self.epoch = 0

        def __len__(self) -> int:
            # a short last batch would unsettle batch norm; a small set is one short batch
            return max(1, len(targets) // options.size)

        def __getitem__(self, number: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
            rows = even(self._rows(number), options.replicas)
            share = np.array_split(rows, options.hosts.count)[options.hosts.number]
            return self._pixels(share), targets[share], weights[share]

        def whole(self) -> Iterator[NDArray[np.float32]]:
            """The pixels of every batch, whatever is this host's share."""
            return (self._pixels(self._rows(number)) for number in range(len(self)))

        def _rows(self, number: int) -> NDArray[np.int64]:
            order = np.random.default_rng((options.seed, self.epoch)).permutation(len(targets))
            return order[number * options.size : (number + 1) * options.size]

        def _pixels(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
            return np.stack([self._film(index) for index in rows])[..., None]

        def _film(self, index: int) -> NDArray[np.float32]:
            rng = np.random.default_rng((options.seed, self.epoch, index))
            return augment(films.pixels[index].astype(np.float32), options.augmentation, rng)

    return Batches()


def even(rows: NDArray[np.int64], replicas: int) -> NDArray[np.int64]:
    """Fill rows up from their beginning until they can be shared evenly, as JAX wants it."""
    return np.resize(rows, len(rows) + -len(rows) % replicas)


def plain_batches(films: DecodedFilms, targets: NDArray[np.float32], size: int) -> Any:
    """Return a Keras PyDataset of (pixels, targets) as they are, in order, the last batch short."""
    import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no type information
        """Converted batch by batch: the whole set as float32 would be four times its size."""

        def __len__(self) -> int:
            return -(-len(targets) // size)

        def __getitem__(self, number: int) -> tuple[NDArray[Any], NDArray[Any]]:
            part = slice(number * size, (number + 1) * size)
            return films.pixels[part].astype(np.float32)[..., None], targets[part]

    return Batches()


def one_hot(films: DecodedFilms, classes: int) -> NDArray[np.float32]:
    """Return the labels as targets: (N, 1), 0 or 1, with two classes, else (N, K) one-hot."""
    if classes == 2:
        return films.labels.astype(np.float32)[:, None]
    return np.eye(classes, dtype=np.float32)[films.labels]


def film_weights(films: DecodedFilms) -> NDArray[np.float32]:
    """Weight each film so that every class has the same share of the total; the mean is 1.

    Within its class a film counts by its own weight.

    Returns:
        (N,) float32.
    """
    own = films.weights.astype(np.float64)
    sums = np.bincount(films.labels, own)
    shares = own / np.maximum(sums[films.labels], np.finfo(np.float64).tiny)
    return np.asarray(shares * len(own) / np.count_nonzero(sums), np.float32)
