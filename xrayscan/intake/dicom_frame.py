"""The stored values of a DICOM file's first frame, decoded after a check that they are whole."""

from __future__ import annotations

import re
import struct
from typing import Any

from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import dictionary_description, dictionary_has_tag
from pydicom.encaps import get_frame
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import COPY_AGAIN, check_jpeg_end
from xrayscan.intake.jpeg import check_jpeg
from xrayscan.intake.raw_pixels import check_raw_pixels
from xrayscan.intake.run_lengths import hold_exactly
from xrayscan.records import Reason

# The two ways in which pydicom's messages name an element, "(0028,0004) 'Photometric ...'"; and
# anything else in quotes, up to the last quote, as a value may hold quotes itself.
_ELEMENT = re.compile(r"\(([0-9a-fA-F]{4}),([0-9a-fA-F]{4})\) '([^']*)'")
_QUOTED = re.compile(r"""(?<!\w)(['"]).*\1(?!\w)""")

_JPEG_IN_BLOCKS = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit})
_JPEG_LOSSLESS = frozenset({JPEGLossless, JPEGLosslessSV1})
_JPEG_IN_ROWS = _JPEG_LOSSLESS | {JPEGLSLossless, JPEGLSNearLossless}
# Which of the installed decoders reads a transfer syntax, where it matters: the compiled RLE
# decoder does not survive damage, it ends the whole process; of JPEG-LS decoders only CharLS
# refuses damage.
_PLUGINS = {
    RLELossless: "pydicom",
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
}


def first_frame(dataset: Dataset) -> NDArray[Any]:
    """Decode the stored values of the first frame: (H, W), or (H, W, 3) for colour (as RGB).

    Raises:
        ScanError: the frame is damaged or truncated, or encoded in a way that is not supported.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        _check_frame(dataset)
        stored = pixel_array(dataset, index=0, decoding_plugin=_PLUGINS.get(syntax, ""))
        if syntax in _JPEG_LOSSLESS:
            check_not_filled(stored)
        if not syntax.is_encapsulated:
            check_raw_pixels(stored, Format.DICOM)
        return stored
    except ScanError as fault:  # says JPEG, of a part of the file
        raise ScanError(fault.reason, fault.detail, Format.DICOM) from None
    except NotImplementedError as fault:
        detail = f"{decoder_words(fault)}; export it uncompressed"
        raise ScanError(Reason.UNSUPPORTED, detail, Format.DICOM) from None
    except (RuntimeError, ValueError, AttributeError, EOFError) as fault:
        ends_early = "less than expected" in str(fault) or isinstance(fault, EOFError)
        reason = Reason.TRUNCATED if ends_early else Reason.DAMAGED
        detail = f"its pixel data cannot be decoded ({decoder_words(fault)}); {COPY_AGAIN}"
        raise ScanError(reason, detail, Format.DICOM) from None


def _check_frame(dataset: Dataset) -> None:
    """Refuse a compressed first frame that decoders would complete with made-up pixels."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in _JPEG_IN_BLOCKS | _JPEG_IN_ROWS | {RLELossless}:
        return
    frames = int(dataset.get("NumberOfFrames") or 1)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=frames)
    if syntax == RLELossless:
        planes = int(dataset.SamplesPerPixel) * (int(dataset.BitsAllocated) // 8)
        check_rle(frame, planes, int(dataset.Rows) * int(dataset.Columns))
    elif syntax in _JPEG_IN_ROWS:
        check_jpeg_end(frame)
    else:
        check_jpeg(frame)


def check_rle(frame: bytes, planes: int, pixels: int) -> None:
    """Refuse an RLE frame whose segments do not hold exactly their bytes (DICOM PS3.5, G.3 to G.5).

    Args:
        frame: the coded frame.
        planes: bytes per pixel; each is coded in a segment of its own.
        pixels: in the picture.

    Raises:
        ScanError: a segment is missing, or holds too few or too many bytes.
    """
    count, *starts = struct.unpack_from("<16L", frame.ljust(64, b"\0"))
    ends = [*starts[1:planes], len(frame)]
    coded = [frame[start:end] for start, end in zip(starts[:planes], ends, strict=True)]
    if count != planes or not all(hold_exactly(segment, pixels) for segment in coded):
        detail = f"its run-length coded picture is not whole; {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, Format.DICOM)


def check_not_filled(stored: NDArray[Any]) -> None:
    """Refuse a lossless JPEG whose last rows a decoder has filled up: they repeat one middle grey.

    Borders of one shade are black or white, the darkest or the brightest value of the picture.
    """
    last = stored[-1]
    if last.min() == last.max() and stored.min() < last.min() < stored.max():
        detail = f"ends in the middle of the picture; {COPY_AGAIN}"
        raise ScanError(Reason.TRUNCATED, detail, Format.DICOM)


def decoder_words(fault: Exception) -> str:
    """Give the decoder's own words as part of a sentence, without any value of the header.

    pydicom quotes the values that it complains of, and in a damaged or odd header any of them can
    be the patient's name. Names of elements stay.
    """
    line = str(fault).strip().partition("\n")[0].partition(" - ")[0].rstrip(".: ")
    return _QUOTED.sub("...", _ELEMENT.sub(_without_quotes, line))


def _without_quotes(element: re.Match[str]) -> str:
    """Take the quotes off an element's name, if it is the name that the standard gives it."""
    tag = int(element[1] + element[2], 16)
    known = dictionary_has_tag(tag) and dictionary_description(tag) == element[3]
    return f"({element[1]},{element[2]}) {element[3]}" if known else element[0]
