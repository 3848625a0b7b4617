from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.films import draw_deep_film, draw_film, jpeg_bytes, picture
from tests.intake.reasons import reason_of
from xrayscan.errors import ScanError
from xrayscan.intake.integrity import (
    MAX_FILE_BYTES,
    check_extent,
    check_jpeg_end,
    check_not_blank,
    check_pixel_count,
    check_size,
    grey_spread,
    size_words,
)
from xrayscan.intake.options import MAX_PIXELS, USUAL, DecodeOptions
from xrayscan.records import Radiograph, Reason

FILM = draw_film(seed=1, width=96, height=80)
JPEG = jpeg_bytes(FILM)


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (0, Reason.EMPTY),
        (1, None),
        (MAX_FILE_BYTES, None),
        (MAX_FILE_BYTES + 1, Reason.TOO_LARGE),
    ],
)
def test_size_of_the_file(size: int, reason: Reason | None) -> None:
    assert reason_of(lambda: check_size(size)) is reason


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (10_000, MAX_PIXELS // 10_000, None),
        (10_000, MAX_PIXELS // 10_000 + 1, Reason.TOO_LARGE),
        (65_000, 65_000, Reason.TOO_LARGE),
        (0, 500, Reason.DAMAGED),
        (500, 0, Reason.DAMAGED),
        (500, -1, Reason.DAMAGED),
        (1, 1, None),
    ],
)
def test_pixels_that_a_header_claims(width: int, height: int, reason: Reason | None) -> None:
    assert reason_of(lambda: check_pixel_count(width, height, "PNG", USUAL)) is reason


def test_too_many_pixels_says_what_was_claimed() -> None:
    with pytest.raises(ScanError) as caught:
        check_pixel_count(20_000, 20_000, "TIFF", USUAL)
    assert caught.value.detail == (
        "its header says 20000x20000 pixels, more than 100 megapixels; export it smaller, or raise "
        "--max-pixels"
    )


def test_the_limit_can_be_set() -> None:
    assert reason_of(lambda: check_pixel_count(100, 101, "PNG", DecodeOptions(10_000))) is (
        Reason.TOO_LARGE
    )
    large = DecodeOptions(10**9)
    assert reason_of(lambda: check_pixel_count(20_000, 20_000, "PNG", large)) is None


# --- JPEG ---------------------------------------------------------------------------------------


def with_thumbnail(jpeg: bytes, before: bytes = b"") -> bytes:
    """Put a whole small JPEG, end marker and all, into the header's second segment."""
    thumbnail = b"Exif\0\0" + jpeg_bytes(draw_film(seed=2, width=64, height=64))
    segment = before + struct.pack(">HH", 0xFFE1, len(thumbnail) + 2) + thumbnail
    second = 4 + int.from_bytes(jpeg[4:6])  # behind the start of the image and its JFIF segment
    return jpeg[:second] + segment + jpeg[second:]


JPEGS = {
    "plain": JPEG,
    "with thumbnail": with_thumbnail(JPEG),
    "with thumbnail behind fill bytes": with_thumbnail(JPEG, b"\xff\xff"),
}


@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS)
def test_jpeg_is_whole_up_to_its_end_marker_only(data: bytes) -> None:
    assert reason_of(lambda: check_jpeg_end(data)) is None
    assert reason_of(lambda: check_jpeg_end(data + b"\0" * 100)) is None, "padding does no harm"
    for length in range(len(data)):
        assert reason_of(lambda: check_jpeg_end(data[:length])) is Reason.TRUNCATED, length  # noqa: B023


def test_code_that_begins_like_a_segment_is_code() -> None:
    code = bytes.fromhex("ffd8 ffda0004 0000 ff004000 ffd9")
    assert reason_of(lambda: check_jpeg_end(code)) is None


@pytest.mark.parametrize(("count", "words"), [(999, "999 bytes"), (1000, "1 kB"), (1600, "2 kB")])
def test_a_size_in_words(count: int, words: str) -> None:
    assert size_words(count) == words


# --- what is no film, though a whole picture ----------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (64, 64, None),
        (63, 500, Reason.TOO_SMALL),
        (500, 63, Reason.TOO_SMALL),
        (400, 100, None),
        (401, 100, Reason.ASPECT_RATIO),
        (100, 401, Reason.ASPECT_RATIO),
    ],
)
def test_extent(width: int, height: int, reason: Reason | None) -> None:
    radiograph = Radiograph(np.zeros((height, width), np.uint8), 255, "PNG")
    assert reason_of(lambda: check_extent(radiograph)) is reason


DEEP = draw_deep_film(seed=1)


@pytest.mark.parametrize(
    ("pixels", "peak", "reason"),
    [
        pytest.param(FILM, 255, None, id="film"),
        pytest.param(255 - FILM, 255, None, id="inverted film"),
        pytest.param(FILM // 8, 255, None, id="dark film"),
        pytest.param(DEEP, 4095, None, id="12 bits"),
        pytest.param(DEEP, 65_535, None, id="12 bits of 16"),
        pytest.param(np.full((200, 200), 128, np.uint8), 255, Reason.BLANK, id="grey"),
        pytest.param(np.full((200, 200), 4095, np.uint16), 4095, Reason.BLANK, id="white"),
        pytest.param(np.zeros((200, 200), np.uint16), 65_535, Reason.BLANK, id="black"),
        pytest.param(128 + FILM % 4, 255, Reason.BLANK, id="grey with noise"),
        pytest.param(
            np.pad(np.full((12, 12), 255, np.uint8), 100), 255, Reason.BLANK, id="black with a mark"
        ),
    ],
)
def test_blank(pixels: np.ndarray, peak: int, reason: Reason | None) -> None:
    assert reason_of(lambda: check_not_blank(Radiograph(pixels, peak, "PNG"))) is reason


@given(st.integers(0, 255), st.integers(1, 256), st.integers(0, 2**32 - 1))
def test_the_spread_is_that_of_each_16th_pixel_at_any_depth(low: int, wide: int, seed: int) -> None:
    levels = np.random.default_rng(seed).integers(low, min(low + wide, 256), (50, 30))
    ranked = np.sort(levels[::4, ::4], axis=None)
    first, last = (ranked[int(np.ceil(share * ranked.size)) - 1] for share in (0.01, 0.99))
    assert grey_spread(levels.astype(np.uint8)) == last - first
    assert grey_spread(levels.astype(np.uint16) * 2) == 2 * (last - first)


def test_the_fault_knows_the_format() -> None:
    radiograph = Radiograph(np.asarray(picture(FILM[:40])), 255, "DICOM (RLE Lossless)")
    with pytest.raises(ScanError) as caught:
        check_extent(radiograph)
    assert caught.value.format == "DICOM (RLE Lossless)"
