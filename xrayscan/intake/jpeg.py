"""JPEG: decoded strictly, with checks for the damage that a strict decoder still takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.complaints import damaged, words
from xrayscan.intake.formats import Format
from xrayscan.intake.grey import LUMA
from xrayscan.intake.integrity import check_jpeg_end, check_pixel_count
from xrayscan.intake.jpeg_scan import check_blocks, check_scans
from xrayscan.intake.jpeg_strict import UNUSUAL_SAMPLING, check_decoded, is_unsupported
from xrayscan.intake.options import DecodeOptions
from xrayscan.intake.orientation import orientation_of, turned, upright
from xrayscan.intake.pillow import decode_with_pillow, opened
from xrayscan.records import Radiograph, Reason


def decode_jpeg(data: bytes, options: DecodeOptions) -> Radiograph:
    """Decode with libjpeg-turbo in strict mode: a cut is an error, and most other damage.

    JPEG has no checksum, and its code falls back into step by itself. What can go unnoticed: a few
    changed bytes that leave no step; a sector replaced by another one of the same file (2 of 12
    tried in a baseline film); 4096 zeroed bytes of a progressive film (3 of 12 tried).
    """
    check_jpeg_end(data)
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        check_pixel_count(width, height, Format.JPEG, options)
        pixels = _jpeg_grey(data, colorspace)
    except ValueError as fault:
        if UNUSUAL_SAMPLING in str(fault):
            return _decode_unusual_jpeg(data, options)
        if is_unsupported(fault):
            detail = f"a kind of JPEG that cannot be read ({words(fault)}); export it as PNG"
            raise ScanError(Reason.UNSUPPORTED, detail, Format.JPEG) from None
        raise damaged(fault, Format.JPEG) from None
    check_decoded(data, pixels)
    orientation = _jpeg_orientation(data)
    return Radiograph(upright(pixels, orientation), 255, Format.JPEG, turned(orientation))


def _decode_unusual_jpeg(data: bytes, options: DecodeOptions) -> Radiograph:
    """Decode a good film with unusual sampling factors: Pillow knows them, but forgives damage."""
    radiograph = decode_with_pillow(data, Format.JPEG, options)
    check_scans(data)
    if check_blocks(data):
        return radiograph
    note = "unusual JPEG coding: damage within the picture would go unnoticed"
    return replace(radiograph, notes=(*radiograph.notes, note))


def _jpeg_grey(data: bytes, colorspace: str) -> NDArray[np.uint8]:
    if colorspace not in ("CMYK", "YCCK"):
        return np.asarray(simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)[:, :, 0])
    inks = simplejpeg.decode_jpeg(data, colorspace="CMYK", strict=True).astype(np.float32)
    # Adobe stores inks inverted (255 = no ink), and no other program writes four-colour JPEG.
    grey: NDArray[np.float32] = inks[:, :, :3] @ LUMA.astype(np.float32) * inks[:, :, 3] / 255
    return np.rint(grey).astype(np.uint8)


def _jpeg_orientation(data: bytes) -> int:
    if b"Exif\0\0" not in data[:65_536]:
        return 1
    with opened(data, Format.JPEG) as picture:
        return orientation_of(picture)
