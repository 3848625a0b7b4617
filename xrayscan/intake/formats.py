"""Which format a file has, told by its content, and which names promise a picture."""

from __future__ import annotations

import codecs
import re
from enum import StrEnum

SNIFF_BYTES = 132  # a DICOM file shows its magic word last: after a preamble of 128 bytes


class Format(StrEnum):
    """The formats that xrayscan reads."""

    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    BMP = "BMP"
    DICOM = "DICOM"


_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"II*\x00", Format.TIFF),
    (b"MM\x00*", Format.TIFF),
    (b"II+\x00", Format.TIFF),  # BigTIFF
    (b"MM\x00+", Format.TIFF),
)

# "BM" begins many a text; the header that follows it in a picture is shorter than 256 bytes.
_BMP = re.compile(rb"BM.{13}\0\0\0", re.DOTALL)

# A DICOM file without preamble begins with its first element: of group 2, which always names its
# value representation, or of group 8 in little endian, explicit or implicit, or in big endian.
_BARE_DICOM = re.compile(
    rb"\x02\0.\0[A-Z]{2}|\x08\0.\0(?:[A-Z]{2}|..\0\0)|\0\x08\0.[A-Z]{2}", re.DOTALL
)

# What people give a wrong name to; said in the row so that they know what they are looking at.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\xd0\xcf\x11\xe0", "a document of an older Office"),
    (b"GIF8", "a GIF picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 file"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL file"),
    (b"\xff\x0a", "a JPEG XL codestream"),
    (b"RIFF", "a RIFF container (WebP, AVI)"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<!doctype", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML document"),
)

EXTENSIONS: dict[str, Format] = {
    ".jpg": Format.JPEG,
    ".jpeg": Format.JPEG,
    ".jpe": Format.JPEG,
    ".jfif": Format.JPEG,
    ".png": Format.PNG,
    ".tif": Format.TIFF,
    ".tiff": Format.TIFF,
    ".bmp": Format.BMP,
    ".dib": Format.BMP,
    ".dcm": Format.DICOM,
    ".dicom": Format.DICOM,
    ".dic": Format.DICOM,
    ".ima": Format.DICOM,
}

# Pictures that xrayscan cannot read: they become rows that say so instead of being passed over.
UNREAD_EXTENSIONS = frozenset(
    {".gif", ".webp", ".heic", ".avif", ".jp2", ".j2k", ".jxl", ".nii", ".nrrd", ".mha", ".pgm"}
)


def sniff(head: bytes) -> Format | None:
    """Tell the format from a file's first ``SNIFF_BYTES`` bytes; None where it is none we read."""
    if head[128:132] == b"DICM":
        return Format.DICOM
    for magic, format in _MAGIC:
        if head.startswith(magic):
            return format
    if _BMP.match(head):
        return Format.BMP
    return Format.DICOM if _BARE_DICOM.match(head) else None


def foreign_kind(head: bytes) -> str:
    """Say in words what a file that is no film of ours is, e.g. "a PDF document"."""
    begins = head.removeprefix(codecs.BOM_UTF8)
    for magic, words in _FOREIGN:
        if begins.lstrip().startswith(magic):
            return words
    if head[4:8] == b"ftyp":
        return "a HEIC, AVIF or MP4 file"
    return "text" if _is_text(begins) else "no format that xrayscan knows"


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # may end within a letter
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter in "\t\r\n" for letter in text)
