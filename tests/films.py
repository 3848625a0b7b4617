"""Synthetic radiographs for all tests, drawn from a seed, and the files that hold them.

Nothing here is random beyond the seed: the same call gives the same bytes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int16]


# --- pictures -----------------------------------------------------------------------------------


def draw_film(seed: int, *, width: int = 320, height: int = 280) -> NDArray[np.uint8]:
    """Draw what a frontal chest film roughly looks like: (height, width), 0 to 255."""
    return np.rint(_draw(seed, width, height) * 255).astype(np.uint8)


def draw_unlike_film(seed: int, side: int = 224) -> np.ndarray:
    """A drawn film with a pattern of its own: the drawn ones alone are alike as no patients are."""
    drawn = cv2.resize(draw_film(seed), (side, side), interpolation=cv2.INTER_AREA)
    pattern = np.random.default_rng(seed).uniform(0, 255, (12, 12)).astype(np.float32)
    mixed = 0.4 * drawn + 0.6 * cv2.resize(pattern, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def draw_deep_film(
    seed: int, *, bits: int = 12, width: int = 320, height: int = 280
) -> NDArray[np.uint16]:
    """Draw the film of ``draw_film`` with 0 to 2**bits - 1 as its blackest and its whitest."""
    film = _draw(seed, width, height)
    film = (film - film.min()) / (film.max() - film.min())
    return np.rint(film * (2**bits - 1)).astype(np.uint16)


def _draw(seed: int, width: int, height: int) -> NDArray[np.float64]:
    """Return (height, width), 0 to 1. Drawn on a square of 256 units, then squeezed."""
    rng = np.random.default_rng(seed)
    shift = rng.uniform(-8, 8, size=8)
    canvas = np.full((256, 256), 0.06)
    _ellipse(canvas, (128, 170 + shift[0]), (118, 165), 0.62 + shift[1] / 100)  # the body
    ribs = np.zeros_like(canvas)
    for side in (-1, 1):
        centre = (128 + side * (54 + shift[2] / 2), 122 + shift[3])
        _ellipse(canvas, centre, (36 + shift[4] / 2, 82), 0.22)
        for rib in range(7):
            arc = (centre[0], 62 + 22 * rib + shift[5])
            cv2.ellipse(ribs, _whole(arc), (40, 15), side * 12, 180, 360, 0.36, 4)
    canvas = np.maximum(canvas, ribs)
    cv2.rectangle(canvas, (118, 0), (138, 256), 0.8, -1)  # the spine
    _ellipse(canvas, (148 + shift[6], 168), (34, 40), 0.7)  # the heart
    _ellipse(canvas, (128, 262 + shift[7]), (112, 52), 0.75)  # below the diaphragm
    soft = cv2.GaussianBlur(canvas, (0, 0), 2.5)
    film = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(film + rng.normal(0, 0.012, film.shape), 0, 1), np.float64)


def _ellipse(
    canvas: NDArray[np.float64],
    centre: tuple[float, float],
    axes: tuple[float, float],
    level: float,
) -> None:
    cv2.ellipse(canvas, _whole(centre), _whole(axes), 0, 0, 360, level, -1)


def _whole(pair: tuple[float, float]) -> tuple[int, int]:
    return round(pair[0]), round(pair[1])


# --- JPEG, PNG, TIFF, BMP -----------------------------------------------------------------------


def picture(pixels: Pixels, mode: str = "L") -> Image.Image:
    """Put grey pixels into a Pillow picture of another mode that looks the same.

    16-bit pixels stay what they are; palette entries come in no order; CMYK is black ink alone.
    """
    if pixels.dtype == np.uint16 or mode == "L":
        return Image.fromarray(pixels)
    if mode == "P":
        order = np.random.default_rng(0).permutation(256).astype(np.uint8)
        palette = np.repeat(np.argsort(order).astype(np.uint8), 3)
        indexed = Image.fromarray(order[pixels]).convert("P")
        indexed.putpalette(palette.tobytes())
        return indexed
    if mode == "CMYK":
        none = np.zeros_like(pixels)
        return Image.fromarray(np.dstack([none, none, none, 255 - pixels]), "CMYK")
    return Image.fromarray(pixels).convert(mode)


def jpeg_bytes(pixels: Pixels, mode: str = "L", **options: Any) -> bytes:
    return _encoded(picture(pixels, mode), "JPEG", **{"quality": 90, **options})


def png_bytes(pixels: Pixels, mode: str = "L", **options: Any) -> bytes:
    return _encoded(picture(pixels, mode), "PNG", **options)


def tiff_bytes(pixels: Pixels, mode: str = "L", **options: Any) -> bytes:
    return _encoded(picture(pixels, mode), "TIFF", **options)


def bmp_bytes(pixels: Pixels, mode: str = "L") -> bytes:
    return _encoded(picture(pixels, mode), "BMP")


def _encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    """Return an EXIF block, for the encoders' ``exif`` option."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def odd_jpeg_bytes(
    film: NDArray[np.uint8],
    factors: Sequence[tuple[int, int]] = ((3, 1), (1, 1), (1, 1)),
    restart_every: int = 0,
) -> bytes:
    """Write a colour JPEG with any (horizontal, vertical) sampling factors, which no encoder does.

    Each component is a grey JPEG of its own whose coded data becomes one scan of the whole.
    """
    height, width = film.shape
    widest, tallest = (max(factor) for factor in zip(*factors, strict=True))
    assert factors[0] == (widest, tallest), "the grey component has to be the largest"
    flat = [(-(-height * v // tallest), -(-width * h // widest)) for h, v in factors[1:]]
    components = [film, *(np.full(shape, 128, np.uint8) for shape in flat)]
    head, scans = b"", b""
    for index, component in enumerate(components):
        segments, coded = _jpeg_parts(jpeg_bytes(component, restart_marker_blocks=restart_every))
        head = head or segments[0xDB] + segments[0xC4] + segments.get(0xDD, b"")
        scans += bytes([0xFF, 0xDA, 0, 8, 1, index + 1, 0, 0, 63, 0]) + coded
    frame = struct.pack(">HHBHHB", 0xFFC0, 8 + 3 * len(factors), 8, height, width, len(factors))
    for index, (horizontal, vertical) in enumerate(factors):
        frame += bytes([index + 1, horizontal << 4 | vertical, 0])
    return b"\xff\xd8" + head + frame + scans + b"\xff\xd9"


def _jpeg_parts(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """Take a JPEG of one scan apart: its segments by marker, and its coded data."""
    segments: dict[int, bytes] = {}
    position = 2
    while 0xDA not in segments:
        marker, length = struct.unpack_from(">xBH", data, position)
        whole = data[position : position + 2 + length]
        segments[marker] = segments.get(marker, b"") + whole
        position += len(whole)
    return segments, data[position:-2]


# --- DICOM --------------------------------------------------------------------------------------


def dicom_bytes(
    pixels: Pixels,
    *,
    photometric: str = "MONOCHROME2",
    bits_stored: int | None = None,
    syntax: UID = ExplicitVRLittleEndian,
    frame: bytes | None = None,
    preamble: bool = True,
    **elements: Any,
) -> bytes:
    """Write a DICOM file.

    Args:
        pixels: (H, W), for several frames (N, H, W), or (H, W, 3) where the photometric
            interpretation is RGB; signed where the type is.
        photometric: MONOCHROME1, MONOCHROME2, RGB or PALETTE COLOR.
        bits_stored: all bits of the type where not given.
        syntax: an uncompressed or the deflated one, or RLE; any other with ``frame``.
        frame: the picture as already compressed; ``pixels`` then give size and type only.
        preamble: without it, the data set stands alone, as very old programs write it.
        **elements: further elements by keyword, such as WindowCenter=600.

    """
    dataset = FileDataset("", Dataset(), preamble=b"\0" * 128, file_meta=FileMetaDataset())
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = UID("1.2.826.0.1.3680043.8.498.1")
    dataset.PatientName = "Film^Synthetic"
    dataset.Modality = "CR"
    _describe_pixels(dataset, pixels, photometric, bits_stored)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    if frame is not None:
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"
    elif syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian:
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    return _written(dataset, preamble=preamble)


def _describe_pixels(
    dataset: Dataset, pixels: Pixels, photometric: str, bits_stored: int | None
) -> None:
    colour = photometric == "RGB"
    dataset.Rows, dataset.Columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    dataset.SamplesPerPixel = 3 if colour else 1
    if colour:
        dataset.PlanarConfiguration = 0
    elif pixels.ndim == 3:
        dataset.NumberOfFrames = pixels.shape[0]
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = bits_stored or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"


def _written(dataset: FileDataset, *, preamble: bool) -> bytes:
    buffer = io.BytesIO()
    if preamble:
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
        return buffer.getvalue()
    syntax = dataset.file_meta.TransferSyntaxUID
    bare = Dataset(dict(dataset.items()))
    bare.save_as(
        buffer,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )
    return buffer.getvalue()


def lut(first: int, values: Sequence[int], *, bits: int = 16) -> Dataset:
    """Return a look-up table as one item of a VOI LUT or Modality LUT Sequence (PS3.3 C.11)."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values) % 65_536, first, bits])
    item.add_new("LUTData", "OW", np.array(values, "<u2").tobytes())
    item.ModalityLUTType = "US"
    return item
