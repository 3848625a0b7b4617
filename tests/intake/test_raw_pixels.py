from __future__ import annotations

import numpy as np
import pytest

from tests.films import draw_deep_film, draw_film
from xrayscan.errors import ScanError
from xrayscan.intake.raw_pixels import check_raw_pixels
from xrayscan.records import Reason

WIDTH, HEIGHT = 640, 500


def film(seed: int = 1, *, deep: bool = False) -> np.ndarray:
    """Nowhere black."""
    if deep:
        return np.maximum(draw_deep_film(seed, width=WIDTH, height=HEIGHT), 640)
    return np.maximum(draw_film(seed, width=WIDTH, height=HEIGHT), 40)


def words(pixels: np.ndarray) -> str:
    try:
        check_raw_pixels(pixels, "BMP")
    except ScanError as fault:
        return f"{fault.reason}, {fault.format}: {fault.detail}"
    return ""


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("length", [512, 1024, 4096, 65_536])
@pytest.mark.parametrize("value", [0, 255])
def test_lost_sectors(deep: bool, length: int, value: int) -> None:
    pixels = film(deep=deep)
    pixels.ravel().view(np.uint8)[WIDTH * 200 + 60 :][:length] = value
    assert words(pixels) == (
        f"{Reason.DAMAGED}, BMP: a part of its picture was zeroed; copy it again from its source"
    )


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("length", [512, 4096])
@pytest.mark.parametrize("seed", range(4))
def test_random_bytes(deep: bool, length: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = film(deep=deep)
    bytes_of = pixels.ravel().view(np.uint8)
    start = int(rng.integers(WIDTH, len(bytes_of) - length))
    bytes_of[start : start + length] = rng.integers(0, 256, length)
    assert "was overwritten" in words(pixels)


def test_the_rest_of_the_file_is_gone() -> None:
    pixels = film()
    pixels.ravel()[WIDTH * 300 + 5 :] = 0
    assert "was zeroed" in words(pixels)


def collimated(pixels: np.ndarray) -> None:
    pixels[:60] = pixels[-70:] = 0
    pixels[:, :80] = pixels[:, -90:] = 0


def framed(pixels: np.ndarray) -> None:
    pixels[100, 50:550] = pixels[400, 50:550] = pixels[100:400, 50] = pixels[100:400, 549] = 255


def labelled(pixels: np.ndarray) -> None:
    pixels[20:60, 30:600] = 255
    pixels[30:50, 40:590:3] = 0  # a bar code


def underlined(pixels: np.ndarray) -> None:
    pixels[250] = 255  # from edge to edge


def saturated(pixels: np.ndarray) -> None:
    pixels[:] = np.where(pixels > 120, 255, pixels)


@pytest.mark.parametrize("draw", [collimated, framed, labelled, underlined, saturated])
@pytest.mark.parametrize("seed", range(3))
def test_what_films_have_is_no_damage(draw, seed: int) -> None:
    pixels = film(seed)
    draw(pixels)
    assert words(pixels) == ""


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
def test_good_films(deep: bool) -> None:
    for seed in range(20):
        assert words(film(seed, deep=deep)) == ""


@pytest.mark.parametrize("shape", [(64, 64), (1, 5000), (5000, 1), (40, 40, 3)])
def test_odd_shapes(shape: tuple[int, ...]) -> None:
    assert words(np.full(shape, 90, np.uint8)) == ""


def test_noise_all_over_is_a_picture_of_noise() -> None:
    """Restless pictures cannot be judged; the admission gate refuses them."""
    assert words(np.random.default_rng(1).integers(0, 256, (300, 300)).astype(np.uint8)) == ""
