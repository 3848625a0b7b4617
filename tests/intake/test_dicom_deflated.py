from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.damage import DAMAGES
from tests.films import dicom_bytes, draw_deep_film
from xrayscan.errors import ScanError
from xrayscan.intake import dicom_deflated
from xrayscan.intake.dicom_deflated import read_deflated
from xrayscan.records import Reason

DEEP = draw_deep_film(3, width=200, height=160)
WHOLE = dicom_bytes(DEEP, bits_stored=12, syntax=DeflatedExplicitVRLittleEndian)
(META_LENGTH,) = struct.unpack_from("<L", WHOLE, 140)
START = 144 + META_LENGTH
PADDING = b"\xfc\xff\xfc\xffOB\0\0\x02\0\0\0\0\0"  # data set trailing padding


INFLATED = zlib.decompress(WHOLE[START:], -15)


def rewritten(inflated: bytes = INFLATED, after: bytes = b"", trailer: bytes = b"") -> bytes:
    """The film with something behind its picture, or behind its deflated data."""
    coder = zlib.compressobj(wbits=-15)
    return WHOLE[:START] + coder.compress(inflated + after) + coder.flush() + trailer


def gzip_trailer(wrong: int = 0) -> bytes:
    return struct.pack("<LL", zlib.crc32(INFLATED) ^ wrong, len(INFLATED))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(WHOLE, id="plain"),
        pytest.param(rewritten(trailer=b"\0"), id="padded to an even length"),
        pytest.param(rewritten(trailer=gzip_trailer()), id="with a checksum"),
        pytest.param(rewritten(trailer=bytes(20)), id="padded to a block"),
        pytest.param(rewritten(after=PADDING), id="trailing padding"),
    ],
)
def test_a_whole_file(data: bytes) -> None:
    dataset = read_deflated(data)
    assert dataset is not None
    assert np.array_equal(dataset.pixel_array, DEEP)


def test_a_file_without_a_picture_is_read() -> None:
    dataset = read_deflated(rewritten(INFLATED[: INFLATED.index(b"\xe0\x7f\x10\0")]))
    assert dataset is not None
    assert dataset.Rows == len(DEEP)
    assert "PixelData" not in dataset


def test_any_other_file_is_none() -> None:
    assert read_deflated(dicom_bytes(DEEP)) is None
    assert read_deflated(b"") is None
    named = dicom_bytes(DEEP, ImageComments=str(DeflatedExplicitVRLittleEndian))
    assert read_deflated(named) is None


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (WHOLE[: len(WHOLE) // 2], Reason.TRUNCATED, "ends early"),
        (rewritten(trailer=gzip_trailer(wrong=1)), Reason.DAMAGED, "wrong checksum"),
        (rewritten(after=b"\x10\x20"), Reason.DAMAGED, "goes on after its picture"),
        (WHOLE[:START] + b"\xff" * 400, Reason.DAMAGED, "cannot be inflated"),
    ],
    ids=["cut", "checksum", "too long", "no code"],
)
def test_what_is_not_whole_is_refused(data: bytes, reason: Reason, words: str) -> None:
    with pytest.raises(ScanError, match=words) as caught:
        read_deflated(data)
    assert caught.value.reason is reason


def test_a_bomb_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_deflated, "MAX_FILE_BYTES", 10_000)
    with pytest.raises(ScanError, match="inflates to more") as caught:
        read_deflated(WHOLE)
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("damage", ["page zeroed", "page overwritten", "shortened"])
def test_damage_within_changes_the_length(damage: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        try:
            dataset = read_deflated(DAMAGES[damage](WHOLE, rng))
        except (ScanError, EOFError):
            continue
        assert dataset is not None
        assert len(dataset.PixelData) < DEEP.nbytes, "which is told where it is decoded"
