"""Probabilities and labels of the same films: what every measure is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrayscan.records import PROBABILITY_DECIMALS


@dataclass(frozen=True, slots=True)
class Sample:
    """Films with probability and label.

    Attributes:
        probabilities: (N,) P(positive), 0..1, rounded as they are written.
        positives: (N,) True for the positive class.
        patients: (N,) key of whose film each one is.
        names: of a negative and of a positive film, for sentences.
    """

    probabilities: NDArray[np.float64]
    positives: NDArray[np.bool_]
    patients: tuple[str, ...] = field(repr=False)
    names: tuple[str, str] = ("negative", "positive")

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def positive_count(self) -> int:
        return int(self.positives.sum())

    @property
    def negative_count(self) -> int:
        return len(self) - self.positive_count

    @property
    def has_both_classes(self) -> bool:
        return bool(self.positive_count and self.negative_count)

    @property
    def lack(self) -> str:
        """The sentence for a sample in which the classes cannot be compared; "" for others."""
        if not len(self):
            return "No film was scored."
        if not self.has_both_classes:
            only = self.names[int(self.positive_count > 0)]
            return f"All films scored ({len(self)}) are {only}: it takes films of both classes."
        return ""

    def chosen(self, films: NDArray[np.bool_]) -> Sample:
        """Some of the films, by a mask (N,)."""
        kept = tuple(each for each, keep in zip(self.patients, films, strict=True) if keep)
        return Sample(self.probabilities[films], self.positives[films], kept, self.names)


def as_written(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Round probabilities, (N,), as predictions are written.

    So a film on a threshold falls on the same side wherever it is called.
    """
    written = np.round(np.asarray(probabilities, np.float64), PROBABILITY_DECIMALS)
    return np.asarray(written, np.float64)
