from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.uid import (
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

from tests.films import draw_film, jpeg_bytes, odd_jpeg_bytes
from xrayscan.errors import ScanError
from xrayscan.intake.frame_codecs import FrameLayout, decode_frame
from xrayscan.records import Reason

FILM = draw_film(3, width=200, height=160)
LAYOUT = FrameLayout(rows=160, columns=200, samples=1, sample_bytes=1)


def jpeg2000(film: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(film).save(buffer, "JPEG2000", no_jp2=True)
    return buffer.getvalue()


FRAMES: dict[UID, bytes] = {
    JPEGBaseline8Bit: jpeg_bytes(FILM),
    JPEGLosslessSV1: bytes(imagecodecs.jpeg8_encode(FILM, lossless=True, predictor=1)),
    JPEGLSLossless: bytes(imagecodecs.jpegls_encode(FILM)),
    JPEG2000Lossless: jpeg2000(FILM),
}
# where the size stands, and how: width first where "x"
SIZES = {
    JPEGBaseline8Bit: (b"\xff\xc0", 5, ">HH"),
    JPEGLosslessSV1: (b"\xff\xc3", 5, ">HH"),
    JPEGLSLossless: (b"\xff\xf7", 5, ">HH"),
    JPEG2000Lossless: (b"\xff\x51", 6, ">LL"),
}


@pytest.mark.parametrize("syntax", FRAMES, ids=lambda syntax: syntax.name)
def test_a_grey_frame_is_decoded(syntax: UID) -> None:
    pixels = decode_frame(FRAMES[syntax], syntax, LAYOUT)
    assert pixels is not None
    assert np.abs(pixels.astype(int) - FILM).mean() < 3


@pytest.mark.parametrize("syntax", FRAMES, ids=lambda syntax: syntax.name)
def test_a_frame_that_claims_more_than_the_header_is_not_decoded(syntax: UID) -> None:
    marker, offset, numbers = SIZES[syntax]
    frame = bytearray(FRAMES[syntax])
    struct.pack_into(numbers, frame, frame.index(marker) + offset, 60_000, 60_000)
    with pytest.raises(ScanError, match="60000x60000 pixels, and its header says 200x160") as fault:
        decode_frame(bytes(frame), syntax, LAYOUT)
    assert fault.value.reason is Reason.DAMAGED


def test_kinds_that_only_others_decode() -> None:
    assert decode_frame(b"", HTJ2KLossless, LAYOUT) is None
    assert decode_frame(odd_jpeg_bytes(FILM), JPEGBaseline8Bit, LAYOUT) is None
    colour = FrameLayout(rows=160, columns=200, samples=3, sample_bytes=1)
    assert decode_frame(jpeg_bytes(FILM, "RGB"), JPEGBaseline8Bit, colour) is None


def test_a_frame_in_colour_is_checked_all_the_same() -> None:
    colour = FrameLayout(rows=160, columns=200, samples=3, sample_bytes=1)
    whole = jpeg_bytes(FILM, "RGB")
    with pytest.raises(ScanError):
        decode_frame(whole[: len(whole) // 2] + b"\xff\xd9", JPEGBaseline8Bit, colour)
