"""A TIFF's first page: its kind of pixels; are its strips or tiles there, and is each whole?

Decoders forgive much: libtiff fills the rest of a damaged strip and says so on standard error only.
Numbers like "section 9" are those of TIFF 6.0.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL.ExifTags import Base as Tag
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.grey import Grey
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.intake.jpeg_scan import frame_size
from xrayscan.intake.jpeg_strict import strict_grey
from xrayscan.intake.run_lengths import expand
from xrayscan.records import Reason

_TILES, _STRIPS = (
    (Tag.TileOffsets, Tag.TileByteCounts),
    (Tag.StripOffsets, Tag.StripByteCounts),
)
_SIGNED, _FLOAT = 2, 3  # TIFF 6.0, section 19
_SAMPLE_KINDS = {
    1: "integer",
    _SIGNED: "signed integer",
    _FLOAT: "floating point",
    5: "complex",
    6: "complex",
}
_NONE, _JPEG, _DEFLATE, _OLD_DEFLATE, _PACKBITS = 1, 7, 8, 32946, 32773
_DEFLATED = frozenset({_DEFLATE, _OLD_DEFLATE})
_DECODED_HERE = _DEFLATED | {_JPEG, _PACKBITS}
_DIFFERENCES = 2  # predictor: from pixel to pixel, section 14; not of other codings

Tags = Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A strip or a tile: where it lies in the file, and in the page.

    Attributes:
        start, length: of its coded bytes.
        size: bytes that it decodes to.
        top, left, rows, columns: pixels; of a tile all, also those beyond the page.
    """

    start: int
    length: int
    size: int
    top: int
    left: int
    rows: int
    columns: int


def checked_page(data: bytes, tags: Tags) -> Grey | None:
    """Refuse a TIFF with a strip or tile that is not there or not whole; decode it if it is plain.

    What is inside can be checked where it has a checksum (deflate), a length (PackBits, none) or a
    strict decoder (JPEG); other codings are left to their decoders.

    Args:
        data: the file.
        tags: of its first page.

    Returns:
        (H, W) as they are to be seen, of a page of grey integers in one of the codings that are
        decoded to be checked; None of any other.

    Raises:
        ScanError: what was found.
    """
    _check_kind(tags, swapped=_order(data) == ">")
    canvas = _canvas(data, tags)
    for piece in _pieces(tags):
        coded = data[piece.start : piece.start + piece.length]
        if len(coded) < piece.length:
            detail = f"ends in the middle of the picture; {COPY_AGAIN}"
            raise ScanError(Reason.TRUNCATED, detail, Format.TIFF)
        content = _content(coded, piece, tags)
        if content is None:
            canvas = None
        elif canvas is not None:
            _put(content, canvas, piece)
    return None if canvas is None else _page(canvas, tags)


def tiled_size(tags: Tags) -> tuple[int, int]:
    """Width and height of a page with what its tiles hold beyond it, pixels.

    That much is decoded, however small the page.
    """
    width, height = int(tags[Tag.ImageWidth]), int(tags[Tag.ImageLength])
    if Tag.TileOffsets not in tags:
        return width, height
    across, down = int(tags[Tag.TileWidth]), int(tags[Tag.TileLength])
    return -(-width // across) * across, -(-height // down) * down


def _check_kind(tags: Tags, *, swapped: bool) -> None:
    """Refuse pages that the libraries show in one way or another, and say nothing.

    They are those that do not say what black is; bytes with a sign, which wrap; coded numbers in
    big endian with a sign or a fraction, whose bytes Pillow swaps twice; deep colours that lie
    apart.
    """
    if Tag.PhotometricInterpretation not in tags:
        detail = "its header does not say whether black or white is zero; export it again"
        raise ScanError(Reason.DAMAGED, detail, Format.TIFF)
    bits, kind = max(tags.get(Tag.BitsPerSample, (1,))), int(tags.get(Tag.SampleFormat, (1,))[0])
    coded = int(tags.get(Tag.Compression, _NONE)) != _NONE
    if kind in (_SIGNED, _FLOAT) and (bits == 8 or (swapped and coded)):
        raise unread_pixels(_pixel_words(bits, kind))
    if _are_apart(tags) and int(tags.get(Tag.SamplesPerPixel, 1)) > 1 and bits > 8:
        detail = "its colours have 16 bits and lie apart, which cannot be read; export it as grey"
        raise ScanError(Reason.UNSUPPORTED, detail, Format.TIFF)


def _canvas(data: bytes, tags: Tags) -> NDArray[Any] | None:
    """Room for all pieces of a page that is plain enough to be put together here, else None."""
    bits = tuple(tags.get(Tag.BitsPerSample, (1,)))
    plain = {
        Tag.SamplesPerPixel: 1,
        Tag.SampleFormat: (1,),
        Tag.PhotometricInterpretation: 1,  # black is zero
        Tag.FillOrder: 1,
        Tag.Orientation: 1,
    }
    if int(tags.get(Tag.Compression, _NONE)) not in _DECODED_HERE or bits not in ((8,), (16,)):
        return None
    if any(tags.get(tag, value) != value for tag, value in plain.items()):
        return None
    if tags.get(Tag.Predictor, 1) not in (1, _DIFFERENCES):
        return None
    pieces = list(_pieces(tags))
    height = max((piece.top + piece.rows for piece in pieces), default=0)
    width = max((piece.left + piece.columns for piece in pieces), default=0)
    held = sum(piece.rows * piece.columns for piece in pieces)
    seen = int(tags[Tag.ImageLength]), int(tags[Tag.ImageWidth])
    if height < seen[0] or width < seen[1] or held != height * width:
        return None  # some are missing
    return np.zeros((height, width), f"{_order(data)}u{bits[0] // 8}")


def _order(data: bytes) -> str:
    return ">" if data.startswith(b"MM") else "<"


def _page(canvas: NDArray[Any], tags: Tags) -> Grey:
    """Undo differences within each piece, and leave off what lies beyond the page."""
    pixels = canvas.astype(canvas.dtype.newbyteorder("="), copy=False)
    if tags.get(Tag.Predictor) == _DIFFERENCES and tags[Tag.Compression] in _DEFLATED:
        for piece in _pieces(tags):
            block = pixels[piece.top : piece.top + piece.rows, piece.left :][:, : piece.columns]
            np.cumsum(block, axis=1, dtype=pixels.dtype, out=block)
    return np.ascontiguousarray(pixels[: int(tags[Tag.ImageLength]), : int(tags[Tag.ImageWidth])])


def _put(content: bytes | NDArray[np.uint8], canvas: NDArray[Any], piece: _Piece) -> None:
    if isinstance(content, bytes):
        content = np.frombuffer(content, canvas.dtype).reshape(piece.rows, piece.columns)
    rows = min(len(content), piece.rows)
    place = canvas[piece.top : piece.top + rows, piece.left : piece.left + piece.columns]
    place[:] = content[:rows]


def _pieces(tags: Tags) -> Iterator[_Piece]:
    tiled = Tag.TileOffsets in tags
    width, height = int(tags[Tag.ImageWidth]), int(tags[Tag.ImageLength])
    across = int(tags[Tag.TileWidth]) if tiled else width
    strip = min(height, int(tags.get(Tag.RowsPerStrip, height)))
    down = int(tags[Tag.TileLength]) if tiled else strip
    bits = [int(each) for each in tags.get(Tag.BitsPerSample, (1,))]
    apart = _are_apart(tags)
    samples = int(tags.get(Tag.SamplesPerPixel, 1))
    row = -(-across * (bits[0] if apart else bits[0] * samples) // 8)
    beside = -(-width // across)
    per_plane = -(-height // down) * beside
    offsets, counts = (tags.get(which, ()) for which in (_TILES if tiled else _STRIPS))
    for index, (start, length) in enumerate(zip(offsets, counts, strict=False)):
        top, left = index % per_plane // beside * down, index % beside * across
        rows = down if tiled else min(down, height - top)
        yield _Piece(int(start), int(length), rows * row, top, left, rows, across)


def _are_apart(tags: Tags) -> bool:
    """Whether each sample lies in strips of its own (TIFF 6.0, section 10)."""
    return int(tags.get(Tag.PlanarConfiguration, 1)) == 2


def _content(coded: bytes, piece: _Piece, tags: Tags) -> bytes | NDArray[np.uint8] | None:
    """Decode a piece, and refuse it if it is not whole; None where that is left to others."""
    compression = int(tags.get(Tag.Compression, _NONE))
    content: bytes | None = b""
    if compression == _NONE:
        content = b"" if len(coded) >= piece.size else None
    elif compression == _PACKBITS:
        content = expand(coded, piece.size)
    elif compression in _DEFLATED:
        content = _inflated(coded, piece.size)
    elif compression == _JPEG:
        return _jpeg_content(coded, piece, tags)
    if content is None:
        raise _not_whole()
    return content or None


def _inflated(coded: bytes, size: int) -> bytes | None:
    """Inflate to exactly so many bytes, up to the checksum; None if that cannot be."""
    try:
        content = bytes(imagecodecs.deflate_decode(coded, out=size))  # no bomb is inflated
    except imagecodecs.DeflateError:
        return None
    return content if len(content) == size else None


def _jpeg_content(coded: bytes, piece: _Piece, tags: Tags) -> NDArray[np.uint8] | None:
    """Decode a JPEG that may have its tables in a place common to all pieces (Technical Note 2)."""
    tables = bytes(tags.get(Tag.JPEGTables, b""))
    whole = coded[:2] + tables[2:-2] + coded[2:]
    try:
        width, height, _ = frame_size(whole)
        if width * height > 2 * piece.rows * piece.columns:  # it would take any memory
            raise _not_whole()
        pixels = strict_grey(whole)
    except ValueError:
        raise _not_whole() from None
    except ScanError as fault:
        raise ScanError(fault.reason, fault.detail, Format.TIFF) from None
    if pixels is None or pixels.shape[1] != piece.columns or len(pixels) < piece.rows:
        return None
    return pixels


def _not_whole() -> ScanError:
    detail = f"the picture data is damaged (a strip is not whole); {COPY_AGAIN}"
    return ScanError(Reason.DAMAGED, detail, Format.TIFF)


def tiff_pixels(data: bytes) -> str:
    """Name the kind of pixels that a TIFF's first page declares; "" where that makes no sense."""
    try:
        # eight bytes in a TIFF, sixteen in a BigTIFF, which has 43 for 42
        directory = ImageFileDirectory_v2(data[: 16 if 43 in data[2:4] else 8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        bits, kind = directory[Tag.BitsPerSample][0], directory.get(Tag.SampleFormat, (1,))[0]
        return _pixel_words(bits, kind)
    except Exception:  # anything at all on damaged bytes
        return ""


def _pixel_words(bits: int, kind: int) -> str:
    known = bits in (8, 12, 16, 24, 32, 64, 128) and kind in _SAMPLE_KINDS
    return f"{bits}-bit {_SAMPLE_KINDS[kind]}" if known else ""


def unread_pixels(kind: str) -> ScanError:
    """Say that pixels of a kind, in the words of ``tiff_pixels``, cannot be read."""
    detail = f"its pixels are {kind}, which cannot be read; export it unsigned, with 8 or 16 bits"
    return ScanError(Reason.UNSUPPORTED, detail, Format.TIFF)
