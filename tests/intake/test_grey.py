from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.intake.grey import significant_peak, stretch


@pytest.mark.parametrize(
    ("maximum", "peak"),
    [
        (0, 255),
        (255, 255),
        (256, 1023),
        (1024, 4095),
        (4095, 4095),
        (4096, 16_383),
        (16_384, 65_535),
        (65_535, 65_535),
    ],
)
def test_significant_peak(maximum: int, peak: int) -> None:
    assert significant_peak(maximum) == peak


def test_stretch_is_not_led_by_a_few_pixels() -> None:
    values = np.linspace(100, 200, 10_000, dtype=np.float32).reshape(100, 100)
    values[0, :3] = (np.inf, -np.inf, np.nan)
    values[0, 3:6] = (1e30, -1e30, 60_000)
    stretched = stretch(values)
    assert stretched[50, 50] == pytest.approx(0.505 * 65_535, rel=0.02)
    assert stretched.min() == 0
    assert stretched.max() == 65_535


def test_what_is_no_film_sets_no_contrast() -> None:
    values = np.array([[-2000, 0, 50, 100]], np.float32)
    film = values >= 0
    assert stretch(values, film).tolist() == [[0, 0, 32_768, 65_535]]
    assert np.array_equal(stretch(values, values > 1000), stretch(values)), "none is film"


def test_stretch_of_one_value_is_black() -> None:
    assert not stretch(np.full((10, 10), 7, np.float32)).any()


@settings(max_examples=100)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=50))
def test_stretch_keeps_the_order(values: list[float]) -> None:
    given_values = np.sort(np.array(values, np.float32))
    stretched = stretch(given_values).astype(int)
    assert (np.diff(stretched) >= 0).all()
