"""Checks that say whether a file is whole, one function per check.

Each returns None or raises ScanError with the reason and the next step in words.
"""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.options import DecodeOptions
from xrayscan.records import Radiograph, Reason

MAX_FILE_BYTES = 1_000_000_000

MIN_SIDE = 64  # pixels; below this the lungs are a handful of grey values
MAX_ASPECT = 4.0  # a chest film is nearly square; strips and banners are something else
BLANK_SPREAD = 0.02  # of the grey range, between the 1st and the 99th percentile

COPY_AGAIN = "copy it again from its source"


def check_size(size_bytes: int) -> None:
    """Refuse empty files and files larger than ``MAX_FILE_BYTES``."""
    if size_bytes == 0:
        raise ScanError(Reason.EMPTY, f"the file is empty (0 bytes); {COPY_AGAIN}")
    if size_bytes > MAX_FILE_BYTES:
        raise ScanError(
            Reason.TOO_LARGE,
            f"{size_bytes / 1e6:.0f} MB, more than {MAX_FILE_BYTES / 1e6:.0f} MB;"
            " export single frames",
        )


def check_pixel_count(width: int, height: int, format: str, options: DecodeOptions) -> None:
    """Refuse a header that claims no pixels or more than ``max_pixels``, before decoding."""
    if width <= 0 or height <= 0:
        raise ScanError(
            Reason.DAMAGED, f"its header says {width}x{height} pixels; {COPY_AGAIN}", format
        )
    if width * height > options.max_pixels:
        claim = f"{width}x{height} pixels, more than {options.max_pixels / 1e6:g} megapixels"
        detail = f"its header says {claim}; export it smaller, or raise --max-pixels"
        raise ScanError(Reason.TOO_LARGE, detail, format)


def check_jpeg_end(data: bytes) -> None:
    """Refuse a JPEG without an end-of-image marker after the start of its coded data.

    The strict decoder finds this as well; here it is found first, and told apart from damage.
    """
    if data.rfind(b"\xff\xd9", _coded_data_start(data)) < 0:
        raise ScanError(
            Reason.TRUNCATED,
            f"ends in the middle of the picture (after {size_words(len(data))}); {COPY_AGAIN}",
            "JPEG",
        )


def _coded_data_start(data: bytes) -> int:
    """Step over a JPEG's header segments: a thumbnail in one of them has an end marker too."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = struct.unpack_from(">xBH", data, position)
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        position += 2 + length
        if marker == 0xDA:  # start of scan
            break
    return position


def check_extent(radiograph: Radiograph) -> None:
    """Refuse pictures too small or too elongated to be a chest film."""
    width, height = radiograph.width, radiograph.height
    if min(width, height) < MIN_SIDE:
        raise ScanError(
            Reason.TOO_SMALL,
            f"{width}x{height} pixels, less than {MIN_SIDE} on a side; give the film at full size",
            radiograph.format,
            (width, height),
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ScanError(
            Reason.ASPECT_RATIO,
            f"{width}x{height} pixels: too elongated for a chest film; check what this picture is",
            radiograph.format,
            (width, height),
        )


def check_not_blank(radiograph: Radiograph) -> None:
    """Refuse pictures that are one grey value, or nearly."""
    if grey_spread(radiograph.pixels) < BLANK_SPREAD * radiograph.peak:
        raise ScanError(
            Reason.BLANK,
            "nearly all one shade: no film was exposed here; check the source",
            radiograph.format,
            (radiograph.width, radiograph.height),
        )


def grey_spread(pixels: NDArray[Any]) -> int:
    """Grey levels between the 1st and the 99th percentile, of each 16th pixel.

    Args:
        pixels: (H, W) integers of at most 16 bits, which are counted faster than sorted.
    """
    sample = np.ascontiguousarray(pixels[::4, ::4])
    shares = np.cumsum(_counted(sample)) / sample.size
    low, high = np.searchsorted(shares, (0.01, 0.99))
    return int(high - low)


def _counted(sample: NDArray[Any]) -> NDArray[np.int64]:
    """How often each grey level occurs, from one at or below the darkest on."""
    if sample.dtype == np.uint8:  # what most films have, OpenCV counts three times as fast
        return cv2.calcHist([sample], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    levels = sample.astype(np.int32).ravel()
    return np.bincount(levels - levels.min())


def size_words(count: int) -> str:
    """Say a number of bytes in words."""
    return f"{count} bytes" if count < 1000 else f"{count / 1000:.0f} kB"
