"""The sign of a DICOM film's values, where its header errs in it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.films import draw_deep_film
from xrayscan.intake.dicom_sign import with_its_sign

DEEP = draw_deep_film(seed=1)
SIGNED = DEEP.astype(np.int16) - 2048


@pytest.mark.parametrize("bits", [12, 16])
def test_a_wrong_sign_is_set_right(bits: int) -> None:
    film = draw_deep_film(seed=1, bits=bits).astype(np.int32)
    half, full = 2 ** (bits - 1), 2**bits
    said_signed = np.where(film >= half, film - full, film).astype(np.int16)
    assert np.array_equal(with_its_sign(said_signed, bits), film)
    signed = film - half
    said_unsigned = np.where(signed < 0, signed + full, signed).astype(np.uint16)
    assert np.array_equal(with_its_sign(said_unsigned, bits), signed)


def _with(film: NDArray[np.generic], value: int, *place: slice) -> NDArray[np.generic]:
    changed = film.copy()
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(DEEP, id="unsigned"),
        pytest.param(SIGNED, id="signed"),
        pytest.param(DEEP // 2, id="no values that a sign parts"),
        pytest.param(_with(DEEP // 2, 4095, slice(20, 60), slice(20, 24)), id="a marker"),
        pytest.param(_with(DEEP // 2, 4095, slice(None), slice(80)), id="saturated aside"),
        pytest.param(_with(SIGNED // 2, -2048, slice(None), slice(80)), id="padding"),
        pytest.param((DEEP >> 4).astype(np.uint8), id="bytes"),
        pytest.param(np.dstack([DEEP] * 3), id="colours"),
        pytest.param(np.zeros_like(DEEP), id="one value"),
    ],
)
def test_a_right_sign_stays(stored: NDArray[np.generic]) -> None:
    assert with_its_sign(stored, 12) is stored
