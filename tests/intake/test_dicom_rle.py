from __future__ import annotations

import struct

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import get_frame
from pydicom.filebase import DicomBytesIO
from pydicom.uid import RLELossless

from tests.films import dicom_bytes, draw_deep_film
from xrayscan.errors import ScanError
from xrayscan.intake.dicom_frame import first_frame
from xrayscan.intake.dicom_rle import decode_rle
from xrayscan.records import Reason

DEEP = draw_deep_film(seed=1)
SECTOR = 512  # what a broken disk or transfer loses


FILE = dicom_bytes(DEEP, bits_stored=12, syntax=RLELossless)
RLE = get_frame(pydicom.dcmread(DicomBytesIO(FILE)).PixelData, 0, number_of_frames=1)


def rle_frame(*segments: bytes) -> bytes:
    starts = [64 + sum(map(len, segments[:index])) for index in range(len(segments))]
    head = struct.pack("<16L", len(segments), *starts, *[0] * (15 - len(segments)))
    return head + b"".join(segments)


@pytest.mark.parametrize(
    ("segment", "whole"),
    [
        pytest.param(bytes([255 - 8, 7]), True, id="one byte ten times"),
        pytest.param(bytes([9, *range(10)]), True, id="ten bytes"),
        pytest.param(bytes([4, 1, 2, 3, 4, 5, 128, 252, 9]), True, id="five, nothing, five times"),
        pytest.param(bytes([9, *range(10), 0]), True, id="padded"),
        pytest.param(bytes([9, *range(10), 0, 0, 0, 0]), True, id="padded more than it should be"),
        pytest.param(bytes([8, *range(9)]), False, id="nine bytes"),
        pytest.param(bytes([9, *range(8)]), False, id="cut in its run"),
        pytest.param(bytes([255 - 18, 7]), False, id="twenty bytes"),
        pytest.param(bytes([9, *range(10), 0, 3]), False, id="eleven bytes"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_a_segment_holds_exactly_its_bytes(segment: bytes, whole: bool) -> None:
    frame = rle_frame(segment, bytes([255 - 8, 7]))
    if whole:
        assert decode_rle(frame, planes=2, pixels=10).shape == (10,)
        return
    with pytest.raises(ScanError) as caught:
        decode_rle(frame, planes=2, pixels=10)
    assert caught.value.reason is Reason.DAMAGED


@pytest.mark.parametrize("planes", [1, 3])
def test_as_many_segments_as_bytes_of_a_pixel(planes: int) -> None:
    with pytest.raises(ScanError):
        decode_rle(rle_frame(bytes([247, 7]), bytes([247, 7])), planes=planes, pixels=10)


@settings(max_examples=60)
@given(st.integers(0, len(RLE) - SECTOR), st.sampled_from(["zeros", "ones", "noise"]))
def test_a_lost_sector_of_an_rle_film_is_found(start: int, fill: str) -> None:
    noise = np.random.default_rng(start).bytes(SECTOR)
    filling = {"zeros": bytes(SECTOR), "ones": b"\xff" * SECTOR, "noise": noise}[fill]
    frame = RLE[:start] + filling + RLE[start + SECTOR :]
    with pytest.raises(ScanError) as caught:
        decode_rle(frame, planes=2, pixels=DEEP.size)
    assert caught.value.reason is Reason.DAMAGED


@pytest.mark.parametrize("padding", [0, 2, 40])
def test_a_whole_rle_film_is_decoded_however_padded(padding: int) -> None:
    data = dicom_bytes(DEEP, syntax=RLELossless, frame=RLE + bytes(padding))
    dataset = pydicom.dcmread(DicomBytesIO(data))
    assert np.array_equal(first_frame(dataset), DEEP)


@pytest.mark.parametrize(
    ("planes", "value"), [(1, 0x12), (2, 0x1234), (4, 0x12345678)], ids=["8", "16", "32 bits"]
)
def test_the_highest_byte_comes_first(planes: int, value: int) -> None:
    frame = rle_frame(*(bytes([247, byte]) for byte in value.to_bytes(planes, "big")))
    assert decode_rle(frame, planes=planes, pixels=10).tolist() == [value] * 10


def test_a_colour_frame_is_checked_plane_by_plane() -> None:
    frame = rle_frame(*(bytes([247, byte]) for byte in (1, 2, 3)))
    assert decode_rle(frame, planes=3, pixels=10).shape == (3, 10)
