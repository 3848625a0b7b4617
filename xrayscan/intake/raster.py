"""Decoders for JPEG, PNG, TIFF and BMP: bytes in, a grey radiograph out."""

from __future__ import annotations

from xrayscan.intake.formats import Format
from xrayscan.intake.jpeg import decode_jpeg
from xrayscan.intake.options import DecodeOptions
from xrayscan.intake.pillow import decode_with_pillow
from xrayscan.intake.png import decode_png
from xrayscan.records import Radiograph


def decode_raster(data: bytes, format: Format, options: DecodeOptions) -> Radiograph:
    """Decode a whole picture to grey.

    Args:
        data: the file's bytes.
        format: JPEG, PNG, TIFF or BMP.
        options: what is too large.

    Raises:
        ScanError: the file is damaged, truncated, too large or of a kind that is not supported.
    """
    if format is Format.JPEG:
        return decode_jpeg(data, options)
    if format is Format.PNG:
        return decode_png(data, options)
    return decode_with_pillow(data, format, options)
