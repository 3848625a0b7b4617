from __future__ import annotations

import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator

import cv2
import imagecodecs
import numpy as np
import pydicom
import pydicom.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.films import (
    bmp_bytes,
    draw_deep_film,
    draw_film,
    exif,
    jpeg_bytes,
    odd_jpeg_bytes,
    png_bytes,
    tiff_bytes,
)
from xrayscan.errors import ScanError
from xrayscan.intake.formats import SNIFF_BYTES, Format, sniff
from xrayscan.intake.jpeg_scan import check_blocks
from xrayscan.intake.jpeg_strict import strict_grey
from xrayscan.intake.options import USUAL
from xrayscan.intake.raster import decode_raster
from xrayscan.records import Radiograph, Reason

# what decoders warn of is in the row's reason; the command line keeps them silent
pytestmark = pytest.mark.filterwarnings("ignore")

FILM = draw_film(seed=1)
SMALL = draw_film(seed=2, width=120, height=100)
DEEP = draw_deep_film(seed=1)
SECTOR = 512  # what a broken disk or transfer loses


def decoded(data: bytes) -> Radiograph:
    format = sniff(data[:SNIFF_BYTES])
    assert format is not None
    return decode_raster(data, format, USUAL)


def refused(data: bytes) -> ScanError:
    with pytest.raises(ScanError) as caught:
        decoded(data)
    return caught.value


def off_by(radiograph: Radiograph, film: NDArray[np.uint8]) -> float:
    """Mean difference in grey levels of 0 to 255."""
    assert radiograph.pixels.shape == film.shape
    return float(np.abs(radiograph.pixels * (255 / radiograph.peak) - film).mean())


# --- what good files say ------------------------------------------------------------------------


ENCODERS: dict[str, Callable[..., bytes]] = {
    "JPEG": jpeg_bytes,
    "PNG": png_bytes,
    "TIFF": tiff_bytes,
    "BMP": bmp_bytes,
}
MODES = {
    "JPEG": ["L", "RGB", "CMYK"],
    "PNG": ["L", "RGB", "P", "LA", "RGBA"],
    "TIFF": ["L", "RGB", "P", "LA", "RGBA", "CMYK"],
    "BMP": ["L", "RGB", "P", "RGBA"],
}


@pytest.mark.parametrize(
    ("format", "mode"), [(format, mode) for format, modes in MODES.items() for mode in modes]
)
def test_the_film_is_the_same_in_every_mode(format: str, mode: str) -> None:
    radiograph = decoded(ENCODERS[format](FILM, mode))
    assert (radiograph.format, radiograph.peak, radiograph.notes) == (format, 255, ())
    assert radiograph.pixels.dtype == np.uint8
    assert off_by(radiograph, FILM) < (3 if format == "JPEG" else 1e-9)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(format: str) -> None:
    film = np.where(FILM > 100, np.uint8(255), np.uint8(0))
    radiograph = decoded(ENCODERS[format](film, "1"))
    assert np.array_equal(radiograph.pixels, film)


@pytest.mark.parametrize("encode", [png_bytes, tiff_bytes], ids=["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_every_level_of_16_bit_words_is_kept(encode: Callable[..., bytes], bits: int) -> None:
    deep = draw_deep_film(seed=1, bits=bits)
    radiograph = decoded(encode(deep))
    assert radiograph.peak == 2**bits - 1
    assert np.array_equal(radiograph.pixels, deep)
    if bits > 8:
        assert len(np.unique(radiograph.pixels)) > 500


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_every_level_of_16_bit_colour_is_kept(extension: str) -> None:
    data = cv2.imencode(extension, np.dstack([DEEP] * 3))[1].tobytes()
    radiograph = decoded(data)
    assert radiograph.peak == 4095
    assert np.array_equal(radiograph.pixels, DEEP)


def test_every_level_of_16_bit_grey_with_alpha_is_kept() -> None:
    rows = np.dstack([DEEP, np.full_like(DEEP, 65_535)]).astype(">u2")
    head = struct.pack(">IIBBBBB", DEEP.shape[1], DEEP.shape[0], 16, 4, 0, 0, 0)
    coded = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    data = png_of(("IHDR", head), ("IDAT", coded), ("IEND", b""))
    assert np.array_equal(decoded(data).pixels, DEEP)


def png_of(*chunks: tuple[str, bytes]) -> bytes:
    bodies = [(kind.encode() + body) for kind, body in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        for body in bodies
    )


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        pytest.param(255 - FILM, FILM, id="8 bits"),
        pytest.param(4095 - DEEP, DEEP, id="12 of 16 bits"),
        pytest.param(65_535 - 16 * DEEP, 16 * DEEP, id="16 bits"),
    ],
)
def test_tiff_where_white_is_zero(stored: NDArray[np.uint16], shown: NDArray[np.uint16]) -> None:
    data = with_white_as_zero(tiff_bytes(stored))
    assert np.array_equal(decoded(data).pixels, shown)


def with_white_as_zero(data: bytes, order: str = "<") -> bytes:
    """Change what a TIFF says of its zeros; encoders do not all write it."""
    black, white = (struct.pack(f"{order}HHIH", 262, 3, 1, value) for value in (1, 0))
    assert data.count(black) == 1
    return data.replace(black, white)


@pytest.mark.parametrize("coding", [1, 5, 8, 32773], ids=["raw", "LZW", "deflate", "PackBits"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_deep_tiff_where_white_is_zero_in_either_byte_order(order: str, coding: int) -> None:
    stored = 4095 - DEEP
    data = imagecodecs.tiff_encode(
        stored.copy(), photometric=1, compression=coding, byteorder=order
    )
    assert np.array_equal(decoded(with_white_as_zero(bytes(data), order)).pixels, DEEP)


@pytest.mark.parametrize("coding", [1, 8], ids=["raw", "deflate"])
def test_deep_colours_that_lie_apart_are_refused(coding: int) -> None:
    data = imagecodecs.tiff_encode(
        np.stack([16 * DEEP] * 3), photometric=2, planarconfig=2, compression=coding
    )
    fault = refused(bytes(data))
    assert fault.reason is Reason.UNSUPPORTED
    assert fault.detail.endswith("export it as grey")


@pytest.mark.parametrize("coding", [1, 8], ids=["raw", "deflate"])
def test_plain_colours_may_lie_apart(coding: int) -> None:
    data = imagecodecs.tiff_encode(
        np.stack([FILM] * 3), photometric=2, planarconfig=2, compression=coding
    )
    assert off_by(decoded(bytes(data)), FILM) <= 1


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(DEEP.astype(np.float32) / 4095, id="float 0 to 1"),
        pytest.param(DEEP.astype(np.float32) - 1000, id="float, negative too"),
        pytest.param(DEEP.astype(np.int32) * 9, id="32 bits"),
    ],
)
def test_tiff_without_a_declared_range_is_stretched(values: NDArray[np.float32]) -> None:
    radiograph = decoded(tiff_bytes(values))  # type: ignore[arg-type]
    assert radiograph.peak == 65_535
    linear = np.corrcoef(radiograph.pixels.ravel(), DEEP.ravel())[0, 1]
    assert linear > 0.999
    assert (radiograph.pixels.min(), radiograph.pixels.max()) == (0, 65_535)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(compression: str) -> None:
    assert np.array_equal(decoded(tiff_bytes(FILM, compression=compression)).pixels, FILM)
    assert np.array_equal(decoded(tiff_bytes(DEEP, compression=compression)).pixels, DEEP)


def test_the_first_of_several_pages_is_taken() -> None:
    pages = [Image.fromarray(255 - FILM)] * 2
    radiograph = decoded(tiff_bytes(FILM, save_all=True, append_images=pages))
    assert np.array_equal(radiograph.pixels, FILM)
    assert radiograph.notes == ("first of 3 pages",)


# --- kinds of JPEG ------------------------------------------------------------------------------


def without_adobe_marker(jpeg: bytes) -> bytes:
    start = jpeg.index(b"\xff\xee\x00\x0eAdobe")
    return jpeg[:start] + jpeg[start + 16 :]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(jpeg_bytes(FILM, progressive=True), id="progressive"),
        pytest.param(jpeg_bytes(FILM, "RGB", progressive=True), id="progressive colour"),
        pytest.param(jpeg_bytes(FILM, "RGB", keep_rgb=True), id="RGB as it is"),
        pytest.param(jpeg_bytes(FILM, "RGB", subsampling=0), id="4:4:4"),
        pytest.param(jpeg_bytes(FILM, "RGB", subsampling=1), id="4:2:2"),
        pytest.param(jpeg_bytes(FILM, optimize=True), id="optimised"),
        pytest.param(jpeg_bytes(FILM, restart_marker_blocks=9), id="restarts"),
        pytest.param(without_adobe_marker(jpeg_bytes(FILM, "CMYK")), id="CMYK, no Adobe marker"),
        pytest.param(jpeg_bytes(FILM) + b"\0" * 700, id="padded"),
        pytest.param(jpeg_bytes(FILM, comment=b"\xff\xd9" * 40), id="end markers in a comment"),
        pytest.param(odd_jpeg_bytes(FILM), id="sampling 3x1"),
        pytest.param(odd_jpeg_bytes(FILM, ((2, 2), (2, 1), (1, 1))), id="sampling 2x2, 2x1, 1x1"),
        pytest.param(odd_jpeg_bytes(FILM, ((4, 2), (1, 1), (1, 1))), id="sampling 4x2"),
    ],
)
def test_every_kind_of_jpeg_is_the_same_film(data: bytes) -> None:
    radiograph = decoded(data)
    assert off_by(radiograph, FILM) < 3
    assert radiograph.notes == ()
    assert strict_grey(data) is not None or check_blocks(data)


def test_a_jpeg_of_12_bits_is_unsupported_not_damaged() -> None:
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("JPGExtended.dcm"))
    frame = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)
    fault = refused(frame)
    assert fault.reason is Reason.UNSUPPORTED
    assert "precision 12" in fault.detail
    assert check_blocks(frame), "but as part of a DICOM file it can be checked"


# --- orientation --------------------------------------------------------------------------------


ORIENTATIONS = range(1, 9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_turned_upright_as_pillow_does(format: str, orientation: int) -> None:
    data = ENCODERS[format](SMALL, exif=exif(orientation))
    with Image.open(io.BytesIO(data)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    radiograph = decoded(data)
    assert radiograph.pixels.flags.c_contiguous
    assert off_by(radiograph, upright) < (1 if format == "JPEG" else 1e-9)
    said = (f"turned upright (EXIF orientation {orientation})",) if orientation > 1 else ()
    assert radiograph.notes == said


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("encode", [png_bytes, tiff_bytes], ids=["PNG", "TIFF"])
def test_16_bits_are_turned_upright(encode: Callable[..., bytes], orientation: int) -> None:
    deep = draw_deep_film(seed=2, width=120, height=100)
    upright = decoded(encode(SMALL, exif=exif(orientation))).pixels
    turned = decoded(encode(deep, exif=exif(orientation))).pixels
    assert np.corrcoef(upright.ravel(), turned.ravel())[0, 1] > 0.999


def deep_colour(format: str, orientation: int) -> bytes:
    """Write 16-bit colour, which Pillow cannot, with an orientation."""
    deep = draw_deep_film(seed=2, width=120, height=100)
    colour = np.dstack([deep] * 3)
    if format == "PNG":
        plain = cv2.imencode(".png", colour)[1].tobytes()
        body = b"eXIf" + exif(orientation).tobytes().removeprefix(b"Exif\0\0")
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return plain[:33] + chunk + plain[33:]
    samples = colour.astype("<u2").tobytes()
    end = 8 + len(samples)
    tags = {256: 120, 257: 100, 259: 1, 262: 2, 273: 8, 274: orientation, 277: 3, 278: 100}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()]
    entries.insert(2, struct.pack("<HHII", 258, 3, 3, end))
    entries.append(struct.pack("<HHII", 279, 4, 1, len(samples)))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    depths = struct.pack("<HHHH", 16, 16, 16, 0)
    return b"II*\0" + struct.pack("<I", end + 8) + samples + depths + directory


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_colour_is_turned_upright(format: str, orientation: int) -> None:
    upright = decoded(ENCODERS[format](SMALL, exif=exif(orientation))).pixels
    radiograph = decoded(deep_colour(format, orientation))
    assert radiograph.peak == 4095
    assert np.corrcoef(upright.ravel(), radiograph.pixels.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("orientation", [0, 9, 77])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_an_orientation_that_does_not_exist_is_left_alone(format: str, orientation: int) -> None:
    radiograph = decoded(ENCODERS[format](SMALL, exif=exif(orientation)))
    assert radiograph.notes == ()
    assert off_by(radiograph, SMALL) < 3


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(6, 31), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_exif_block_does_no_harm_to_the_picture(changes: list[tuple[int, int]]) -> None:
    data = bytearray(jpeg_bytes(SMALL, exif=exif(1)))
    start = data.index(b"Exif\0\0")
    for offset, value in changes:
        data[start + offset] = value
    assert sorted(decoded(bytes(data)).pixels.shape) == sorted(SMALL.shape)


# --- cut files ----------------------------------------------------------------------------------


def with_thumbnail(jpeg: bytes) -> bytes:
    """Put a whole small JPEG, end marker and all, into a header segment."""
    thumbnail = b"Exif\0\0" + jpeg_bytes(draw_film(seed=2, width=64, height=64))
    return jpeg[:2] + struct.pack(">HH", 0xFFE1, len(thumbnail) + 2) + thumbnail + jpeg[2:]


CUT = {
    "jpeg": jpeg_bytes(SMALL),
    "jpeg in colour": jpeg_bytes(SMALL, "RGB"),
    "progressive jpeg": jpeg_bytes(SMALL, "RGB", progressive=True),
    "jpeg with thumbnail": with_thumbnail(jpeg_bytes(SMALL)),
    "jpeg with odd sampling": odd_jpeg_bytes(SMALL),
    "four-colour jpeg": jpeg_bytes(SMALL, "CMYK"),
    "png": png_bytes(SMALL),
    "16-bit png": png_bytes(draw_deep_film(seed=2, width=120, height=100)),
    "palette png": png_bytes(SMALL, "P"),
}


@pytest.mark.parametrize("kind", CUT)
@settings(max_examples=150)
@given(data=st.data())
def test_cut_anywhere_it_is_refused_as_truncated(kind: str, data: st.DataObject) -> None:
    whole = CUT[kind]
    length = data.draw(st.integers(8, len(whole) - 1))
    assert refused(whole[:length]).reason is Reason.TRUNCATED


@pytest.mark.parametrize("kind", CUT)
def test_the_last_bytes_count(kind: str) -> None:
    whole = CUT[kind]
    decoded(whole)
    for length in range(len(whole) - 30, len(whole)):
        assert refused(whole[:length]).reason is Reason.TRUNCATED


@pytest.mark.parametrize("kind", [kind for kind in CUT if "jpeg" in kind])
@settings(max_examples=60)
@given(data=st.data())
def test_a_forged_end_does_not_hide_a_cut(kind: str, data: st.DataObject) -> None:
    whole = CUT[kind]
    header = whole.rindex(b"\xff\xda") if "odd" in kind else whole.index(b"\xff\xda")
    length = data.draw(st.integers(header + 14, len(whole) - 4))
    assert refused(whole[:length] + b"\xff\xd9").reason in (Reason.DAMAGED, Reason.TRUNCATED)


def test_a_forged_end_between_the_scans_of_a_progressive_jpeg() -> None:
    whole = CUT["progressive jpeg"]
    starts = [at for at in range(len(whole)) if whole.startswith(b"\xff\xda", at)]
    assert len(starts) > 5
    for start in starts[1:]:
        assert refused(whole[:start] + b"\xff\xd9").reason is Reason.TRUNCATED


TAILED = {
    "tiff": tiff_bytes(SMALL),
    "16-bit tiff": tiff_bytes(draw_deep_film(seed=2, width=120, height=100)),
    "lzw tiff": tiff_bytes(SMALL, compression="tiff_lzw"),
    "deflated tiff": tiff_bytes(SMALL, compression="tiff_adobe_deflate"),
    "bmp": bmp_bytes(SMALL),
    "palette bmp": bmp_bytes(SMALL, "P"),
}


@pytest.mark.parametrize("kind", TAILED)
def test_cut_tiff_and_bmp_are_refused(kind: str) -> None:
    whole = TAILED[kind]
    decoded(whole)
    for share in np.linspace(0.01, 0.99, 40):
        fault = refused(whole[: max(18, int(len(whole) * share))])
        assert fault.reason in (Reason.TRUNCATED, Reason.DAMAGED)


# --- damaged files ------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["zeros", "noise", "ones"])
@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(jpeg_bytes(FILM), id="grey"),
        pytest.param(jpeg_bytes(FILM, "RGB", subsampling=0), id="colour"),
        pytest.param(odd_jpeg_bytes(FILM), id="odd sampling"),
    ],
)
def test_a_lost_sector_of_a_jpeg_is_found(whole: bytes, fill: str) -> None:
    rng = np.random.default_rng(0)
    for start in rng.integers(800, len(whole) - SECTOR, size=12):
        filling = {"zeros": bytes(SECTOR), "noise": rng.bytes(SECTOR), "ones": b"\xff" * SECTOR}
        damaged = whole[:start] + filling[fill] + whole[start + SECTOR :]
        assert refused(damaged).reason in (Reason.DAMAGED, Reason.TRUNCATED)


@pytest.mark.parametrize("whole", [png_bytes(SMALL), png_bytes(SMALL, "P")], ids=["L", "P"])
def test_any_bit_of_a_png_turned_is_found(whole: bytes) -> None:
    rng = np.random.default_rng(0)
    for position, bit in zip(rng.integers(8, len(whole), 60), itertools.cycle(range(8))):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << bit
        assert refused(bytes(damaged)).reason in (Reason.DAMAGED, Reason.TRUNCATED)


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        pytest.param([("IDAT", zlib.compress(bytes(101 * 50)))], "holds 50% of", id="half"),
        pytest.param([("IDAT", zlib.compress(bytes(101 * 99)))], "holds 99% of", id="all but one"),
        pytest.param([("IDAT", b"")], "holds 0% of", id="empty"),
        pytest.param([], "holds 0% of", id="none"),
        pytest.param([("IDAT", b"no zlib stream")], "is damaged", id="nothing that inflates"),
    ],
)
def test_a_png_with_too_few_rows_is_refused(chunks: list[tuple[str, bytes]], words: str) -> None:
    head = struct.pack(">IIBBBBB", 100, 100, 8, 0, 0, 0, 0)
    fault = refused(png_of(("IHDR", head), *chunks, ("IEND", b"")))
    assert fault.reason in (Reason.TRUNCATED, Reason.DAMAGED)
    assert words in fault.detail


def test_a_png_without_its_header_is_refused() -> None:
    fault = refused(png_of(("IDAT", zlib.compress(bytes(101 * 100))), ("IEND", b"")))
    assert fault.reason is Reason.DAMAGED


@pytest.mark.parametrize("rows", [100, 99])
def test_an_interlaced_png_has_rows_in_seven_passes(rows: int) -> None:
    firsts = [(0, 0), (4, 0), (0, 4), (2, 0), (0, 2), (1, 0), (0, 1)]
    steps = [(8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2)]
    passes = [
        SMALL[top::down, left::across]
        for (left, top), (across, down) in zip(firsts, steps, strict=True)
    ]
    coded = b"".join(b"\0" + row.tobytes() for each in passes for row in each)
    coded = coded[: len(coded) - 121 * (100 - rows)]
    head = struct.pack(">IIBBBBB", 120, 100, 8, 0, 0, 0, 1)
    data = png_of(("IHDR", head), ("IDAT", zlib.compress(coded)), ("IEND", b""))
    if rows == 100:
        assert np.array_equal(decoded(data).pixels, SMALL)
    else:
        assert refused(data).reason is Reason.TRUNCATED


def test_a_tiff_that_holds_no_number_is_refused() -> None:
    fault = refused(tiff_bytes(np.full((100, 100), np.nan, np.float32)))  # type: ignore[arg-type]
    assert fault.reason is Reason.DAMAGED


# --- headers that claim too much ----------------------------------------------------------------


def bombs() -> Iterator[tuple[str, bytes]]:
    side = 65_000
    jpeg = bytearray(jpeg_bytes(SMALL))
    start = jpeg.index(b"\xff\xc0") + 5
    jpeg[start : start + 4] = struct.pack(">HH", side, side)
    yield "JPEG", bytes(jpeg)
    odd = bytearray(odd_jpeg_bytes(SMALL))
    start = odd.index(b"\xff\xc0") + 5
    odd[start : start + 4] = struct.pack(">HH", side, side)
    yield "odd JPEG", bytes(odd)
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    coded = zlib.compress(bytes(10_000_000), 9)
    yield "PNG", png_of(("IHDR", head), ("IDAT", coded), ("IEND", b""))
    tiff = tiff_bytes(SMALL)
    for tag, value in ((256, 120), (257, 100)):
        old = struct.pack("<HHII", tag, 4, 1, value)
        assert tiff.count(old) == 1
        tiff = tiff.replace(old, struct.pack("<HHII", tag, 4, 1, side))
    yield "TIFF", tiff
    bmp = bytearray(bmp_bytes(SMALL))
    bmp[18:26] = struct.pack("<ii", side, side)
    yield "BMP", bytes(bmp)


@pytest.mark.parametrize("data", [pytest.param(data, id=kind) for kind, data in bombs()])
def test_a_header_that_claims_too_much_is_refused_before_decoding(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object, **__: object) -> None:
        pytest.fail("decoded")

    monkeypatch.setattr("simplejpeg.decode_jpeg", decode)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    fault = refused(data)
    assert fault.reason is Reason.TOO_LARGE
    assert "more than 100 megapixels" in fault.detail


# --- pixels of an odd kind ------------------------------------------------------------------------

SIGNED = DEEP.astype(np.int16) - 2048


FRACTIONS = DEEP.astype(np.float32)


def odd_tiff(values: NDArray[np.generic], coding: int, order: str) -> bytes:
    return bytes(imagecodecs.tiff_encode(values.copy(), compression=coding, byteorder=order))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(SIGNED, id="16 bits, signed"),
        pytest.param(SIGNED.astype(np.int32), id="32 bits, signed"),
        pytest.param(DEEP.astype(np.uint32) << 20, id="32 bits"),
        pytest.param(FRACTIONS, id="fractions"),
    ],
)
@pytest.mark.parametrize("coding", [1, 5, 8], ids=["raw", "LZW", "deflate"])
def test_odd_numbers_in_little_endian_are_read(values: NDArray[np.generic], coding: int) -> None:
    shown = decoded(odd_tiff(values, coding, "<")).pixels
    assert np.corrcoef(shown.ravel(), DEEP.ravel())[0, 1] > 0.999


@pytest.mark.parametrize(
    ("values", "order", "words"),
    [
        pytest.param((FILM // 2).astype(np.int8), "<", "8-bit signed integer", id="8 bits"),
        pytest.param(SIGNED, ">", "16-bit signed integer", id="16 bits"),
        pytest.param(SIGNED.astype(np.int32), ">", "32-bit signed integer", id="32 bits"),
        pytest.param(FRACTIONS, ">", "32-bit floating point", id="fractions"),
    ],
)
@pytest.mark.parametrize("coding", [5, 8], ids=["LZW", "deflate"])
def test_odd_numbers_that_pillow_reads_wrongly_are_refused(
    values: NDArray[np.generic], order: str, words: str, coding: int
) -> None:
    fault = refused(odd_tiff(values, coding, order))
    assert fault.reason is Reason.UNSUPPORTED
    assert fault.detail.startswith(f"its pixels are {words}")


# --- pixels of an unknown kind --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        pytest.param(lambda data: data, Reason.UNSUPPORTED, "64-bit floating point", id="whole"),
        pytest.param(lambda data: data[:8], Reason.DAMAGED, "its header is damaged", id="cut"),
        pytest.param(
            lambda data: data[:4] + b"\xff" * 4 + data[8:],
            Reason.DAMAGED,
            "its header is damaged",
            id="lost directory",
        ),
    ],
)
def test_tiff_with_pixels_of_an_unknown_kind(change, reason: Reason, words: str) -> None:
    whole = cv2.imencode(".tif", FILM / 255.0)[1].tobytes()
    with pytest.raises(ScanError, match=words) as caught:
        decode_raster(change(whole), Format.TIFF, USUAL)
    assert caught.value.reason is reason
