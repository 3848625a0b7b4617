from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from tests.films import bmp_bytes, dicom_bytes, draw_film, jpeg_bytes, png_bytes, tiff_bytes
from xrayscan.intake.formats import (
    EXTENSIONS,
    SNIFF_BYTES,
    UNREAD_EXTENSIONS,
    Format,
    foreign_kind,
    sniff,
)

FILM = draw_film(seed=1, width=96, height=80)


@pytest.mark.parametrize(
    ("data", "format"),
    [
        pytest.param(jpeg_bytes(FILM), Format.JPEG, id="jpeg"),
        pytest.param(jpeg_bytes(FILM)[2:], None, id="jpeg without its first marker"),
        pytest.param(png_bytes(FILM), Format.PNG, id="png"),
        pytest.param(png_bytes(FILM)[:7], None, id="png of seven bytes"),
        pytest.param(tiff_bytes(FILM), Format.TIFF, id="tiff little endian"),
        pytest.param(b"MM\x00*\x00\x00\x00\x08", Format.TIFF, id="tiff big endian"),
        pytest.param(tiff_bytes(FILM, big_tiff=True), Format.TIFF, id="big tiff"),
        pytest.param(bmp_bytes(FILM), Format.BMP, id="bmp"),
        pytest.param(b"BMI;age;sex\n21.4;63;F\n22.9;71;M\n", None, id="a table of BMI"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"\0" * SNIFF_BYTES, None, id="zero bytes"),
        pytest.param(b"\x02\0\0\0\x01\0\0\0\x05\0\0\0" * 9, None, id="small numbers"),
        pytest.param(dicom_bytes(FILM), Format.DICOM, id="dicom"),
        pytest.param(dicom_bytes(FILM)[:131], None, id="dicom cut within its magic word"),
        pytest.param(dicom_bytes(FILM)[132:], Format.DICOM, id="dicom from its meta header on"),
        pytest.param(
            jpeg_bytes(FILM)[:20] + dicom_bytes(FILM)[20:],
            Format.DICOM,
            id="dicom with another magic word in its preamble",
        ),
    ],
)
def test_format_is_told_by_content(data: bytes, format: Format | None) -> None:
    assert sniff(data[:SNIFF_BYTES]) is format


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian],
    ids=["implicit", "explicit", "big endian"],
)
def test_dicom_without_preamble_is_told_by_its_first_element(syntax: UID) -> None:
    assert sniff(dicom_bytes(FILM, syntax=syntax, preamble=False)[:SNIFF_BYTES]) is Format.DICOM


def test_compressed_picture_inside_does_not_hide_dicom() -> None:
    data = dicom_bytes(FILM, syntax=JPEGBaseline8Bit, frame=jpeg_bytes(FILM))
    assert sniff(data[:SNIFF_BYTES]) is Format.DICOM


@given(st.text(st.characters(min_codepoint=9, codec="utf-8"), max_size=SNIFF_BYTES))
def test_no_text_is_a_picture(text: str) -> None:
    assert sniff(text.encode()[:SNIFF_BYTES]) in (None, *([Format.DICOM] if "DICM" in text else []))


@given(st.binary(max_size=2 * SNIFF_BYTES))
def test_any_bytes_have_a_format_or_a_kind(data: bytes) -> None:
    assert sniff(data[:SNIFF_BYTES]) is not None or foreign_kind(data[:SNIFF_BYTES])


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"%PDF-1.7", "a PDF document"),
        (b"\n  <!DOCTYPE html>", "an HTML page"),
        (b"<html><body>404", "an HTML page"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"GIF89a", "a GIF picture"),
        (b"RIFF....WEBP", "a RIFF container (WebP, AVI)"),
        (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream"),
        (b"\xff\x0a\x12", "a JPEG XL codestream"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL file"),
        (b"\0\0\0\x1cftypheic", "a HEIC, AVIF or MP4 file"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of an older Office"),
        (b"\xef\xbb\xbf<html>", "an HTML page"),
        (b"name,age\r\nA,3\r\n", "text"),
        ("Grüße, Röntgen Thorax: ohne Befund".encode(), "text"),
        ("ä".encode() * 66, "text"),
        ("\ufeffBefund".encode(), "text"),
        ("cut ä".encode()[:-1], "text"),
        (b"cut \xff\xff", "no format that xrayscan knows"),
        (b"\x01\x02\x03", "no format that xrayscan knows"),
        (b"", "no format that xrayscan knows"),
    ],
)
def test_other_files_are_named_in_words(head: bytes, words: str) -> None:
    assert foreign_kind(head) == words


def test_extensions_are_lower_case_and_promise_one_thing() -> None:
    known = {*EXTENSIONS, *UNREAD_EXTENSIONS}
    assert len(known) == len(EXTENSIONS) + len(UNREAD_EXTENSIONS)
    assert all(name.startswith(".") and name == name.lower() for name in known)
    assert set(EXTENSIONS.values()) == set(Format)
