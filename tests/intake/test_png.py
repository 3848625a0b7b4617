from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.films import draw_deep_film, draw_film, exif, png_bytes
from tests.intake.reasons import reason_of
from xrayscan.errors import ScanError
from xrayscan.intake import pillow, png
from xrayscan.intake.options import USUAL
from xrayscan.intake.png import decode_png
from xrayscan.records import Radiograph, Reason

FILM = draw_film(seed=1, width=96, height=80)
DEEP = draw_deep_film(seed=1, width=96, height=80)
PNG = png_bytes(FILM)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(kind: bytes, body: bytes) -> bytes:
    return PNG[:33] + chunk(kind, body) + PNG[33:]


PLAIN = {
    "8 bits": PNG,
    "16 bits": png_bytes(DEEP),
    "colour": png_bytes(FILM, "RGB"),
    "resolution": png_bytes(FILM, dpi=(300, 300)),
    "a text": with_chunk(b"tEXt", b"Comment\0chest"),
    "gamma": with_chunk(b"gAMA", struct.pack(">I", 45_455)),
}
OTHERS = {
    "palette": png_bytes(FILM, "P"),
    "alpha": png_bytes(FILM, "LA"),
    "turned": png_bytes(FILM, exif=exif(3)),
    "turned in a text": with_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n0\n"),
    "one shade transparent": with_chunk(b"tRNS", b"\0\7"),
}


def decoded_by(data: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[Radiograph, bool]:
    """Decode a file, and tell whether Pillow was asked."""
    asked = []

    def ask(*given: object) -> Radiograph:
        asked.append(given)
        return original(*given)

    original = pillow.decode_with_pillow
    monkeypatch.setattr(png, "decode_with_pillow", ask)
    return decode_png(data, USUAL), bool(asked)


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_pictures_are_decoded_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    radiograph, by_pillow = decoded_by(PLAIN[kind], monkeypatch)
    assert not by_pillow
    expected = DEEP if radiograph.pixels.dtype == np.uint16 else FILM
    assert radiograph.peak == (4095 if expected is DEEP else 255)
    assert np.array_equal(radiograph.pixels, expected)


@pytest.mark.parametrize("kind", OTHERS)
def test_pictures_that_need_more_are_left_to_pillow(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    radiograph, by_pillow = decoded_by(OTHERS[kind], monkeypatch)
    assert by_pillow
    turned = np.rot90(FILM, 2) if kind == "turned" else FILM
    assert np.array_equal(radiograph.pixels, turned)


def test_png_is_whole_up_to_its_last_byte_only() -> None:
    assert reason_of(lambda: decode_png(PNG, USUAL)) is None
    assert reason_of(lambda: decode_png(PNG + b"tail", USUAL)) is None
    for length in range(8, len(PNG), 7):
        assert reason_of(lambda: decode_png(PNG[:length], USUAL)) is Reason.TRUNCATED, length  # noqa: B023


@settings(max_examples=300)
@given(st.integers(8, len(PNG) - 1), st.integers(1, 255))
def test_any_byte_of_a_png_changed_is_found(position: int, change: int) -> None:
    damaged = bytearray(PNG)
    damaged[position] ^= change
    assert reason_of(lambda: decode_png(bytes(damaged), USUAL)) in (
        Reason.DAMAGED,
        Reason.TRUNCATED,  # a length that now points past the end
    )


def test_a_wrong_checksum_names_its_chunk() -> None:
    damaged = bytearray(PNG)
    damaged[PNG.index(b"IDAT") + 40] ^= 1
    with pytest.raises(ScanError, match="checksum of its IDAT chunk is wrong"):
        decode_png(bytes(damaged), USUAL)


@pytest.mark.parametrize("kind", [b"\x1b[2J", b"Wang", b"\xffabc"], ids=str)
def test_bytes_of_a_damaged_file_are_not_told_as_a_chunk_s_name(kind: bytes) -> None:
    damaged = PNG.replace(b"IDAT", kind)
    with pytest.raises(ScanError, match="checksum of an unknown chunk is wrong"):
        decode_png(damaged, USUAL)


def test_a_chunk_of_no_known_kind_is_checked_too() -> None:
    right = chunk(b"prVt", b"anything")
    assert reason_of(lambda: decode_png(PNG[:33] + right + PNG[33:], USUAL)) is None
    wrong = right[:-1] + bytes([right[-1] ^ 1])
    assert reason_of(lambda: decode_png(PNG[:33] + wrong + PNG[33:], USUAL)) is Reason.DAMAGED
