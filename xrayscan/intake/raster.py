"""Decoders for JPEG, PNG, TIFF and BMP: bytes in, a grey radiograph out."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import (
    COPY_AGAIN,
    check_jpeg_end,
    check_pixel_count,
    check_png_chunks,
    check_png_picture,
    too_many_pixels,
)
from xrayscan.intake.jpeg_scan import check_blocks, check_scans, coding_unit
from xrayscan.intake.jpeg_seams import check_seams
from xrayscan.intake.raw_pixels import check_raw_pixels
from xrayscan.intake.tiff_strips import check_strips
from xrayscan.records import Radiograph, Reason

_EXIF_ORIENTATION = 0x0112
_Grey = NDArray[np.uint8] | NDArray[np.uint16]
# EXIF 2.32, 4.6.4 A: what has to be done to the stored pixels to see them upright.
_UPRIGHT: dict[int, Callable[[_Grey], _Grey]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: np.rot90,
}
# ITU-R BT.601 luma, as libjpeg and Pillow use it: grey pictures stored as RGB stay the same.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_STRETCHED = 65_535  # white, where the file declares none
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # TIFF 6.0, section 4
_BITS_PER_SAMPLE, _SAMPLE_FORMAT = 258, 339  # TIFF 6.0, sections 4 and 19
_SAMPLE_KINDS = {1: "integer", 2: "signed integer", 3: "floating point", 5: "complex", 6: "complex"}
_UNUSUAL_SAMPLING = "subsampling"  # of libjpeg-turbo's complaint about sampling factors


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
        check_png_picture(data)
    return _decode_with_pillow(data, format)


def check_jpeg(data: bytes) -> bool:
    """Refuse a JPEG that is cut, lacks a scan or holds other than whole blocks.

    Returns:
        Whether all of this could be checked: not in kinds that no strict decoder at hand knows.

    Raises:
        ScanError: what the check found.
    """
    check_jpeg_end(data)
    try:
        pixels = simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)[:, :, 0]
    except ValueError as fault:
        if _UNUSUAL_SAMPLING in str(fault) or _is_unsupported(fault):
            return check_blocks(data)
        raise _damaged(fault, Format.JPEG) from None
    _check_decoded(data, pixels)
    return True


def _decode_jpeg(data: bytes) -> Radiograph:
    """Decode with libjpeg-turbo in strict mode: a cut is an error, and most other damage.

    JPEG has no checksum, and its code falls back into step by itself. What can go unnoticed: a few
    changed bytes that leave no step; a sector replaced by another one of the same file (2 of 12
    tried in a baseline film); 4096 zeroed bytes of a progressive film (3 of 12 tried).
    """
    check_jpeg_end(data)
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
        check_pixel_count(width, height, Format.JPEG)
        pixels = _jpeg_grey(data, colorspace)
    except ValueError as fault:
        if _UNUSUAL_SAMPLING in str(fault):
            return _decode_unusual_jpeg(data)
        if _is_unsupported(fault):
            detail = f"a kind of JPEG that cannot be read ({_words(fault)}); export it as PNG"
            raise ScanError(Reason.UNSUPPORTED, detail, Format.JPEG) from None
        raise _damaged(fault, Format.JPEG) from None
    _check_decoded(data, pixels)
    orientation = _jpeg_orientation(data)
    upright = _UPRIGHT.get(orientation, np.asarray)(pixels)
    return Radiograph(np.ascontiguousarray(upright), 255, Format.JPEG, _turned(orientation))


def _check_decoded(data: bytes, pixels: NDArray[np.uint8]) -> None:
    """Refuse what the strict decoder takes: a picture without all its scans, or with a step."""
    check_scans(data)
    unit = coding_unit(data)
    if unit:
        check_seams(pixels, unit)


def _decode_unusual_jpeg(data: bytes) -> Radiograph:
    """Decode a good film with unusual sampling factors: Pillow knows them, but forgives damage."""
    radiograph = _decode_with_pillow(data, Format.JPEG)
    check_scans(data)
    if check_blocks(data):
        return radiograph
    note = "unusual JPEG coding: damage within the picture would go unnoticed"
    return replace(radiograph, notes=(*radiograph.notes, note))


def _is_unsupported(fault: ValueError) -> bool:
    """Whether libjpeg-turbo says that it does not know a kind of JPEG: 12 bits, or lossless."""
    return "data precision" in str(fault) or "color conversion" in str(fault)


def _jpeg_grey(data: bytes, colorspace: str) -> NDArray[np.uint8]:
    if colorspace not in ("CMYK", "YCCK"):
        return np.asarray(simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)[:, :, 0])
    inks = simplejpeg.decode_jpeg(data, colorspace="CMYK", strict=True).astype(np.float32)
    # Adobe stores inks inverted (255 = no ink), and no other program writes four-colour JPEG.
    grey: NDArray[np.float32] = inks[:, :, :3] @ _LUMA * inks[:, :, 3] / 255
    return np.rint(grey).astype(np.uint8)


def _jpeg_orientation(data: bytes) -> int:
    if b"Exif\0\0" not in data[:65_536]:
        return 1
    with _opened(data, Format.JPEG) as picture:
        return _orientation(picture)


def _opened(data: bytes, format: Format) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=[format])


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where it is missing or none that exists."""
    value = picture.getexif().get(_EXIF_ORIENTATION)
    return value if value in _UPRIGHT else 1


def _turned(orientation: int) -> tuple[str, ...]:
    return (f"turned upright (EXIF orientation {orientation})",) if orientation in _UPRIGHT else ()


def _decode_with_pillow(data: bytes, format: Format) -> Radiograph:
    try:
        with _opened(data, format) as picture:
            check_pixel_count(*picture.size, format)
            frames = getattr(picture, "n_frames", 1)
            pages = (f"first of {frames} pages",) if frames > 1 else ()
            deep_colour = _is_deep_colour(picture)  # before loading, which forgets it
            notes = (*pages, *_turned(_orientation(picture)))
            if isinstance(picture, TiffImageFile):
                check_strips(data, picture.tag_v2)
            picture.load()
            orientation = _orientation(picture)  # 1 for TIFF, which both libraries turn themselves
            raw = _is_raw(picture)
            pixels, peak = _deep_grey(data) if deep_colour else _grey(picture)
    except UnidentifiedImageError:
        raise _unidentified(data, format) from None
    except Image.DecompressionBombError:
        raise too_many_pixels("", format) from None
    except OSError as fault:
        raise _damaged(fault, format) from None
    if raw:  # a BMP begins with its last row
        check_raw_pixels(np.flipud(pixels) if format is Format.BMP else pixels, format)
    upright = _UPRIGHT.get(orientation, np.asarray)(pixels)
    return Radiograph(np.ascontiguousarray(upright), peak, format, notes)


def _is_raw(picture: Image.Image) -> bool:
    """Whether its pixels were stored without any coding."""
    return picture.info.get("compression") in ("raw", 0)


def _unidentified(data: bytes, format: Format) -> ScanError:
    """Tell pixels of a kind that Pillow does not know from a damaged header."""
    pixels = tiff_pixels(data) if format is Format.TIFF else ""
    if pixels:
        detail = f"its pixels are {pixels}, which cannot be read; export it with 8 or 16 bits"
        return ScanError(Reason.UNSUPPORTED, detail, format)
    return ScanError(Reason.DAMAGED, f"its header is damaged; {COPY_AGAIN}", format)


def tiff_pixels(data: bytes) -> str:
    """Name the kind of pixels that a TIFF's first page declares; "" where that makes no sense."""
    try:
        # eight bytes in a TIFF, sixteen in a BigTIFF, which has 43 for 42
        directory = ImageFileDirectory_v2(data[: 16 if 43 in data[2:4] else 8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        bits = directory[_BITS_PER_SAMPLE][0]
        kind = _SAMPLE_KINDS[directory.get(_SAMPLE_FORMAT, (1,))[0]]
    except Exception:  # anything at all on damaged bytes
        return ""
    return f"{bits}-bit {kind}" if bits in (8, 12, 16, 24, 32, 64, 128) else ""


def _is_deep_colour(picture: Image.Image) -> bool:
    return picture.mode in ("LA", "RGB", "RGBA") and ";16" in str(getattr(picture, "tile", ""))


def _grey(picture: Image.Image) -> tuple[_Grey, int]:
    """Return (pixels, value of white). More than 8 bits stay more than 8 bits."""
    inverted = getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if picture.mode.startswith("I;16"):
        deep = np.array(picture).astype(np.uint16)
        peak = significant_peak(int(deep.max()))
        return (peak - deep if inverted else deep), peak  # only 8 bits and less does Pillow invert
    if picture.mode in ("I", "F"):
        values = np.array(picture, np.float32)
        return stretch(-values if inverted else values), _STRETCHED
    if picture.mode != "L":
        picture = picture.convert("RGB").convert("L")
    return np.array(picture, np.uint8), 255


def _deep_grey(data: bytes) -> tuple[_Grey, int]:
    """Decode colour of 16 bits, which Pillow would cut to 8, to grey and its value of white."""
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    deep = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), flags), np.uint16)
    return deep, significant_peak(int(deep.max()))


def significant_peak(maximum: int) -> int:
    """Value of white for data of unknown depth: the smallest usual depth that holds the maximum.

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
    clipped = np.clip(np.nan_to_num(values, nan=low), low, high)
    unit: NDArray[np.float32] = (clipped - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.rint(unit * _STRETCHED).astype(np.uint16)


def _damaged(fault: Exception, format: Format) -> ScanError:
    """Say a decoder's complaint as the fault of a file."""
    words = _words(fault)
    reason = Reason.TRUNCATED if "truncated" in words else Reason.DAMAGED
    return ScanError(reason, f"the picture data is damaged ({words}); {COPY_AGAIN}", format)


def _words(fault: Exception) -> str:
    """Give the decoder's own words, fit for a sentence."""
    return " ".join(str(fault).split()).rstrip(".")
