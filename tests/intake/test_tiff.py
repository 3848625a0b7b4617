from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from tests.films import draw_deep_film, draw_film, tiff_bytes
from xrayscan.errors import ScanError
from xrayscan.intake.tiff import check_strips
from xrayscan.records import Reason

FILM = draw_film(3, width=200, height=150)
CODINGS = ["raw", "packbits", "tiff_adobe_deflate", "tiff_deflate", "tiff_lzw"]


def check(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as picture:
        assert isinstance(picture, TiffImagePlugin.TiffImageFile)
        check_strips(data, picture.tag_v2)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P", "CMYK"])
def test_whole_strips(coding: str, mode: str) -> None:
    picture = Image.fromarray(FILM).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF", compression=coding)
    check(buffer.getvalue())


@pytest.mark.parametrize("coding", CODINGS)
def test_whole_strips_of_16_bits(coding: str) -> None:
    check(tiff_bytes(draw_deep_film(3), compression=coding))


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
    tags = {256: 200, 257: 150, 258: (8,), 259: 8, 273: (0,), 278: 150, 279: (len(bomb),)}
    with pytest.raises(ScanError, match="not whole"):
        check_strips(bomb, tags)


@pytest.mark.parametrize("planar", [1, 2], ids=["together", "apart"])
def test_strips_and_tiles_by_hand(planar: int) -> None:
    """Two tiles across and two down of 2 samples; each 16 x 16, whatever the picture's size."""
    one = np.arange(16 * 16 * (1 if planar == 2 else 2), dtype=np.uint8).tobytes()
    count = 8 if planar == 2 else 4
    tags = {
        256: 20, 257: 30, 258: (8, 8), 259: 1, 277: 2, 284: planar, 322: 16, 323: 16,
        324: tuple(len(one) * n for n in range(count)), 325: (len(one),) * count,
    }  # fmt: skip
    check_strips(one * count, tags)
    with pytest.raises(ScanError, match="ends in the middle"):
        check_strips((one * count)[:-1], tags)
