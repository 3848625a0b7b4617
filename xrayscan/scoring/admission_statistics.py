"""The training population in the scorer's own embedding, and the distance of a film from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 64  # principal components kept


@dataclass(frozen=True, slots=True)
class AdmissionStatistics:
    """A Gaussian on the leading principal components of training embeddings, plus what they miss.

    Attributes:
        mean: (D,) float32.
        whitening: (D, K) float32; columns are components over their standard deviation.
        basis: (D, K) float32; the components themselves, orthonormal.
        residual_scale: standard deviation of a training film's residual outside the basis.

    """

    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]
    basis: NDArray[np.float32]
    residual_scale: float

    def distance(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance of films from the training population.

        The root of the mean of two squares, each about 1 for training films: the Mahalanobis
        distance within the components (Lee et al. 2018) and the residual outside them.

        Args:
            embedding: (B, D) float32.

        Returns:
            (B,) float32, 0 and more; about 1 for films like those of the training set.

        """
        centred = embedding - self.mean
        inside = np.mean((centred @ self.whitening) ** 2, axis=1)
        residual = centred - (centred @ self.basis) @ self.basis.T
        outside = np.sum(residual**2, axis=1) / self.residual_scale**2
        return np.asarray(np.sqrt((inside + outside) / 2), np.float32)

    def save(self, path: Path) -> None:
        np.savez(
            path,
            mean=self.mean,
            whitening=self.whitening,
            basis=self.basis,
            residual_scale=np.float32(self.residual_scale),
        )

    @classmethod
    def load(cls, path: Path) -> AdmissionStatistics:
        with np.load(path, allow_pickle=False) as stored:
            return cls(
                stored["mean"],
                stored["whitening"],
                stored["basis"],
                float(stored["residual_scale"]),
            )


def fit_statistics(embeddings: NDArray[np.float32]) -> AdmissionStatistics:
    """Fit the statistics on training embeddings (N, D) float32."""
    mean = embeddings.mean(axis=0)
    centred = (embeddings - mean).astype(np.float64)
    kept = min(COMPONENTS, *centred.shape)
    _, singular, components = np.linalg.svd(centred, full_matrices=False)
    basis = components[:kept].T
    deviations = np.maximum(singular[:kept] / np.sqrt(len(centred)), 1e-6)
    residual = centred - (centred @ basis) @ basis.T
    scale = max(float(np.sqrt(np.mean(np.sum(residual**2, axis=1)))), 1e-6)
    return AdmissionStatistics(
        mean.astype(np.float32),
        (basis / deviations).astype(np.float32),
        basis.astype(np.float32),
        scale,
    )
