"""PNG: every chunk has a checksum, and libpng refuses a picture with too few rows.

Decoders look at the checksums of picture data seldom (Pillow) or leniently (OpenCV), so they are
checked here. Numbers like 5.3 are sections of the PNG specification, third edition.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import imagecodecs
import numpy as np
from PIL import Image

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.grey import depth_peak
from xrayscan.intake.integrity import COPY_AGAIN, check_pixel_count, size_words
from xrayscan.intake.options import DecodeOptions
from xrayscan.intake.pillow import decode_with_pillow
from xrayscan.records import Radiograph, Reason

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
# Colour types and depths that libpng decodes to what is wanted: grey of 8 and 16 bits, colour of 8.
_PLAIN_PIXELS = frozenset({(0, 8), (0, 16), (2, 8)})
# Chunks that do not bear on the pixels as a film; others can turn them, mask them or add frames.
_PLAIN_CHUNKS = frozenset(
    b"IHDR IDAT IEND pHYs gAMA cHRM sRGB iCCP sBIT bKGD hIST tIME tEXt zTXt iTXt".split()
)
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
# Chunks that a row may name: where a file is damaged, a chunk's kind can be any four bytes of it.
_NAMED_CHUNKS = _PLAIN_CHUNKS | {b"PLTE", b"tRNS", b"eXIf"}
_KEYWORD = 79  # bytes at most, 11.3.3

_Chunk = tuple[bytes, memoryview, int]


@dataclass(frozen=True, slots=True)
class _Header:
    """Size in pixels, bits per sample, colour type, and whether it is interlaced (11.2.1)."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool


def decode_png(data: bytes, options: DecodeOptions) -> Radiograph:
    """Decode a PNG whose checksums are right and whose rows are all there.

    Raises:
        ScanError: they are not, or it is too large.
    """
    chunks = _checked_chunks(data)
    header = _header(chunks)
    check_pixel_count(header.width, header.height, Format.PNG, options)
    if not _is_plain(header, chunks):
        _check_rows(header, chunks)
        return decode_with_pillow(data, Format.PNG, options)
    try:
        pixels = np.asarray(imagecodecs.png_decode(data))
    except (imagecodecs.PngError, UnicodeDecodeError):  # libpng may quote bytes of the file
        _check_rows(header, chunks)  # says better what is wrong
        detail = f"the picture data is damaged; {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, Format.PNG) from None
    if pixels.ndim == 3:
        pixels = np.array(Image.fromarray(pixels).convert("L"))
    return Radiograph(pixels, depth_peak(pixels), Format.PNG)


def _is_plain(header: _Header, chunks: Sequence[_Chunk]) -> bool:
    """Whether the decoded pixels are the film, with nothing that has to be done to them."""
    if header.interlaced or (header.colour, header.depth) not in _PLAIN_PIXELS:
        return False
    for kind, body, _ in chunks:
        keyword = bytes(body[:_KEYWORD]).lower() if kind in _TEXTS else b""
        if kind not in _PLAIN_CHUNKS or b"exif" in keyword or b"xmp" in keyword:
            return False
    return True


def _checked_chunks(data: bytes) -> list[_Chunk]:
    """Walk the chunks: each CRC must match and the end chunk must be there (5.3, 5.4)."""
    chunks = []
    for kind, body, checksum in _chunks(data):
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            which = f"its {kind.decode('ascii')}" if kind in _NAMED_CHUNKS else "an unknown"
            raise ScanError(
                Reason.DAMAGED, f"checksum of {which} chunk is wrong; {COPY_AGAIN}", "PNG"
            )
        chunks.append((kind, body, checksum))
        if kind == b"IEND":
            return chunks
    raise ScanError(
        Reason.TRUNCATED,
        f"ends before its last chunk (after {size_words(len(data))}); {COPY_AGAIN}",
        "PNG",
    )


def _header(chunks: Sequence[_Chunk]) -> _Header:
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ScanError(Reason.DAMAGED, f"its header is damaged; {COPY_AGAIN}", "PNG")
    width, height, depth, colour, interlaced = struct.unpack(">IIBBxxB", chunks[0][1])
    return _Header(width, height, depth, colour, bool(interlaced))


def _check_rows(header: _Header, chunks: Sequence[_Chunk]) -> None:
    """Refuse a picture with too few rows, which decoders leave black (7.2; 8.1 for interlaced)."""
    bits = header.depth * {2: 3, 4: 2, 6: 4}.get(header.colour, 1)
    expected = 0
    for left, top, across, down in _ADAM7 if header.interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(header.width - left) // across), -(-(header.height - top) // down)
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


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield (kind, body, checksum) of each whole chunk."""
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            return
        yield kind, memoryview(data)[position + 8 : end], struct.unpack_from(">I", data, end)[0]
        position = end + 4
