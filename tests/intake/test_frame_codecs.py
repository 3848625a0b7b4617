from __future__ import annotations

import io
import struct
from dataclasses import replace

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

from tests.films import draw_deep_film, draw_film, jpeg_bytes, odd_jpeg_bytes
from xrayscan.errors import ScanError
from xrayscan.intake.frame_codecs import FrameLayout, decode_frame
from xrayscan.records import Reason

FILM = draw_film(3, width=200, height=160)
DEEP = draw_deep_film(3, width=200, height=160)
LAYOUT = FrameLayout(rows=160, columns=200, samples=1, sample_bytes=1)
COLOUR = replace(LAYOUT, samples=3)


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
    coded = bytes(imagecodecs.jpegls_encode(np.dstack([FILM] * 3)))
    assert decode_frame(coded, JPEGLSLossless, COLOUR) is None


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        pytest.param(FRAMES[JPEGBaseline8Bit], JPEGLosslessSV1, id="lossy"),
        pytest.param(FRAMES[JPEGLosslessSV1], JPEGBaseline8Bit, id="lossless"),
        pytest.param(bytes(imagecodecs.ljpeg_encode(DEEP)), JPEGBaseline8Bit, id="deep lossless"),
    ],
)
def test_jpeg_that_is_named_as_the_other_family_is_checked_all_the_same(
    frame: bytes, named: UID
) -> None:
    pixels = decode_frame(frame, named, LAYOUT)
    assert pixels is not None
    assert np.corrcoef(pixels.ravel(), FILM.ravel())[0, 1] > 0.99
    middle = len(frame) // 2
    with pytest.raises(ScanError):
        decode_frame(frame[:middle] + bytes(512) + frame[middle + 512 :], named, LAYOUT)


def test_jpeg_with_odd_sampling_is_decoded() -> None:
    pixels = decode_frame(odd_jpeg_bytes(FILM), JPEGBaseline8Bit, COLOUR)
    assert np.abs(pixels.astype(int) - FILM).mean() < 3


def jpeg_without_marker(mode: str) -> bytes:
    """Take the first segment off, which names the colours: JFIF's, or Adobe's behind RGB."""
    whole = jpeg_bytes(FILM, "RGB", keep_rgb=mode == "RGB", subsampling=0)
    (length,) = struct.unpack_from(">H", whole, 4)
    unnamed = whole[:2] + whole[4 + length :]
    return unnamed.replace(b"R\x11\0G\x11\0B\x11\0", b"\1\x11\0\2\x11\0\3\x11\0").replace(
        b"\3R\0G\0B\0", b"\3\1\0\2\0\3\0"
    )


@pytest.mark.parametrize("mode", ["RGB", "YCbCr"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
def test_a_film_without_colour_is_the_same_in_any_colours(mode: str, named: bool) -> None:
    named_so = jpeg_bytes(FILM, "RGB", keep_rgb=mode == "RGB")
    frame = named_so if named else jpeg_without_marker(mode)
    pixels = decode_frame(frame, JPEGBaseline8Bit, COLOUR)
    assert np.abs(pixels.astype(int) - FILM).mean() < 3


def test_a_frame_in_colour_is_checked_all_the_same() -> None:
    whole = jpeg_bytes(FILM, "RGB")
    with pytest.raises(ScanError):
        decode_frame(whole[: len(whole) // 2] + b"\xff\xd9", JPEGBaseline8Bit, COLOUR)
