"""Taking pixels away from a film so that nothing new is put there (ROAD, Rong et al. 2022)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NOISE = 0.01 * 255  # standard deviation added, as in the paper: smooth fills could be told apart
_STEPS = (
    ((-1, 0), 1 / 6), ((1, 0), 1 / 6), ((0, -1), 1 / 6), ((0, 1), 1 / 6),
    ((-1, -1), 1 / 12), ((-1, 1), 1 / 12), ((1, -1), 1 / 12), ((1, 1), 1 / 12),
)  # fmt: skip


def imputed(
    film: NDArray[np.float32], removed: NDArray[np.bool_], seed: int = 7
) -> NDArray[np.float32]:
    """Fill removed pixels by noisy linear imputation (Rong et al. 2022, section 4.2).

    Each one becomes the weighted mean of its neighbours, removed ones included: 1/6 for those that
    share an edge, 1/12 for those that share a corner, as far as they lie in the film. That is one
    sparse system of linear equations.

    Args:
        film: (S, S) float32, 0..255.
        removed: (S, S) True for pixels to fill; not all of them.
        seed: of the noise.
    """
    if not removed.any():
        return film
    values = _solved(film, removed)
    noise = np.random.default_rng(seed).normal(0, _NOISE, len(values))
    filled = film.copy()
    filled[removed] = np.clip(values + noise, 0, 255)
    return filled


def _solved(film: NDArray[np.float32], removed: NDArray[np.bool_]) -> NDArray[np.float64]:
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import spsolve

    rows, columns = np.nonzero(removed)
    place = np.full(film.shape, -1)
    place[removed] = np.arange(len(rows))
    right = np.zeros(len(rows))
    total = np.zeros(len(rows))
    links: list[tuple[NDArray[np.intp], NDArray[np.intp], float]] = []
    for (down, across), weight in _STEPS:
        r, c = rows + down, columns + across
        within = (r >= 0) & (r < film.shape[0]) & (c >= 0) & (c < film.shape[1])
        here = np.flatnonzero(within)
        there = place[r[here], c[here]]
        total[here] += weight
        known = there < 0
        right[here[known]] += weight * film[r[here[known]], c[here[known]]]
        links.append((here[~known], there[~known], -weight))
    own = np.arange(len(rows))
    matrix = csc_matrix(
        (
            np.concatenate([total, *(np.full(len(a), weight) for a, _, weight in links)]),
            (
                np.concatenate([own, *(a for a, _, _ in links)]),
                np.concatenate([own, *(b for _, b, _ in links)]),
            ),
        )
    )
    return np.asarray(spsolve(matrix, right), np.float64)
