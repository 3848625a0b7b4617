from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.films import draw_deep_film, draw_film
from xrayscan.intake.resize import network_input, viewing_copy
from xrayscan.records import Radiograph


def radiograph(pixels: np.ndarray, peak: int = 255) -> Radiograph:
    return Radiograph(pixels, peak, "PNG")


sizes = st.integers(64, 300)
seeds = st.integers(0, 99)


@settings(max_examples=40)
@given(width=sizes, height=sizes, size=st.integers(32, 256), level=st.integers(0, 4095))
def test_one_shade_stays_that_shade(width: int, height: int, size: int, level: int) -> None:
    squeezed = network_input(
        radiograph(np.full((height, width), level, np.uint16), peak=4095), size
    )
    assert squeezed.shape == (size, size)
    assert squeezed.dtype == np.float32
    assert squeezed == pytest.approx(level / 4095 * 255, abs=1e-3)


@settings(max_examples=30)
@given(width=sizes, height=sizes, size=st.integers(32, 256), seed=st.integers(0, 99))
def test_no_value_leaves_its_range(width: int, height: int, size: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 2, (height, width), np.uint8) * 255
    squeezed = network_input(radiograph(noise), size)
    assert squeezed.min() >= 0
    assert squeezed.max() <= 255
    assert squeezed.mean() == pytest.approx(noise.mean(), abs=3)


def test_a_halved_film_is_the_mean_of_each_four_pixels() -> None:
    film = draw_film(seed=1, width=128, height=128)
    by_hand = film.astype(float).reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.abs(network_input(radiograph(film), 64) - by_hand).max() < 1e-3


@settings(max_examples=60)
@given(
    width=st.integers(700, 1500),
    height=st.integers(700, 1500),
    size=st.integers(16, 256),
    seed=seeds,
)
def test_shrinking_is_area_averaging(width: int, height: int, size: int, seed: int) -> None:
    """Against OpenCV's own, whatever the ratio, of 8 bits and of 16."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    expected = cv2.resize(noise.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(network_input(radiograph(noise), size), expected, atol=1e-3)
    deep = network_input(radiograph(noise.astype(np.uint16)), size)
    np.testing.assert_allclose(deep, expected, atol=1e-3)


def test_films_too_large_for_the_table_are_averaged_all_the_same() -> None:
    white = np.full((2903, 2903), 255, np.uint8)  # its sum is beyond 31 bits
    assert np.abs(network_input(radiograph(white), 4) - 255).max() < 1e-3


@pytest.mark.parametrize("shape", [(1000, 1300), (1023, 1537), (2500, 2048), (600, 520)])
@pytest.mark.parametrize("peak", [255, 65_535])
def test_a_viewing_copy_is_near_area_averaging(shape: tuple[int, int], peak: int) -> None:
    film = cv2.resize(draw_film(seed=2), shape[::-1], interpolation=cv2.INTER_CUBIC)
    scaled = film if peak == 255 else film.astype(np.uint16) * 257
    copy = viewing_copy(radiograph(scaled, peak), 512)
    area = cv2.resize(film, copy.shape[::-1], interpolation=cv2.INTER_AREA)
    difference = np.abs(copy.astype(int) - area)
    assert difference.mean() < 1  # grey levels
    assert np.percentile(difference, 99) <= 8


def test_16_bits_keep_what_8_bits_cannot_hold() -> None:
    film = draw_deep_film(seed=1, bits=16)
    squeezed = network_input(radiograph(film, peak=65_535), 128)
    assert len(np.unique(squeezed)) > 256
    coarse = network_input(radiograph((film >> 8).astype(np.uint8)), 128)
    assert np.abs(squeezed - coarse).max() < 1.5


def test_a_non_square_film_is_squeezed_whole() -> None:
    film = np.zeros((100, 300), np.uint8)
    film[:, 150:] = 255
    squeezed = network_input(radiograph(film), 64)
    assert squeezed[:, :31].max() < 1
    assert squeezed[:, 33:].min() > 254


@pytest.mark.parametrize(
    ("shape", "longest", "expected"),
    [
        ((400, 300), 200, (200, 150)),
        ((300, 400), 200, (150, 200)),
        ((100, 90), 200, (100, 90)),
        ((1000, 2), 100, (100, 1)),
        ((64, 256), 256, (64, 256)),
    ],
)
def test_a_viewing_copy_keeps_its_proportions(
    shape: tuple[int, int], longest: int, expected: tuple[int, int]
) -> None:
    copy = viewing_copy(radiograph(np.zeros(shape, np.uint8)), longest)
    assert copy.shape == expected
    assert copy.dtype == np.uint8


@pytest.mark.parametrize("peak", [255, 1023, 4095, 65_535])
def test_a_viewing_copy_is_black_to_white(peak: int) -> None:
    row = np.linspace(0, peak, 256).astype(np.uint16 if peak > 255 else np.uint8)
    copy = viewing_copy(radiograph(np.tile(row, (64, 1)), peak), 256)
    assert copy.min() == 0
    assert copy.max() == 255
    assert np.abs(copy[0].astype(int) - np.arange(256)).max() <= 1


def test_a_viewing_copy_of_the_same_size_is_the_film() -> None:
    film = draw_film(seed=1)
    assert np.array_equal(viewing_copy(radiograph(film), 320), film)
