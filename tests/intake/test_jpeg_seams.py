from __future__ import annotations

import numpy as np
import pytest

from tests.films import draw_film, jpeg_bytes, odd_jpeg_bytes
from xrayscan.errors import ScanError
from xrayscan.intake.jpeg_scan import coding_unit
from xrayscan.intake.jpeg_seams import check_seams
from xrayscan.intake.jpeg_strict import strict_grey
from xrayscan.records import Reason

WIDTH, HEIGHT = 1000, 800
UNITS = [(8, 8), (16, 16), (8, 16)]
by_unit = pytest.mark.parametrize("unit", UNITS, ids=str)


def film(seed: int = 1) -> np.ndarray:
    return draw_film(seed, width=WIDTH, height=HEIGHT)


def shifted(pixels: np.ndarray, unit: tuple[int, int], row: int, column: int, by: int):
    """Shift all that is coded from a unit on, as a wrong difference does."""
    down, across = unit
    wide = np.clip(pixels.astype(int), 45, 210)
    wide[row * down : (row + 1) * down, column * across :] += by
    wide[(row + 1) * down :] += by
    return np.clip(wide, 0, 255).astype(np.uint8)


def refused(pixels: np.ndarray, unit: tuple[int, int]) -> bool:
    try:
        check_seams(pixels, unit)
    except ScanError as fault:
        return fault.reason is Reason.DAMAGED and "has a step within" in fault.detail
    return False


@by_unit
@pytest.mark.parametrize("by", [-30, -12, 12, 30])
def test_a_step(unit: tuple[int, int], by: int) -> None:
    rng = np.random.default_rng(abs(by))
    found = 0
    for seed in range(8):
        row = int(rng.integers(2, HEIGHT // unit[0] - 3))
        column = int(rng.integers(8, WIDTH // unit[1] - 8))
        found += refused(shifted(film(seed), unit, row, column, by), unit)
    assert found >= 6


@by_unit
def test_good_films(unit: tuple[int, int]) -> None:
    for seed in range(20):
        assert not refused(film(seed), unit)


def test_edges_that_are_no_steps() -> None:
    """A collimator, a table and a label, on the grid of blocks and off it."""
    for top in (160, 163):
        pixels = film()
        pixels[:top] = 0
        pixels[700:] = np.minimum(pixels[700:].astype(int) + 60, 255)
        pixels[top + 40 : top + 80, 300:600] = 255
        assert not refused(pixels, (8, 8))


def test_labels_on_the_grid() -> None:
    rng = np.random.default_rng(3)
    for seed in range(60):
        pixels = film(seed % 10)
        top, left = (8 * int(rng.integers(1, most)) for most in (90, 80))
        down, across = (8 * int(rng.integers(1, most)) for most in (8, 40))
        pixels[top : top + down, left : left + across] = rng.choice([0, 128, 255])
        assert not refused(pixels, (8, 8))


@pytest.mark.parametrize("shape", [(40, 400), (400, 40), (1, 1)])
def test_too_small_to_say(shape: tuple[int, int]) -> None:
    assert not refused(np.zeros(shape, np.uint8), (8, 8))


def test_one_shade() -> None:
    assert not refused(np.full((400, 400), 9, np.uint8), (8, 8))


def test_flipped_bits_of_a_film() -> None:
    """Together with the decoder: more than one in five, and no whole film."""
    whole = jpeg_bytes(film())
    assert strict_grey(whole) is not None
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(120):
        changed = bytearray(whole)
        changed[int(rng.integers(700, len(whole) - 2))] ^= 1 << int(rng.integers(8))
        try:
            strict_grey(bytes(changed))
        except ScanError:
            found += 1
    assert found > 24


CODED = {
    "grey": (jpeg_bytes(film()), (8, 8)),
    "colour, 4:2:0": (jpeg_bytes(film(), "RGB", subsampling="4:2:0"), (16, 16)),
    "colour, 4:2:2": (jpeg_bytes(film(), "RGB", subsampling="4:2:2"), (8, 16)),
    "colour, 4:4:4": (jpeg_bytes(film(), "RGB", subsampling="4:4:4"), (8, 8)),
    "progressive": (jpeg_bytes(film(), progressive=True), (8, 8)),
    "restart markers": (jpeg_bytes(film(), restart_marker_rows=2), None),
    "a scan for each component": (odd_jpeg_bytes(film()), None),
}


@pytest.mark.parametrize(("data", "unit"), CODED.values(), ids=CODED)
def test_coding_unit(data: bytes, unit: tuple[int, int] | None) -> None:
    assert coding_unit(data) == unit
