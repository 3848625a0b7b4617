"""One compressed frame of a DICOM file, by decoders that refuse what is not whole.

Which decoder reads a transfer syntax is chosen by measurement (benchmarks/results.md): the fastest
of those that find damage, or whose silence can be checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from xrayscan.errors import ScanError
from xrayscan.intake import jpeg2000
from xrayscan.intake.dicom_rle import decode_rle
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import COPY_AGAIN, check_jpeg_end
from xrayscan.intake.jpeg_lossless import decode_lossless, is_lossless
from xrayscan.intake.jpeg_scan import frame_size
from xrayscan.intake.jpeg_strict import strict_grey
from xrayscan.records import Reason

_JPEG2000 = frozenset({JPEG2000, JPEG2000Lossless})


@dataclass(frozen=True, slots=True)
class FrameLayout:
    """What the header says of a frame.

    Attributes:
        rows, columns: pixels.
        samples: per pixel, 1 or 3.
        sample_bytes: bytes that a sample takes when decoded.
    """

    rows: int
    columns: int
    samples: int
    sample_bytes: int


_Pixels = NDArray[Any]
_DECODERS: dict[UID, Callable[[bytes, FrameLayout], _Pixels]] = {
    JPEGBaseline8Bit: lambda frame, layout: _decode_jpeg(frame),
    JPEGExtended12Bit: lambda frame, layout: _decode_jpeg(frame),
    JPEGLossless: lambda frame, layout: _decode_jpeg(frame),
    JPEGLosslessSV1: lambda frame, layout: _decode_jpeg(frame),
    JPEGLSLossless: lambda frame, layout: np.asarray(imagecodecs.jpegls_decode(frame)),
    JPEGLSNearLossless: lambda frame, layout: np.asarray(imagecodecs.jpegls_decode(frame)),
    JPEG2000: lambda frame, layout: jpeg2000.decode_jpeg2000(frame),
    JPEG2000Lossless: lambda frame, layout: jpeg2000.decode_jpeg2000(frame),
    RLELossless: lambda frame, layout: decode_rle(
        frame, layout.samples * layout.sample_bytes, layout.rows * layout.columns
    ),
}


def decode_frame(frame: bytes, syntax: UID, layout: FrameLayout) -> _Pixels | None:
    """Decode a frame, or refuse it.

    Args:
        frame: as it lies in the file.
        syntax: the file's transfer syntax.
        layout: what the header says.

    Returns:
        (rows, columns) integers of a grey frame as coded, without regard to sign and unused bits;
        of colour in lossy JPEG its luma. None for a frame in any other colour, which was checked,
        but has to be decoded by others; and for one of a syntax that cannot be checked at all.

    Raises:
        ScanError: it is damaged, truncated, or another picture than the header says.
        RuntimeError: of a decoder that refuses it.
    """
    decoder = _DECODERS.get(syntax)
    if decoder is None:
        return None
    if syntax != RLELossless:
        _check_size(frame, syntax, layout)
    pixels = decoder(frame, layout)
    is_grey = pixels.size == layout.rows * layout.columns
    return pixels.reshape(layout.rows, layout.columns) if is_grey else None


def _decode_jpeg(frame: bytes) -> _Pixels:
    """Decode JPEG of either family, by what it is: some files name the other one.

    Of lossy colour the luma is decoded; of colours that no marker in the JPEG names, that is the
    first component. The file's header is not asked for them, as it errs: it may say RGB where there
    is luma and chroma. The first component of a film without colour is the film in either.
    """
    if is_lossless(frame):
        return decode_lossless(frame)
    pixels = strict_grey(frame)
    if pixels is None:
        return np.asarray(imagecodecs.jpeg8_decode(frame, outcolorspace="GRAYSCALE"))
    return pixels


def _check_size(frame: bytes, syntax: UID, layout: FrameLayout) -> None:
    """Refuse a frame that claims another size than the header: it may claim any memory."""
    if syntax in _JPEG2000:
        width, height, samples = jpeg2000.size(frame)
    else:
        check_jpeg_end(frame)
        width, height, samples = frame_size(frame)
    if (width, height) != (layout.columns, layout.rows) or samples > 4:
        detail = (
            f"its picture is {width}x{height} pixels, and its header says "
            f"{layout.columns}x{layout.rows}; {COPY_AGAIN}"
        )
        raise ScanError(Reason.DAMAGED, detail, Format.DICOM)
