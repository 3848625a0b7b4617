from __future__ import annotations

import io
import struct
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tests.films import draw_deep_film, draw_film, tiff_bytes
from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.options import USUAL
from xrayscan.intake.pillow import decode_with_pillow
from xrayscan.intake.tiff import checked_page
from xrayscan.records import Reason

FILM = draw_film(3, width=200, height=150)
CODINGS = ["raw", "packbits", "tiff_adobe_deflate", "tiff_deflate", "tiff_lzw"]


DEEP = draw_deep_film(3, width=200, height=150)


def check(data: bytes) -> np.ndarray | None:
    with Image.open(io.BytesIO(data)) as picture:
        assert isinstance(picture, TiffImagePlugin.TiffImageFile)
        return checked_page(data, picture.tag_v2)


def encoded(pixels: np.ndarray, **options: Any) -> bytes:
    # of a copy: for the other byte order it swaps the bytes where they are
    return bytes(imagecodecs.tiff_encode(pixels.copy(), **options))


PLAIN = {
    "deflate": tiff_bytes(FILM, compression="tiff_adobe_deflate"),
    "PackBits": tiff_bytes(FILM, compression="packbits"),
    "deflate, 16 bits": tiff_bytes(DEEP, compression="tiff_adobe_deflate"),
    "deflate, several strips": encoded(DEEP, compression=8, rowsperstrip=16),
    "deflate, tiles": encoded(DEEP, compression=8, tile=(64, 64)),
    "deflate, big-endian": encoded(DEEP, compression=8, byteorder=">", rowsperstrip=50),
    "differences": tiff_bytes(FILM, compression="tiff_adobe_deflate", tiffinfo={317: 2}),
    "differences, 16 bits": tiff_bytes(DEEP, compression="tiff_adobe_deflate", tiffinfo={317: 2}),
    "differences, tiles": encoded(DEEP, compression=8, tile=(64, 64), predictor=2),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_grey_page_is_decoded_as_pillow_does(kind: str) -> None:
    page = check(PLAIN[kind])
    assert page is not None
    assert page.dtype in (np.uint8, np.uint16)
    assert np.array_equal(page, FILM if page.dtype == np.uint8 else DEEP)


@pytest.mark.parametrize("coding", ["packbits", "jpeg"])
def test_a_predictor_says_nothing_of_codings_that_have_none(coding: str) -> None:
    """It is left over where a film was coded anew with its tags kept; libtiff passes it over."""
    page = check(tiff_bytes(FILM, compression=coding, tiffinfo={317: 2}))
    assert page is not None
    assert np.abs(page.astype(int) - FILM).mean() < 5


JPEGS = {
    "one table for all strips": tiff_bytes(FILM, compression="jpeg"),
    "tiles": encoded(FILM, compression=7, tile=(64, 64)),
}


@pytest.mark.parametrize("kind", JPEGS)
def test_jpeg_strips_are_decoded_and_checked(kind: str) -> None:
    whole = JPEGS[kind]
    page = check(whole)
    assert page is not None
    with Image.open(io.BytesIO(whole)) as picture:
        assert np.abs(np.array(picture).astype(int) - page).max() <= 1
    start = len(whole) // 2
    with pytest.raises(ScanError) as fault:
        check(whole[:start] + bytes(200) + whole[start + 200 :])
    assert (fault.value.format, fault.value.reason) == ("TIFF", Reason.DAMAGED)


def test_jpeg_strips_in_colour_are_checked() -> None:
    whole = tiff_bytes(FILM, "RGB", compression="jpeg")
    assert check(whole) is None
    start = len(whole) // 2
    with pytest.raises(ScanError):
        check(whole[:start] + bytes(200) + whole[start + 200 :])


def test_a_jpeg_strip_that_claims_any_size_is_not_decoded() -> None:
    whole = bytearray(JPEGS["one table for all strips"])
    start = whole.index(b"\xff\xc0") + 5
    whole[start : start + 4] = b"\xff" * 4
    with pytest.raises(ScanError, match="a strip is not whole"):
        check(bytes(whole))


@pytest.mark.parametrize(
    "change", [{273: ()}, {262: 0}, {274: 6}, {339: (4,)}, {277: 2, 258: (8, 8)}, {317: 3}],
    ids=["no strips", "white is zero", "turned", "void", "two samples", "floating differences"],
)  # fmt: skip
def test_pages_that_are_not_plain_are_left_to_pillow(change: dict[int, Any]) -> None:
    data = PLAIN["PackBits"]
    with Image.open(io.BytesIO(data)) as picture:
        tags = dict(picture.tag_v2) | change  # type: ignore[attr-defined]
    if 277 in change:
        tags[256] //= 2
    assert checked_page(data, tags) is None


@pytest.mark.parametrize("film", [FILM, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("coding", ["raw", "tiff_adobe_deflate", "tiff_lzw"])
def test_a_page_that_does_not_say_what_black_is(film: np.ndarray, coding: str) -> None:
    """Libraries take it one way or the other, by its coding and depth."""
    whole = tiff_bytes(film, compression=coding)
    photometric, another = (struct.pack("<HHLL", tag, 3, 1, 1) for tag in (262, 263))
    assert whole.count(photometric) == 1
    with pytest.raises(ScanError, match="does not say whether black or white is zero") as caught:
        check(whole.replace(photometric, another))
    assert caught.value.reason is Reason.DAMAGED


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P", "CMYK"])
def test_whole_strips(coding: str, mode: str) -> None:
    picture = Image.fromarray(FILM).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF", compression=coding)
    check(buffer.getvalue())


@pytest.mark.parametrize("coding", CODINGS)
def test_whole_strips_of_16_bits(coding: str) -> None:
    check(tiff_bytes(DEEP, compression=coding))


def strips(data: bytes) -> list[tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as picture:
        tags = picture.tag_v2  # type: ignore[attr-defined]
        return list(zip(tags[273], tags[279], strict=True))


@pytest.mark.parametrize("coding", ["packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("which", [0, -1], ids=["first strip", "last strip"])
def test_a_strip_that_is_not_whole(coding: str, which: int) -> None:
    data = bytearray(tiff_bytes(FILM, compression=coding))
    start, length = strips(bytes(data))[which]
    data[start + length // 3 : start + length // 2] = bytes(length // 2 - length // 3)
    with pytest.raises(ScanError, match="a strip is not whole") as fault:
        check(bytes(data))
    assert fault.value.reason is Reason.DAMAGED


@pytest.mark.parametrize("coding", CODINGS)
def test_a_strip_that_is_not_there(coding: str) -> None:
    data = tiff_bytes(FILM, compression=coding)
    tags_first = strips(data)[-1][0] + strips(data)[-1][1] == len(data)
    if not tags_first:
        pytest.skip("this encoder writes the tags last: a cut file has none")
    with pytest.raises(ScanError, match="ends in the middle") as fault:
        check(data[:-20])
    assert fault.value.reason is Reason.TRUNCATED


def test_a_strip_that_inflates_to_more_than_its_rows() -> None:
    """Nothing beyond what is needed is ever inflated."""
    import zlib

    bomb = zlib.compress(bytes(50_000_000))
    tags = {256: 200, 257: 150, 258: (8,), 259: 8, 262: 1, 273: (0,), 278: 150}
    tags[279] = (len(bomb),)
    with pytest.raises(ScanError, match="not whole"):
        checked_page(bomb, tags)


@pytest.mark.parametrize("compression", [1, 5, 7, 8, 32773], ids=str)
def test_tiles_larger_than_any_film_are_not_decoded(compression: int) -> None:
    """A small picture in a tile of 3,600 megapixels, which deflated black takes 4 MB."""
    data = encoded(FILM, compression=8, tile=(64, 64))
    data = data.replace(_short(259, 8), tag := _short(259, compression))
    assert tag in data
    for side in (322, 323):
        data = data.replace(_short(side, 64), tag := _short(side, 60_000))
        assert tag in data
    with pytest.raises(ScanError, match="60000x60000 pixels") as caught:
        decode_with_pillow(data, Format.TIFF, USUAL)
    assert caught.value.reason is Reason.TOO_LARGE


def _short(tag: int, value: int) -> bytes:
    """An entry of a page's directory with one value of 16 bits."""
    return struct.pack("<HHII", tag, 3, 1, value)


@pytest.mark.parametrize("planar", [1, 2], ids=["together", "apart"])
def test_strips_and_tiles_by_hand(planar: int) -> None:
    """Two tiles across and two down of 2 samples; each 16 x 16, whatever the picture's size."""
    one = np.arange(16 * 16 * (1 if planar == 2 else 2), dtype=np.uint8).tobytes()
    count = 8 if planar == 2 else 4
    tags = {
        256: 20, 257: 30, 258: (8, 8), 259: 1, 262: 1, 277: 2, 284: planar, 322: 16, 323: 16,
        324: tuple(len(one) * n for n in range(count)), 325: (len(one),) * count,
    }  # fmt: skip
    checked_page(one * count, tags)
    with pytest.raises(ScanError, match="ends in the middle"):
        checked_page((one * count)[:-1], tags)
