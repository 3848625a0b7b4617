"""Decoders for JPEG, PNG, TIFF and BMP: bytes in, a grey radiograph out."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import (
    COPY_AGAIN,
    check_jpeg_end,
    check_pixel_count,
    check_png_chunks,
)
from xrayscan.records import Radiograph, Reason

_EXIF_ORIENTATION = 0x0112
# EXIF 2.32, 4.6.4 A: what has to be done to the stored pixels to see them upright.
_UPRIGHT: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: np.rot90,
}
# ITU-R BT.601 luma, as libjpeg and Pillow use it, so that grey pictures stored as RGB stay the same.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def decode_raster(data: bytes, format: Format) -> Radiograph:
    """Decode a whole picture to grey.

    Args:
        data: the file's bytes.
        format: JPEG, PNG, TIFF or BMP.

    Raises:
        ScanError: the file is damaged, truncated, too large or of a kind that is not supported.

    """
    if format is Format.JPEG:
        return _decode_jpeg(data)
    if format is Format.PNG:
        check_png_chunks(data)
    return _decode_with_pillow(data, format)


def _decode_jpeg(data: bytes) -> Radiograph:
    """Decode with libjpeg-turbo in strict mode: every cut or overwritten block is an error."""
    check_jpeg_end(data)
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except (
        ValueError
    ):  # good films with unusual sampling factors: the simple API does not know them
        return _decode_with_pillow(data, Format.JPEG)
    check_pixel_count(width, height, Format.JPEG)
    try:
        pixels = _jpeg_grey(data, colorspace)
    except ValueError as fault:
        raise ScanError(
            Reason.DAMAGED, f"{_decoder_words(fault)}; {COPY_AGAIN}", Format.JPEG
        ) from None
    orientation = _jpeg_orientation(data)
    notes = (f"turned upright (EXIF orientation {orientation})",) if orientation in _UPRIGHT else ()
    upright = _UPRIGHT.get(orientation, np.asarray)(pixels)
    return Radiograph(np.ascontiguousarray(upright), 255, Format.JPEG, notes)


def _jpeg_grey(data: bytes, colorspace: str) -> NDArray[np.uint8]:
    if colorspace not in ("CMYK", "YCCK"):
        return np.asarray(simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)[:, :, 0])
    inks = simplejpeg.decode_jpeg(data, colorspace="CMYK", strict=True).astype(np.float32)
    # Adobe stores inks inverted (255 = no ink), and no other program writes four-colour JPEG.
    return np.rint(inks[:, :, :3] @ _LUMA * inks[:, :, 3] / 255).astype(np.uint8)


def _jpeg_orientation(data: bytes) -> int:
    if b"Exif\0\0" not in data[:65_536]:
        return 1
    with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as picture:
        warnings.simplefilter("ignore")  # a damaged EXIF block does not make the picture worse
        return int(picture.getexif().get(_EXIF_ORIENTATION, 1))


def _decode_with_pillow(data: bytes, format: Format) -> Radiograph:
    try:
        with Image.open(io.BytesIO(data), formats=[format]) as picture:
            check_pixel_count(*picture.size, format)
            frames = getattr(picture, "n_frames", 1)
            notes = (f"first of {frames} pages",) if frames > 1 else ()
            if picture.getexif().get(_EXIF_ORIENTATION, 1) != 1:
                notes += ("turned upright (EXIF orientation)",)
            pixels, peak = _grey(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError:
        raise ScanError(Reason.DAMAGED, f"its header is damaged; {COPY_AGAIN}", format) from None
    except OSError as fault:
        reason = Reason.TRUNCATED if "truncated" in str(fault) else Reason.DAMAGED
        raise ScanError(reason, f"{_decoder_words(fault)}; {COPY_AGAIN}", format) from None
    return Radiograph(pixels, peak, format, notes)


def _grey(picture: Image.Image) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int]:
    """Return (pixels, value of white). More than 8 bits stay more than 8 bits."""
    if picture.mode.startswith("I;16"):
        deep = np.array(picture).astype(np.uint16)
        return deep, significant_peak(int(deep.max()))
    if picture.mode in ("I", "F"):
        return stretch(np.array(picture, np.float32)), 65_535
    if picture.mode != "L":
        picture = picture.convert("RGB").convert("L")
    return np.array(picture, np.uint8), 255


def significant_peak(maximum: int) -> int:
    """Value of white for data of unknown depth in 16-bit words: the smallest usual depth that holds it.

    Scanners store 10, 12 or 14 bits in 16 without saying so.
    """
    return next(2**bits - 1 for bits in (8, 10, 12, 14, 16) if maximum < 2**bits)


def stretch(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Map values of no declared range to 0..65535 between their 0.5th and 99.5th percentile.

    Percentiles, not extremes: one dead pixel or a burnt-in marker must not set the contrast.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        raise ScanError(Reason.DAMAGED, f"holds no finite grey value; {COPY_AGAIN}")
    low, high = np.percentile(finite, (0.5, 99.5))
    scaled = (np.nan_to_num(values, nan=low) - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.rint(np.clip(scaled, 0, 1) * 65_535).astype(np.uint16)


def _decoder_words(fault: Exception) -> str:
    """The decoder's own words as part of a sentence."""
    words = " ".join(str(fault).split()).rstrip(".")
    return f"the picture data is damaged ({words})"
