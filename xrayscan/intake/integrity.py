"""Checks that say whether a file is whole, one function per check.

Each returns None or raises ScanError with the reason and the next step in words.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

# First column and row of each pass over an interlaced PNG, and the steps between them.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


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


def check_pixel_count(width: int, height: int, format: str) -> None:
    """Refuse a header that claims more than ``MAX_PIXELS`` (or no pixels) before decoding."""
    if width <= 0 or height <= 0:
        raise ScanError(
            Reason.DAMAGED, f"its header says {width}x{height} pixels; {COPY_AGAIN}", format
        )
    if width * height > MAX_PIXELS:
        raise too_many_pixels(f"{width}x{height} pixels, ", format)


def too_many_pixels(claim: str, format: str) -> ScanError:
    """Say that a header's claim, in words up to the comma, is more than ``MAX_PIXELS``."""
    limit = f"{MAX_PIXELS / 1e6:.0f} megapixels"
    detail = f"its header says {claim}more than {limit}; export it smaller"
    return ScanError(Reason.TOO_LARGE, detail, format)


def check_jpeg_end(data: bytes) -> None:
    """Refuse a JPEG without an end-of-image marker after the start of its coded data.

    The strict decoder finds this as well; here it is found first, and told apart from damage.
    """
    if data.find(b"\xff\xd9", _coded_data_start(data)) < 0:
        raise ScanError(
            Reason.TRUNCATED,
            f"ends in the middle of the picture (after {_size(len(data))}); {COPY_AGAIN}",
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


def check_png_chunks(data: bytes) -> None:
    """Walk a PNG's chunks: each CRC must match and the end chunk must be there.

    Decoders look at the checksums of picture data seldom (Pillow) or leniently (OpenCV), so they
    are checked here. Source: PNG specification, third edition, 5.3 and 5.4.
    """
    for kind, body, checksum in _png_chunks(data):
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            name = kind.decode("latin-1")
            raise ScanError(
                Reason.DAMAGED, f"checksum of its {name} chunk is wrong; {COPY_AGAIN}", "PNG"
            )
        if kind == b"IEND":
            return
    raise ScanError(
        Reason.TRUNCATED,
        f"ends before its last chunk (after {_size(len(data))}); {COPY_AGAIN}",
        "PNG",
    )


def check_png_picture(data: bytes) -> None:
    """Refuse a PNG with too few rows, which decoders leave black, or too many pixels to decode.

    Source: PNG specification, third edition, 7.2 (rows), 8.1 (passes of an interlaced picture).
    """
    chunks = list(_png_chunks(data))
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ScanError(Reason.DAMAGED, f"its header is damaged; {COPY_AGAIN}", "PNG")
    width, height, depth, colour, interlaced = struct.unpack(">IIBBxxB", chunks[0][1])
    check_pixel_count(width, height, "PNG")
    bits = depth * {2: 3, 4: 2, 6: 4}.get(colour, 1)
    expected = 0
    for left, top, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        expected += rows * (1 + -(-columns * bits // 8)) if columns > 0 else 0
    coded = b"".join(body for kind, body, _ in chunks if kind == b"IDAT")
    try:
        held = len(zlib.decompressobj().decompress(coded, expected))
    except zlib.error as fault:
        detail = f"the picture data is damaged ({fault}); {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, "PNG") from None
    if held < expected:
        detail = f"holds {held / expected:.0%} of its picture; {COPY_AGAIN}"
        raise ScanError(Reason.TRUNCATED, detail, "PNG")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Yield (kind, body, checksum) of each whole chunk."""
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            return
        yield kind, memoryview(data)[position + 8 : end], struct.unpack_from(">I", data, end)[0]
        position = end + 4


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
    sample = pixels[::4, ::4].astype(np.int32).ravel()
    shares = np.cumsum(np.bincount(sample - sample.min())) / sample.size
    low, high = np.searchsorted(shares, (0.01, 0.99))
    return int(high - low)


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1000 else f"{count / 1000:.0f} kB"
