from __future__ import annotations

import numpy as np
import pytest

from xrayscan.evaluation.explaining.imputing import _solved, imputed


def directly(film: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """Rong et al. 2022, section 4.2, as dense equations, pixel by pixel."""
    side = len(film)
    matrix, right = np.eye(side * side), film.ravel().astype(np.float64).copy()
    for row, column in zip(*np.nonzero(removed), strict=True):
        here = row * side + column
        matrix[here], right[here], total = 0, 0, 0.0
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                r, c = row + down, column + across
                if (down or across) and 0 <= r < side and 0 <= c < side:
                    weight = 1 / 12 if down and across else 1 / 6
                    matrix[here, r * side + c] = -weight
                    total += weight
        matrix[here, here] = total
    return np.linalg.solve(matrix, right).reshape(film.shape)


@pytest.mark.parametrize("seed", range(3))
def test_against_dense_equations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    film = rng.uniform(0, 255, (12, 12)).astype(np.float32)
    removed = rng.random((12, 12)) < 0.5
    np.testing.assert_allclose(_solved(film, removed), directly(film, removed)[removed], rtol=1e-6)


def test_a_slope_goes_on_where_pixels_are_missing() -> None:
    film = np.add.outer(np.arange(20), 3 * np.arange(20)).astype(np.float32)
    removed = np.zeros((20, 20), np.bool_)
    removed[5:9, 6:14] = True
    np.testing.assert_allclose(_solved(film, removed), film[removed], rtol=1e-6)


def test_noise_is_small_and_the_rest_stays() -> None:
    film = np.full((30, 30), 120, np.float32)
    removed = np.zeros((30, 30), np.bool_)
    removed[5:25, 5:25] = True
    filled = imputed(film, removed)
    np.testing.assert_array_equal(filled[~removed], 120)
    assert 1.5 < filled[removed].std() < 3.5
    assert abs(filled[removed].mean() - 120) < 1
    np.testing.assert_array_equal(imputed(film, removed), filled)
    assert imputed(film, np.zeros_like(removed)) is film
