"""What Pillow reads, with OpenCV for what it would cut to 8 bits: PNG, TIFF, BMP, odd JPEG."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base as Tag
from PIL.TiffImagePlugin import OPEN_INFO, TiffImageFile

from xrayscan.errors import ScanError
from xrayscan.intake.complaints import damaged
from xrayscan.intake.formats import Format
from xrayscan.intake.grey import STRETCHED, Grey, depth_peak, significant_peak, stretch
from xrayscan.intake.integrity import COPY_AGAIN, check_pixel_count
from xrayscan.intake.options import DecodeOptions
from xrayscan.intake.orientation import orientation_of, turned, upright
from xrayscan.intake.raw_pixels import check_raw_pixels
from xrayscan.intake.tiff import checked_page, tiff_pixels, tiled_size, unread_pixels
from xrayscan.records import Radiograph, Reason

_WHITE_IS_ZERO, _UNSIGNED = 0, (1,)  # TIFF 6.0, sections 4 and 19
# 16 bits of grey: byte order, photometric, format, fill order, bits, extra samples; modes.
_BIG_ENDIAN_WHITE_IS_ZERO = ((b"MM", _WHITE_IS_ZERO, (1,), 1, (16,), ()), ("I;16B", "I;16B"))


def decode_with_pillow(data: bytes, format: Format, options: DecodeOptions) -> Radiograph:
    """Decode a PNG, TIFF, BMP or JPEG; a damaged TIFF or BMP is refused as its format allows."""
    try:
        with opened(data, format) as picture:
            check_pixel_count(*picture.size, format, options)
            frames = getattr(picture, "n_frames", 1)
            pages = (f"first of {frames} pages",) if frames > 1 else ()
            deep_colour = _is_deep_colour(picture)  # before loading, which forgets it
            notes = (*pages, *turned(orientation_of(picture)))
            page = None
            if isinstance(picture, TiffImageFile):
                check_pixel_count(*tiled_size(picture.tag_v2), format, options)
                page = checked_page(data, picture.tag_v2)
            if page is None:
                picture.load()
            orientation = orientation_of(picture)  # 1 for TIFF: both libraries turn it
            raw = _is_raw(picture)
            if page is not None:
                pixels, peak = page, depth_peak(page)
            else:
                pixels, peak = _deep_grey(data) if deep_colour else _grey(picture)
    except UnidentifiedImageError:
        raise _unidentified(data, format) from None
    except OSError as fault:
        raise damaged(fault, format) from None
    if raw:  # a BMP begins with its last row
        check_raw_pixels(np.flipud(pixels) if format is Format.BMP else pixels, format)
    return Radiograph(upright(pixels, orientation), peak, format, notes)


def opened(data: bytes, format: Format) -> Image.Image:
    """Read a picture's header; its size is for the caller to check."""
    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit, which holds for the whole process
    OPEN_INFO.setdefault(*_BIG_ENDIAN_WHITE_IS_ZERO)  # Pillow knows it in little endian only
    return Image.open(io.BytesIO(data), formats=[format])


def _is_raw(picture: Image.Image) -> bool:
    """Whether its pixels were stored without any coding."""
    return picture.info.get("compression") in ("raw", 0)


def _unidentified(data: bytes, format: Format) -> ScanError:
    """Tell pixels of a kind that Pillow does not know from a damaged header."""
    pixels = tiff_pixels(data) if format is Format.TIFF else ""
    if pixels:
        return unread_pixels(pixels)
    return ScanError(Reason.DAMAGED, f"its header is damaged; {COPY_AGAIN}", format)


def _is_deep_colour(picture: Image.Image) -> bool:
    return picture.mode in ("LA", "RGB", "RGBA") and ";16" in str(getattr(picture, "tile", ""))


def _grey(picture: Image.Image) -> tuple[Grey, int]:
    """Return (pixels, value of white). More than 8 bits stay more than 8 bits."""
    tags = getattr(picture, "tag_v2", {})
    inverted = tags.get(Tag.PhotometricInterpretation) == _WHITE_IS_ZERO
    if picture.mode.startswith("I;16"):
        deep = np.array(picture).astype(np.uint16)
        peak = significant_peak(int(deep.max()))
        return (peak - deep if inverted else deep), peak  # only 8 bits and less does Pillow invert
    if picture.mode in ("I", "F"):
        held = np.array(picture)
        if picture.mode == "I" and tags.get(Tag.SampleFormat, _UNSIGNED) == _UNSIGNED:
            held = held.view(np.uint32)  # Pillow knows 32 bits with a sign only
        values = held.astype(np.float32)
        return stretch(-values if inverted else values), STRETCHED
    if picture.mode != "L":
        picture = picture.convert("RGB").convert("L")
    return np.array(picture, np.uint8), 255


def _deep_grey(data: bytes) -> tuple[Grey, int]:
    """Decode colour of 16 bits, which Pillow would cut to 8, to grey and its value of white."""
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    deep = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), flags), np.uint16)
    return deep, significant_peak(int(deep.max()))
