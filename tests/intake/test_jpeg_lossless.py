from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from tests.damage import DAMAGES
from tests.films import draw_deep_film
from xrayscan.errors import ScanError
from xrayscan.intake.jpeg_lossless import decode_lossless
from xrayscan.records import Reason

DEEP = draw_deep_film(3, width=300, height=260)
PIXELS = {8: (DEEP >> 4).astype(np.uint8), 12: DEEP, 16: DEEP << 4}


def coded(pixels: np.ndarray, bits: int, predictor: int) -> bytes:
    options = {"lossless": True, "predictor": predictor, "bitspersample": bits}
    return bytes(imagecodecs.jpeg8_encode(pixels, **options))


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("bits", PIXELS)
def test_what_is_whole_is_decoded(bits: int, predictor: int) -> None:
    decoded = decode_lossless(coded(PIXELS[bits], bits, predictor))
    assert np.array_equal(decoded, PIXELS[bits])


def test_the_largest_difference_of_all() -> None:
    pixels = np.zeros((64, 64), np.uint16)
    pixels[::2, ::3] = 32_768
    assert np.array_equal(decode_lossless(coded(pixels, 16, 1)), pixels)


def test_a_frame_in_colour_is_decoded_unchecked() -> None:
    colour = np.dstack([PIXELS[8]] * 3)
    assert decode_lossless(coded(colour, 8, 1)).shape == colour.shape


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "bit flipped"])
@pytest.mark.parametrize("predictor", [1, 4, 7])
def test_damage_is_found(predictor: int, damage: str) -> None:
    whole = coded(DEEP, 12, predictor)
    rng = np.random.default_rng(0)
    for _ in range(5):
        with pytest.raises((ScanError, RuntimeError)):
            decode_lossless(DAMAGES[damage](whole, rng))


def test_a_forged_end_is_told_as_a_cut() -> None:
    whole = coded(DEEP, 12, 1)
    with pytest.raises(ScanError, match="ends in the middle") as caught:
        decode_lossless(whole[: len(whole) // 2] + b"\xff\xd9")
    assert caught.value.reason is Reason.TRUNCATED


def test_a_byte_too_many_is_told_as_damage() -> None:
    whole = coded(DEEP, 12, 1)
    with pytest.raises(ScanError, match="more is coded than its pixels") as caught:
        decode_lossless(whole[:-2] + b"\x12" + whole[-2:])
    assert caught.value.reason is Reason.DAMAGED
