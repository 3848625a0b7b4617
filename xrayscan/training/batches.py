"""Batches for Keras: augmented on the fly, the same for the same seed whatever the threads do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.training.augmentation import Augmentation, augment
from xrayscan.training.data import DecodedFilms


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How films become batches.

    Attributes:
        size: films per batch.
        seed: of order and augmentation.
        augmentation: ranges of the variations.
    """

    size: int
    seed: int
    augmentation: Augmentation


def training_batches(films: DecodedFilms, options: BatchOptions) -> Any:
    """Return a Keras PyDataset of (pixels (B, S, S, 1), targets (B, 1), weights (B,)), all float32.

    Each class has half of the total weight, so that the set's prevalence teaches nothing.
    """
    import keras

    targets = films.positives.astype(np.float32)
    weights = class_weights(targets)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no type information
        """One epoch's batches; Keras calls ``on_epoch_end`` between epochs."""

        def __init__(self) -> None:
            super().__init__(workers=1)
            self.epoch = 0
            self.order = self._shuffled()

        def _shuffled(self) -> NDArray[np.int64]:
            return np.random.default_rng((options.seed, self.epoch)).permutation(len(targets))

        def __len__(self) -> int:
            # a short last batch would unsettle batch norm; a small set is one short batch
            return max(1, len(targets) // options.size)

        def __getitem__(self, number: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
            chosen = self.order[number * options.size : (number + 1) * options.size]
            pixels = [self._film(index) for index in chosen]
            return np.stack(pixels)[..., None], targets[chosen, None], weights[chosen]

        def _film(self, index: int) -> NDArray[np.float32]:
            rng = np.random.default_rng((options.seed, self.epoch, index))
            return augment(films.pixels[index].astype(np.float32), options.augmentation, rng)

        def on_epoch_end(self) -> None:
            self.epoch += 1
            self.order = self._shuffled()

    return Batches()


def class_weights(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weight each film by the inverse share of its class; the mean weight is 1."""
    share = targets.mean()
    return np.asarray(np.where(targets > 0.5, 0.5 / share, 0.5 / (1 - share)), np.float32)
