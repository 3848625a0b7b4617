"""The stored values of a DICOM file's first frame, decoded after a check that they are whole."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import dictionary_description, dictionary_has_tag
from pydicom.encaps import encapsulate, generate_fragments, get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, JPEGBaseline8Bit, JPEGExtended12Bit, RLELossless

from xrayscan.errors import ScanError
from xrayscan.intake.dicom_sign import with_its_sign
from xrayscan.intake.formats import Format
from xrayscan.intake.frame_codecs import FrameLayout, decode_frame
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.intake.raw_pixels import check_raw_pixels
from xrayscan.records import Reason

# The two ways in which pydicom's messages name an element, "(0028,0004) 'Photometric ...'"; and
# anything else in quotes, up to the last quote, as a value may hold quotes and line breaks itself.
_ELEMENT = re.compile(r"\(([0-9a-fA-F]{4}),([0-9a-fA-F]{4})\) '([^']*)'")
_QUOTED = re.compile(r"""(?<!\w)b?(['"]).*\1(?!\w)""", re.DOTALL)

# Which of pydicom's decoders reads a transfer syntax, where it matters: the compiled RLE decoder
# does not survive damage, it ends the whole process.
_PLUGINS = {RLELossless: "pydicom"}

_UNSIGNED = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit})


def first_frame(dataset: Dataset) -> NDArray[Any]:
    """Decode the stored values of the first frame: (H, W), or (H, W, 3) for colour (as RGB).

    Of colour in a lossy JPEG the luma is decoded: (H, W).

    Raises:
        ScanError: the frame is damaged or truncated, or encoded in a way that is not supported.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    _check_known(syntax)
    return with_its_sign(_whole(dataset, syntax), int(dataset.get("BitsStored") or 0))


def _whole(dataset: Dataset, syntax: UID) -> NDArray[Any]:
    """Decode with all bits that the values have."""
    below = _bits_below(dataset)
    if not below and not _may_be_deeper(dataset):
        return _decoded(dataset, syntax)
    bits = int(dataset.BitsStored)
    try:
        dataset.BitsStored = bits + below if below else dataset.BitsAllocated
        stored = _decoded(dataset, syntax)
    finally:
        dataset.BitsStored = bits
    if not stored.max() >> bits:
        return stored  # of values at the top, some headers err
    return stored >> below if below else _as_deep_as_smooth(stored, bits)


def _as_deep_as_smooth(stored: NDArray[Any], bits: int) -> NDArray[Any]:
    """Clear the bits above those that the header names, unless the picture falls apart by that.

    Where the header errs, values wrap around without them: neighbours that differ by little come to
    lie at both ends. Overlays, which old files have there, make the picture rougher themselves.
    """
    named = stored & (2**bits - 1)
    return stored if _roughness(stored) < _roughness(named) else named


def _roughness(values: NDArray[Any]) -> int:
    return int(np.abs(np.diff(values.astype(np.int64), axis=1)).sum())


def _may_be_deeper(dataset: Dataset) -> bool:
    """Whether values may use bits that the header does not name; of signed ones these repeat the
    sign.
    """
    named = 0 < int(dataset.get("BitsStored") or 0) < int(dataset.get("BitsAllocated") or 0)
    return named and not dataset.get("PixelRepresentation") and not _has_overlays_within(dataset)


def _bits_below(dataset: Dataset) -> int:
    """Bits of a cell below its value, which old files have at the top; no others have any."""
    stored, top = int(dataset.get("BitsStored") or 0), int(dataset.get("HighBit") or 0) + 1
    at_the_top = 0 < stored < top <= int(dataset.get("BitsAllocated") or 0)
    return top - stored if at_the_top and not dataset.get("PixelRepresentation") else 0


def _decoded(dataset: Dataset, syntax: UID) -> NDArray[Any]:
    try:
        if syntax.is_encapsulated:
            return _decode_coded(dataset, syntax)
        stored = pixel_array(dataset, index=0)
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


def _check_known(syntax: UID) -> None:
    """Refuse a transfer syntax that no decoder reads: videos, those of other makers, new ones."""
    try:
        get_decoder(syntax)
    except NotImplementedError:
        reason, next_step = Reason.UNSUPPORTED, "export it uncompressed"
        if not syntax.is_valid:  # a damaged header, not a maker's own
            reason, next_step = Reason.DAMAGED, COPY_AGAIN
        detail = f"its transfer syntax ({uid_name(syntax)}) cannot be read; {next_step}"
        raise ScanError(reason, detail, Format.DICOM) from None


def uid_name(value: object) -> str:
    """Name what a UID stands for; in a damaged header it may be anything, a patient's name too."""
    uid = UID(str(value))
    return uid.name if uid.is_valid or not uid else "of an unknown kind"


def _decode_coded(dataset: Dataset, syntax: UID) -> NDArray[Any]:
    """Decode a compressed first frame strictly; by pydicom what ``decode_frame`` leaves to it."""
    layout = FrameLayout(
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        samples=int(dataset.SamplesPerPixel),
        sample_bytes=int(dataset.BitsAllocated) // 8,
    )
    frame = _coded_frame(dataset)
    pixels = decode_frame(frame, syntax, layout)
    if pixels is not None:
        return _as_stored(pixels, dataset, syntax)
    dataset.PixelData = encapsulate([frame])
    dataset.pop("ExtendedOffsetTable", None)
    return pixel_array(dataset, index=0, decoding_plugin=_PLUGINS.get(syntax, ""))


def _coded_frame(dataset: Dataset) -> bytes:
    """Put the first frame together: where it is the only one, of all fragments (PS3.5 A.4).

    Some writers err in the table of offsets, which is then not needed.
    """
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        return get_frame(dataset.PixelData, 0, number_of_frames=frames)
    _offsets, *fragments = generate_fragments(dataset.PixelData)
    return b"".join(fragments)


def _as_stored(pixels: NDArray[Any], dataset: Dataset, syntax: UID) -> NDArray[Any]:
    """Give decoded pixels the sign that the header declares, and clear unused bits (PS3.5 8.1.1).

    Few codes know of signs: a negative number comes as a large one, with the sign in its highest
    stored bit; in lossy JPEG there are none (table 8.2.1-1). Where there are more bits than the
    header says, it errs, unless the others are overlays.
    """
    kind = "i" if dataset.get("PixelRepresentation") and syntax not in _UNSIGNED else "u"
    coded = pixels.view(f"{kind}{pixels.dtype.itemsize}")
    cell = max(coded.dtype.itemsize, int(dataset.BitsAllocated) // 8)
    stored = coded.astype(f"{kind}{cell}")
    unused = 8 * cell - int(dataset.BitsStored)
    if unused > 0 and (kind == "i" or _has_overlays_within(dataset)):
        stored <<= unused
        stored >>= unused
    return stored


def _has_overlays_within(dataset: Dataset) -> bool:
    """Whether overlays lie in bits of the pixels, as old files have them (PS3.3 C.9.2)."""
    positions = (dataset.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2))
    return any(position is not None and position.value for position in positions)


def decoder_words(fault: Exception) -> str:
    """Give the decoder's own words as part of a sentence, without any value of the header.

    pydicom quotes the values that it complains of, and in a damaged or odd header any of them can
    be the patient's name. Names of elements stay.
    """
    # before anything is cut off: a value that ends amid its quotes would not be known as one
    text = _QUOTED.sub("...", _ELEMENT.sub(_without_quotes, str(fault)))
    line = text.strip().partition("\n")[0].partition(" - ")[0]
    return line if line.endswith("...") else line.rstrip(".: ")


def _without_quotes(element: re.Match[str]) -> str:
    """Take the quotes off an element's name, if it is the name that the standard gives it."""
    tag = int(element[1] + element[2], 16)
    known = dictionary_has_tag(tag) and dictionary_description(tag) == element[3]
    return f"({element[1]},{element[2]}) {element[3]}" if known else element[0]
