from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.films import draw_unlike_film
from xrayscan.scoring.looks import LOOK_BYTES, NEAR_BITS, look_of, looks_of, nearest, stacked

FILMS = [draw_unlike_film(seed) for seed in range(8)]


def small(film: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(film, (112, 96), interpolation=cv2.INTER_AREA))


def compressed(film: np.ndarray) -> np.ndarray:
    _, code = cv2.imencode(".jpg", film, (cv2.IMWRITE_JPEG_QUALITY, 40))
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))


@pytest.mark.parametrize("change", [small, compressed])
def test_a_film_is_known_again(change: Callable[[np.ndarray], np.ndarray]) -> None:
    which, apart = nearest(looks_of(map(change, FILMS)), looks_of(FILMS))
    assert which.tolist() == list(range(len(FILMS)))
    assert apart.max() <= NEAR_BITS


def test_others_are_not() -> None:
    looks = looks_of(FILMS)
    assert nearest(looks[:4], looks[4:])[1].min() > NEAR_BITS


def test_no_film_at_all() -> None:
    assert stacked([]).shape == (0, LOOK_BYTES)
    which, apart = nearest(stacked([]), looks_of(FILMS))
    assert (len(which), len(apart)) == (0, 0)


@given(st.integers(0, 2**32), st.integers(1, 1200), st.integers(1, 9))
def test_nearest_counts_bits(seed: int, films: int, others: int) -> None:
    """As counting one by one does, whatever the number of rows."""
    rng = np.random.default_rng(seed)
    mine, theirs = (
        np.packbits(rng.random((count, 143)) < 0.5, axis=1) for count in (films, others)
    )
    which, apart = nearest(mine, theirs)
    for row in {0, films // 2, films - 1}:
        bits = np.unpackbits(mine[row] ^ theirs, axis=1).sum(axis=1)
        assert apart[row] == bits.min() == bits[which[row]]


def test_the_143_bits_are_halved_by_their_median() -> None:
    assert np.unpackbits(look_of(FILMS[0])).sum() == 71
