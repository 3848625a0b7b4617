"""Checks that say whether a file is whole, one function per check.

Each returns None or raises ScanError with the reason and the next step in words.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from xrayscan.errors import ScanError
from xrayscan.records import Radiograph, Reason

# Larger than any single radiograph we know of (mammography reaches 60 megapixels); a header that
# claims more is refused before anything is decoded, so that memory stays bounded.
MAX_PIXELS = 100_000_000
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
            f"{size_bytes / 1e6:.0f} MB, more than {MAX_FILE_BYTES / 1e6:.0f} MB; export single frames",
        )


def check_pixel_count(width: int, height: int, format: str) -> None:
    """Refuse a header that claims more than ``MAX_PIXELS`` (or no pixels) before decoding."""
    if width <= 0 or height <= 0:
        raise ScanError(
            Reason.DAMAGED, f"its header says {width}x{height} pixels; {COPY_AGAIN}", format
        )
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS / 1e6
        raise ScanError(
            Reason.TOO_LARGE,
            f"its header says {width}x{height} pixels, more than {limit:.0f} megapixels; export it smaller",
            format,
        )


def check_jpeg_end(data: bytes) -> None:
    """Refuse a JPEG without its end-of-image marker.

    The strict decoder finds this as well; here it is found first, and told apart from damage.
    """
    if data.rfind(b"\xff\xd9") < 0:
        raise ScanError(
            Reason.TRUNCATED,
            f"ends in the middle of the picture (after {_size(len(data))}); {COPY_AGAIN}",
            "JPEG",
        )


def check_png_chunks(data: bytes) -> None:
    """Walk a PNG's chunks: each CRC must match and the end chunk must be there.

    Decoders look at the checksums of picture data seldom (Pillow) or leniently (OpenCV), so they
    are checked here. Source: PNG specification, third edition, 5.3 and 5.4.
    """
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        (expected,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(memoryview(data)[position + 4 : end]) != expected:
            name = kind.decode("latin-1")
            raise ScanError(
                Reason.DAMAGED, f"checksum of its {name} chunk is wrong; {COPY_AGAIN}", "PNG"
            )
        if kind == b"IEND":
            return
        position = end + 4
    raise ScanError(
        Reason.TRUNCATED,
        f"ends before its last chunk (after {_size(len(data))}); {COPY_AGAIN}",
        "PNG",
    )


def check_extent(radiograph: Radiograph) -> None:
    """Refuse pictures too small or too elongated to be a chest film."""
    width, height = radiograph.width, radiograph.height
    if min(width, height) < MIN_SIDE:
        raise ScanError(
            Reason.TOO_SMALL,
            f"{width}x{height} pixels, less than {MIN_SIDE} on a side; give the film at full size",
            radiograph.format,
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ScanError(
            Reason.ASPECT_RATIO,
            f"{width}x{height} pixels: too elongated for a chest film; check what this picture is",
            radiograph.format,
        )


def check_not_blank(radiograph: Radiograph) -> None:
    """Refuse pictures that are one grey value, or nearly."""
    low, high = np.percentile(radiograph.pixels[::4, ::4], (1, 99))
    if high - low < BLANK_SPREAD * radiograph.peak:
        raise ScanError(
            Reason.BLANK,
            "nearly all one shade: no film was exposed here; check the source",
            radiograph.format,
        )


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1000 else f"{count / 1000:.0f} kB"
