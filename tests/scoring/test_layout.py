from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.films import draw_film
from xrayscan.scoring.layout import SIDE, WIDTH, layout

fixed = settings(max_examples=40)


def film(seed: int = 1, side: int = 224) -> np.ndarray:
    return draw_film(seed, width=side, height=side).astype(np.float32)


def test_shape_and_scale() -> None:
    found = layout(np.stack([film(1), film(2), film(3)]))
    assert found.shape == (3, WIDTH)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=1), 1, atol=1e-4)


def test_cells_are_means() -> None:
    pixels = np.random.default_rng(1).uniform(0, 255, (SIDE * 4, SIDE * 4)).astype(np.float32)
    cells = pixels.reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3))
    found = layout(pixels[None])[0].reshape(SIDE, SIDE)
    np.testing.assert_allclose(found, (cells - cells.mean()) / cells.std(), atol=1e-3)


@fixed
@given(st.integers(0, 100), st.floats(0.2, 0.9), st.floats(0, 20))
def test_brightness_and_contrast_do_not_matter(seed: int, contrast: float, added: float) -> None:
    changed = film(seed) * np.float32(contrast) + np.float32(added)
    np.testing.assert_allclose(layout(changed[None]), layout(film(seed)[None]), atol=1e-3)


def test_a_negative_has_the_negative_layout() -> None:
    np.testing.assert_allclose(layout(255 - film()[None]), -layout(film()[None]), atol=1e-4)


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_one_shade_has_no_layout(grey: int) -> None:
    assert not layout(np.full((1, 64, 64), grey, np.float32)).any()


def test_the_same_bits_alone_and_in_a_batch() -> None:
    films = np.stack([film(seed) for seed in range(5)])
    for index, each in enumerate(layout(films)):
        np.testing.assert_array_equal(each, layout(films[index : index + 1])[0])
