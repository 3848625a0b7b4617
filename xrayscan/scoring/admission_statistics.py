"""The training population in features of a film, and a film's distance from it."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ModelError, words_of
from xrayscan.scoring.layout import WIDTH as LAYOUT_WIDTH
from xrayscan.scoring.layout import layout

Features = NDArray[np.float32]  # (B, D)
Group = tuple[int, float]  # width, and the shrinkage of its covariance

# Added to each group's covariance, as a share of its mean variance: keeps directions in which the
# training films hardly vary from deciding alone.
SHRINKAGE = 1e-2
# Of the layout, where chest films vary little in most directions (docs/admission.md).
LAYOUT_SHRINKAGE = 1e-1
# The distance is scaled so that this share of the validation films lies below 1.
QUANTILE = 0.995


@dataclass(frozen=True, slots=True)
class AdmissionStatistics:
    """One Gaussian per group of features, scaled so that distance 1 is the population's edge.

    Attributes:
        mean: (D,) float32, of the training films' features.
        whitening: (D, D) float32, block-diagonal by group; the distance is the length of the
            centred features times this.
        posture: weights of ``find_posture``.
    """

    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]
    posture: NDArray[np.float32]

    def distance(self, features: Features) -> NDArray[np.float32]:
        """Distance of films from the training population.

        The root mean square over the groups of the Mahalanobis distance (Lee et al. 2018), each in
        units of its edge.

        Args:
            features: (B, D) float32.

        Returns:
            (B,) float32, 0 and more; up to about 1 for films like those of the training set.
        """
        centred = (features - self.mean).astype(np.float64)
        return np.asarray(np.linalg.norm(centred @ self.whitening, axis=1), np.float32)

    def save(self, path: Path) -> None:
        np.savez_compressed(path, mean=self.mean, whitening=self.whitening, posture=self.posture)

    @classmethod
    def load(cls, path: Path) -> AdmissionStatistics:
        """Read what ``save`` wrote.

        Raises:
            ModelError: the file is missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(stored["mean"], stored["whitening"], stored["posture"])
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as fault:
            sentence = f"{path}: cannot be read ({words_of(fault)}); restore the model folder"
            raise ModelError(sentence) from None


def admission_features(
    admission: Features, pixels: NDArray[np.float32] | NDArray[np.uint8]
) -> Features:
    """Put together what a film is known by here.

    Args:
        admission: (B, d) float32, of the scorer's pass over the films.
        pixels: (B, S, S) uint8 or float32, 0..255, the films.

    Returns:
        (B, d + layout.WIDTH) float32.
    """
    return np.hstack([admission, layout(pixels)])


def feature_groups(layers: Sequence[int]) -> tuple[Group, ...]:
    """What ``admission_features`` consist of, given the width of each of the scorer's layers."""
    return (*((width, SHRINKAGE) for width in layers), (LAYOUT_WIDTH, LAYOUT_SHRINKAGE))


def fit_statistics(
    training: Features,
    validation: Features,
    groups: Sequence[Group],
    posture: NDArray[np.float32],
) -> AdmissionStatistics:
    """Fit the statistics.

    Args:
        training: (N, D) features of training films; they make means and covariances.
        validation: (M, D) features of films of other patients; they set the scale.
        groups: of features; their widths sum to D.
        posture: weights of ``find_posture``.
    """
    mean = training.mean(axis=0, dtype=np.float64)
    whitening = np.zeros((len(mean), len(mean)))
    end = 0
    for width, shrinkage in groups:
        part = slice(end, end + width)
        end += width
        block = _whitening(training[:, part] - mean[part], shrinkage)
        lengths = np.linalg.norm((validation[:, part] - mean[part]) @ block, axis=1)
        edge = max(float(np.quantile(lengths, QUANTILE)), 1e-6)
        whitening[part, part] = block / edge
    scaled = whitening / np.sqrt(len(groups))
    return AdmissionStatistics(mean.astype(np.float32), scaled.astype(np.float32), posture)


def _whitening(centred: NDArray[np.float64], shrinkage: float) -> NDArray[np.float64]:
    """Return W such that the length of x W is the Mahalanobis distance of x; (D, D)."""
    covariance = centred.T @ centred / len(centred)
    ridge = max(shrinkage * float(np.trace(covariance)) / len(covariance), 1e-12)
    precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
    return np.linalg.cholesky(precision)
