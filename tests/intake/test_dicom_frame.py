from __future__ import annotations

import copy
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.encaps import get_frame
from pydicom.filebase import DicomBytesIO
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.films import dicom_bytes, draw_deep_film, draw_film, jpeg_bytes, odd_jpeg_bytes
from xrayscan.errors import ScanError
from xrayscan.intake.dicom_frame import decoder_words, first_frame
from xrayscan.intake.read import Content, decode
from xrayscan.records import Reason

FILM = draw_film(seed=1)
DEEP = draw_deep_film(seed=1)
SECTOR = 512  # what a broken disk or transfer loses


def frame_of(data: bytes) -> bytes:
    return get_frame(pydicom.dcmread(DicomBytesIO(data)).PixelData, 0, number_of_frames=1)


def refused(data: bytes) -> ScanError:
    with pytest.raises(ScanError) as caught:
        first_frame(pydicom.dcmread(DicomBytesIO(data)))
    assert caught.value.format == "DICOM"
    return caught.value


def lose_a_sector(whole: bytes, start: int, filling: bytes) -> bytes:
    return whole[:start] + filling + whole[start + len(filling) :]


# --- bits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless], ids=["plain", "RLE"])
@pytest.mark.parametrize("moved", [0, 4], ids=["header errs", "at the top"])
def test_values_may_lie_at_the_top_of_their_cells(syntax: UID, moved: int) -> None:
    junk = np.uint16(5 if moved else 0)  # below the values there may be anything
    data = dicom_bytes(DEEP << moved | junk, bits_stored=12, syntax=syntax, HighBit=15)
    assert np.array_equal(first_frame(pydicom.dcmread(DicomBytesIO(data))), DEEP)


@pytest.mark.parametrize("high", [0, 200], ids=str)
def test_a_highest_bit_that_cannot_be_says_nothing(high: int) -> None:
    data = dicom_bytes(DEEP, bits_stored=12, HighBit=high)
    assert np.array_equal(first_frame(pydicom.dcmread(DicomBytesIO(data))), DEEP)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless], ids=["plain", "RLE"])
@pytest.mark.parametrize("bits", [10, 11])
def test_values_of_more_bits_than_the_header_says_do_not_wrap(syntax: UID, bits: int) -> None:
    data = dicom_bytes(DEEP, bits_stored=bits, syntax=syntax)
    assert np.array_equal(first_frame(pydicom.dcmread(DicomBytesIO(data))), DEEP)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless], ids=["plain", "RLE"])
def test_overlays_above_the_values_are_no_part_of_them(syntax: UID) -> None:
    overlay = np.zeros_like(DEEP)
    overlay[50:100, 60:200] = 1 << 12 | 1 << 15
    data = dicom_bytes(DEEP | overlay, bits_stored=12, syntax=syntax)
    assert np.array_equal(first_frame(pydicom.dcmread(DicomBytesIO(data))), DEEP)


CODES: dict[str, tuple[UID, Callable[..., bytes | bytearray | memoryview]]] = {
    "JPEG 2000": (JPEG2000Lossless, partial(imagecodecs.jpeg2k_encode, codecformat="j2k")),
    "JPEG-LS": (JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG Lossless": (JPEGLossless, imagecodecs.ljpeg_encode),
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_knows_its_own_depth(code: str) -> None:
    syntax, encode = CODES[code]
    data = dicom_bytes(DEEP, bits_stored=10, syntax=syntax, frame=bytes(encode(DEEP)))
    assert np.array_equal(first_frame(pydicom.dcmread(DicomBytesIO(data))), DEEP)


@pytest.mark.parametrize("code", CODES)
def test_a_code_of_more_bits_than_a_cell_is_not_cut(code: str) -> None:
    syntax, encode = CODES[code]
    data = dicom_bytes(FILM, syntax=syntax, frame=bytes(encode(DEEP)))
    assert np.array_equal(first_frame(pydicom.dcmread(DicomBytesIO(data))), DEEP)


@pytest.mark.parametrize("code", CODES)
def test_overlays_that_were_coded_with_the_values_are_no_part_of_them(code: str) -> None:
    syntax, encode = CODES[code]
    overlaid = DEEP.copy()
    overlaid[50:100, 60:200] |= 1 << 12
    data = dicom_bytes(overlaid, bits_stored=12, syntax=syntax, frame=bytes(encode(overlaid)))
    dataset = pydicom.dcmread(DicomBytesIO(data))
    dataset.add_new((0x6000, 0x0100), "US", 16)
    dataset.add_new((0x6000, 0x0102), "US", 12)
    assert np.array_equal(first_frame(dataset), DEEP)


# --- fragments ----------------------------------------------------------------------------------


def fragments(frame: bytes, table: list[int]) -> bytes:
    """Put a frame into three fragments behind any table of offsets."""
    cut = len(frame) // 6 * 2
    parts = [frame[:cut], frame[cut : 2 * cut], frame[2 * cut :] + b"\0" * (len(frame) % 2)]
    items = [struct.pack(f"<{len(table)}L", *table), *parts]
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<L", len(each)) + each for each in items)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([], id="empty"),
        pytest.param([0], id="right"),
        pytest.param([0, 4000, 8000], id="of fragments"),
        pytest.param([8], id="counted from elsewhere"),
        pytest.param([10**7], id="beyond the end"),
    ],
)
@pytest.mark.parametrize("samples", [1, 3], ids=["grey", "colour"])
def test_all_fragments_of_one_frame_are_its_own(table: list[int], samples: int) -> None:
    film = FILM if samples == 1 else np.dstack([FILM] * 3)
    coded = bytes(imagecodecs.jpegls_encode(film))
    photometric = "MONOCHROME2" if samples == 1 else "RGB"
    data = dicom_bytes(film, photometric=photometric, syntax=JPEGLSLossless, frame=coded)
    dataset = pydicom.dcmread(DicomBytesIO(data))
    dataset.PixelData = fragments(coded, table)
    assert np.array_equal(first_frame(dataset), film)


def test_an_extended_table_of_offsets_that_errs_is_not_asked() -> None:
    film = np.dstack([FILM] * 3)
    coded = bytes(imagecodecs.jpegls_encode(film))
    table = {
        keyword: struct.pack("<Q", value)
        for keyword, value in {"ExtendedOffsetTable": 8, "ExtendedOffsetTableLengths": 9}.items()
    }
    data = dicom_bytes(film, photometric="RGB", syntax=JPEGLSLossless, frame=coded, **table)
    assert np.array_equal(first_frame(pydicom.dcmread(DicomBytesIO(data))), film)


# --- JPEG ---------------------------------------------------------------------------------------


def in_dicom(jpeg: bytes) -> bytes:
    return dicom_bytes(FILM, syntax=JPEGBaseline8Bit, frame=jpeg)


@pytest.mark.parametrize("fill", ["zeros", "ones", "noise"])
def test_a_lost_sector_of_a_jpeg_inside_is_found(fill: str) -> None:
    whole = jpeg_bytes(FILM)
    rng = np.random.default_rng(0)
    for start in rng.integers(800, len(whole) - SECTOR, size=10):
        filling = {"zeros": bytes(SECTOR), "ones": b"\xff" * SECTOR, "noise": rng.bytes(SECTOR)}
        fault = refused(in_dicom(lose_a_sector(whole, int(start), filling[fill])))
        assert fault.reason in (Reason.DAMAGED, Reason.TRUNCATED)


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["no end", "forged end"])
def test_a_jpeg_cut_before_it_was_put_inside_is_refused(end: bytes) -> None:
    whole = jpeg_bytes(FILM)
    for share in (0.1, 0.5, 0.9, 0.999):
        fault = refused(in_dicom(whole[: int(len(whole) * share)] + end))
        assert fault.reason is (Reason.DAMAGED if end else Reason.TRUNCATED)


def test_a_jpeg_with_odd_sampling_inside_is_decoded_and_checked() -> None:
    whole = odd_jpeg_bytes(FILM)
    colour = np.dstack([FILM] * 3)
    film = dicom_bytes(colour, photometric="RGB", syntax=JPEGBaseline8Bit, frame=whole)
    assert decode(Content(film, ""), "film.dcm").pixels.shape == FILM.shape
    cut = whole[: len(whole) // 2] + b"\xff\xd9"
    refused(dicom_bytes(colour, photometric="RGB", syntax=JPEGBaseline8Bit, frame=cut))


@pytest.mark.parametrize("film", [FILM, DEEP], ids=["8 bits", "12 bits"])
def test_lossy_jpeg_has_no_sign_whatever_the_header_says(film: np.ndarray) -> None:
    bits = 8 if film is FILM else 12
    jpeg = bytes(imagecodecs.jpeg8_encode(film, level=95, bitspersample=bits))
    options = {"bits_stored": bits, "syntax": JPEGExtended12Bit, "frame": jpeg}
    plain, signed = (
        first_frame(pydicom.dcmread(DicomBytesIO(dicom_bytes(film, **options, **declared))))
        for declared in ({}, {"PixelRepresentation": 1})
    )
    assert np.array_equal(signed, plain)
    assert np.abs(plain.astype(int) - film).mean() < 2**bits / 100


@pytest.fixture(scope="module")
def extended() -> pydicom.Dataset:
    path = pydicom.data.get_testdata_file("JPGExtended.dcm")
    if path is None:
        pytest.skip("needs pydicom-data")
    return pydicom.dcmread(path)


def test_a_real_jpeg_of_12_bits_is_decoded_and_checked(extended: pydicom.Dataset) -> None:
    assert first_frame(extended).max() > 255
    whole = get_frame(extended.PixelData, 0, number_of_frames=1)
    shape = np.zeros((extended.Rows, extended.Columns), np.uint16)
    for start in np.linspace(1000, len(whole) - 2 * SECTOR, 8, dtype=int):
        frame = lose_a_sector(whole, int(start), bytes(SECTOR))
        data = dicom_bytes(shape, bits_stored=12, syntax=JPEGExtended12Bit, frame=frame)
        assert refused(data).reason is Reason.DAMAGED


def test_the_end_of_the_spectrum_says_nothing_in_a_scan_of_12_bits(
    extended: pydicom.Dataset,
) -> None:
    """Some encoders write 0 where 63 has to stand (T.81, B.2.3)."""
    usual = first_frame(copy.copy(extended))
    whole = get_frame(extended.PixelData, 0, number_of_frames=1)
    odd = whole.replace(b"\xff\xda\0\x08\1\1\0\0\x3f\0", b"\xff\xda\0\x08\1\1\0\0\0\0")
    assert odd != whole
    data = dicom_bytes(usual, bits_stored=12, syntax=JPEGExtended12Bit, frame=odd)
    assert np.array_equal(first_frame(pydicom.dcmread(DicomBytesIO(data))), usual)


# --- words --------------------------------------------------------------------------------------


def test_the_detail_is_one_short_sentence() -> None:
    data = dicom_bytes(FILM)
    assert refused(data[: len(data) // 2]).detail == (
        "its pixel data cannot be decoded (The number of bytes of pixel data is less than "
        f"expected ({len(data) // 2 - len(data) + FILM.size} vs {FILM.size} bytes)); "
        "copy it again from its source"
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("A value of 'DOE^JOHN' is odd", "A value of ... is odd"),
        ("A value of 'O'NEIL^JO' is odd", "A value of ... is odd"),
        ('A value of "DOE^JOHN" is odd', "A value of ... is odd"),
        ("'DOE' and 'JOHN'", "..."),
        ("The dataset's rows don't fit", "The dataset's rows don't fit"),
        (
            "A value of 'DOE' for (0028,0004) 'Photometric Interpretation' is odd",
            "A value of ... for (0028,0004) Photometric Interpretation is odd",
        ),
        ("(0028,0004) 'DOE^JOHN' is odd", "(0028,0004) ... is odd"),
        ("(0009,0001) 'DOE^JOHN' is odd", "(0009,0001) ... is odd"),
        ("A value of 'DOE - JOHN' is odd", "A value of ... is odd"),
        ("A value of 'DOE\nJOHN' is odd", "A value of ... is odd"),
        ("no whole number: b'DOE^JOHN'", "no whole number: ..."),
        ("All of them failed:\n one: 'DOE' is odd", "All of them failed"),
    ],
)
def test_a_decoder_s_words_hold_no_value_of_the_header(message: str, words: str) -> None:
    assert decoder_words(ValueError(message)) == words


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["DOE^JOHN", "DOE - JOHN", "DOE\n-"])
def test_a_name_in_a_wrong_place_does_not_get_into_a_row(name: str) -> None:
    assert "DOE" not in refused(dicom_bytes(FILM, photometric=name)).detail


def test_real_lossless_jpeg_without_its_end_is_truncated(shared_data: Path) -> None:
    path = shared_data / "dicom" / "other-body-part" / "RG2_JPLL.dcm"
    dataset = pydicom.dcmread(path)
    whole = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.PixelData = pydicom.encaps.encapsulate([whole[: len(whole) // 2]])
    with pytest.raises(ScanError) as caught:
        first_frame(dataset)
    assert caught.value.reason is Reason.TRUNCATED
