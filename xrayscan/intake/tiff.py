"""A TIFF's first page: its kind of pixels; are its strips or tiles there, and is each whole?

Decoders forgive much: libtiff fills the rest of a damaged strip and says so on standard error only.
Numbers like "section 9" are those of TIFF 6.0.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.intake.run_lengths import expand
from xrayscan.records import Reason

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES = 256, 257, 258, 259, 277
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_COUNTS, _PLANAR = 273, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_SAMPLE_FORMAT = 339  # section 19
_SAMPLE_KINDS = {1: "integer", 2: "signed integer", 3: "floating point", 5: "complex", 6: "complex"}
_NONE, _DEFLATE, _OLD_DEFLATE, _PACKBITS = 1, 8, 32946, 32773

Tags = Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A strip or a tile: where it lies in the file, and how many bytes it decodes to."""

    start: int
    length: int
    decoded: int


def check_strips(data: bytes, tags: Tags) -> None:
    """Refuse a TIFF with a strip or tile that is not there or not whole.

    What is inside can be checked where it has a checksum (deflate) or a length (PackBits, none);
    other codings are left to their decoders.

    Args:
        data: the file.
        tags: of its first page.

    Raises:
        ScanError: what was found.
    """
    compression = int(tags.get(_COMPRESSION, _NONE))
    for piece in _pieces(tags):
        coded = data[piece.start : piece.start + piece.length]
        if len(coded) < piece.length:
            detail = f"ends in the middle of the picture; {COPY_AGAIN}"
            raise ScanError(Reason.TRUNCATED, detail, Format.TIFF)
        if not _whole(coded, piece.decoded, compression):
            detail = f"the picture data is damaged (a strip is not whole); {COPY_AGAIN}"
            raise ScanError(Reason.DAMAGED, detail, Format.TIFF)


def _pieces(tags: Tags) -> Iterator[_Piece]:
    tiled = _TILE_OFFSETS in tags
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    across = int(tags[_TILE_WIDTH]) if tiled else width
    down = int(tags[_TILE_HEIGHT]) if tiled else min(height, int(tags.get(_ROWS_PER_STRIP, height)))
    bits = [int(each) for each in tags.get(_BITS, (1,))]
    apart = int(tags.get(_PLANAR, 1)) == 2  # each sample in strips of its own, section 10
    samples = int(tags.get(_SAMPLES, 1))
    row = -(-across * (bits[0] if apart else bits[0] * samples) // 8)
    per_plane = -(-height // down)
    offsets, counts = (
        tags.get(which, ())
        for which in ((_TILE_OFFSETS, _TILE_COUNTS) if tiled else (_STRIP_OFFSETS, _STRIP_COUNTS))
    )
    for index, (start, length) in enumerate(zip(offsets, counts, strict=False)):
        rows = down if tiled else min(down, height - index % per_plane * down)
        yield _Piece(int(start), int(length), rows * row)


def _whole(coded: bytes, decoded: int, compression: int) -> bool:
    if compression == _NONE:
        return len(coded) >= decoded
    if compression == _PACKBITS:
        return expand(coded, decoded) is not None
    if compression not in (_DEFLATE, _OLD_DEFLATE):
        return True
    inflate = zlib.decompressobj()
    try:
        held = len(inflate.decompress(coded, decoded + 1))  # no bomb is inflated
        inflate.decompress(inflate.unconsumed_tail, 1)  # to its checksum
    except zlib.error:
        return False
    return held == decoded and inflate.eof


def tiff_pixels(data: bytes) -> str:
    """Name the kind of pixels that a TIFF's first page declares; "" where that makes no sense."""
    try:
        # eight bytes in a TIFF, sixteen in a BigTIFF, which has 43 for 42
        directory = ImageFileDirectory_v2(data[: 16 if 43 in data[2:4] else 8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        bits = directory[_BITS][0]
        kind = _SAMPLE_KINDS[directory.get(_SAMPLE_FORMAT, (1,))[0]]
    except Exception:  # anything at all on damaged bytes
        return ""
    return f"{bits}-bit {kind}" if bits in (8, 12, 16, 24, 32, 64, 128) else ""
