"""The training population in features of the scorer's own pass, and a film's distance from it."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ModelError

Features = NDArray[np.float32]  # (B, D)

# Added to each layer's covariance, as a share of its mean variance: keeps directions in which the
# training films hardly vary from deciding alone.
SHRINKAGE = 1e-2
# The distance is scaled so that this share of the validation films lies below 1.
QUANTILE = 0.995


@dataclass(frozen=True, slots=True)
class AdmissionStatistics:
    """One Gaussian per layer, scaled so that distance 1 is the edge of the population.

    Attributes:
        mean: (D,) float32, of the training films' features.
        whitening: (D, D) float32, block-diagonal by layer; the distance is the length of the
            centred features times this.
    """

    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]

    def distance(self, features: Features) -> NDArray[np.float32]:
        """Distance of films from the training population.

        The root mean square over layers of the Mahalanobis distance (Lee et al. 2018), each in
        units of its edge.

        Args:
            features: (B, D) float32.

        Returns:
            (B,) float32, 0 and more; up to about 1 for films like those of the training set.
        """
        centred = (features - self.mean).astype(np.float64)
        return np.asarray(np.linalg.norm(centred @ self.whitening, axis=1), np.float32)

    def save(self, path: Path) -> None:
        np.savez_compressed(path, mean=self.mean, whitening=self.whitening)

    @classmethod
    def load(cls, path: Path) -> AdmissionStatistics:
        """Read what ``save`` wrote.

        Raises:
            ModelError: the file is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(stored["mean"], stored["whitening"])
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as fault:
            sentence = f"{path}: cannot be read ({fault}); restore the model folder"
            raise ModelError(sentence) from None


def fit_statistics(
    training: Features, validation: Features, layers: Sequence[int]
) -> AdmissionStatistics:
    """Fit the statistics.

    Args:
        training: (N, D) features of training films; they make means and covariances.
        validation: (M, D) features of films of other patients; they set the scale.
        layers: width of each layer's part of the features; they sum to D.
    """
    mean = training.mean(axis=0, dtype=np.float64)
    whitening = np.zeros((len(mean), len(mean)))
    end = 0
    for width in layers:
        part = slice(end, end + width)
        end += width
        block = _whitening(training[:, part] - mean[part])
        lengths = np.linalg.norm((validation[:, part] - mean[part]) @ block, axis=1)
        edge = max(float(np.quantile(lengths, QUANTILE)), 1e-6)
        whitening[part, part] = block / edge
    scaled = whitening / np.sqrt(len(layers))
    return AdmissionStatistics(mean.astype(np.float32), scaled.astype(np.float32))


def _whitening(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return W such that the length of x W is the Mahalanobis distance of x; (D, D)."""
    covariance = centred.T @ centred / len(centred)
    ridge = max(SHRINKAGE * float(np.trace(covariance)) / len(covariance), 1e-12)
    precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
    return np.linalg.cholesky(precision)
