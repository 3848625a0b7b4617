"""DICOM files: from stored values to the grey picture that a radiologist would see."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut

from xrayscan.errors import ScanError
from xrayscan.intake.dicom_deflated import read_deflated
from xrayscan.intake.dicom_frame import first_frame, uid_name
from xrayscan.intake.dicom_header import contradictions, facts
from xrayscan.intake.dicom_lut import LookUpTable, look_up_table
from xrayscan.intake.formats import Format
from xrayscan.intake.grey import LUMA, stretch
from xrayscan.intake.integrity import BLANK_SPREAD, COPY_AGAIN, check_pixel_count
from xrayscan.intake.options import DecodeOptions
from xrayscan.records import Radiograph, Reason

_PEAK = 65_535
# What one sample of a pixel can be; some headers say of a grey picture that it has colours.
_KNOWN_GREY = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR")
# The functional groups that say what values mean (PS3.3 C.7.6.16.2.9 and C.7.6.16.2.10).
_GROUPS_OF_VALUES = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
# What sets the contrast of grey values. It has to leave this share of the film between black and
# white, and span this share of the shades: of 38 real files none leaves below 0.18 and 0.68.
_CONTRAST = ("VOILUTSequence", "WindowCenter", "WindowWidth")
_LEAST_SHOWN = 0.1
_FLOAT = NDArray[np.float64]


def decode_dicom(data: bytes, options: DecodeOptions) -> Radiograph:
    """Decode the first frame and bring it to display grey.

    The order is the standard's (PS3.4 N.2): modality LUT or rescale, VOI LUT or window (the first
    of several; robust percentiles where there is none, or one that hides the film), then the
    photometric interpretation, so that 0 is always black.

    Raises:
        ScanError: no DICOM, no picture in it, damaged pixel data, or an unsupported encoding.
    """
    dataset = _dataset(data)
    check_pixel_count(int(dataset.Columns), int(dataset.Rows), Format.DICOM, options)
    grey, of_contrast = _shown(first_frame(dataset), dataset)
    return Radiograph(
        grey,
        _PEAK,
        _format_words(dataset),
        (*_notes(dataset), *of_contrast),
        contradictions(dataset),
        facts(dataset),
    )


def _dataset(data: bytes) -> pydicom.Dataset:
    try:
        dataset = read_deflated(data) or pydicom.dcmread(io.BytesIO(data), force=True)
    except (InvalidDicomError, EOFError, OSError, struct.error):
        detail = f"its DICOM data ends early; {COPY_AGAIN}"
        raise ScanError(Reason.TRUNCATED, detail, Format.DICOM) from None
    if "PixelData" not in dataset:
        raise _no_picture(dataset)
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ScanError(
            Reason.DAMAGED, f"its DICOM header lacks the picture's size; {COPY_AGAIN}", Format.DICOM
        )
    if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        _assume_uncompressed(dataset)
    _lift_groups(dataset)
    return dataset


def _lift_groups(dataset: pydicom.Dataset) -> None:
    """Put what multi-frame files say of their first frame's values where others say it.

    What is said of all frames comes first, so that what is said of the first one alone counts.
    """
    for frames in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in _GROUPS_OF_VALUES:
            dataset.update(_first_item(_first_item(dataset, frames), group))


def _first_item(dataset: pydicom.Dataset, keyword: str) -> pydicom.Dataset:
    """The first item of a sequence; an empty one where it has none, or is not there."""
    items = dataset.get(keyword)
    return items[0] if items else pydicom.Dataset()


def _no_picture(dataset: pydicom.Dataset) -> ScanError:
    """Tell a picture that is cut off from one of other numbers, and a document that has none."""
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        detail = "its pixels are floating point, as no film's are; leave it out with --exclude"
        return ScanError(Reason.UNSUPPORTED, detail, Format.DICOM)
    meta = getattr(dataset, "file_meta", {})
    kind = uid_name(meta.get("MediaStorageSOPClassUID") or dataset.get("SOPClassUID") or "")
    if not kind or "Image Storage" in kind:
        detail = f"its DICOM data ends before the picture; {COPY_AGAIN}"
        return ScanError(Reason.TRUNCATED, detail, Format.DICOM)
    detail = f"a DICOM file without a picture ({kind}); leave it out with --exclude"
    return ScanError(Reason.UNSUPPORTED, detail, Format.DICOM)


def _assume_uncompressed(dataset: pydicom.Dataset) -> None:
    """Files without a meta header are uncompressed (PS3.5 10.1: implicit little endian)."""
    implicit, little = dataset.original_encoding
    syntaxes = {
        (True, True): pydicom.uid.ImplicitVRLittleEndian,
        (False, True): pydicom.uid.ExplicitVRLittleEndian,
        (False, False): pydicom.uid.ExplicitVRBigEndian,
    }
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntaxes[bool(implicit), bool(little)]


def _shown(
    stored: NDArray[Any], dataset: pydicom.Dataset
) -> tuple[NDArray[np.uint16], tuple[str, ...]]:
    """Bring to display grey, and say so where the header's contrast is left out.

    It is where it makes nearly everything black or white of a film that is neither, as a window of
    other units does.
    """
    grey = _display_grey(stored, dataset)
    if not _is_hidden(grey) or _spread(stored) < BLANK_SPREAD * _stored_peak(dataset):
        return grey, ()
    for keyword in _CONTRAST:
        dataset.pop(keyword, None)
    without = _display_grey(stored, dataset)
    if _is_hidden(without):
        return grey, ()
    return without, ("its header's window hides the film, and was left out",)


def _is_hidden(grey: NDArray[np.uint16]) -> bool:
    seen = np.count_nonzero((grey > 0) & (grey < _PEAK)) / grey.size
    return min(seen, _spread(grey) / _PEAK) < _LEAST_SHOWN


def _spread(values: NDArray[Any]) -> float:
    """Between the 1st and the 99th percentile, of each 16th pixel."""
    low, high = np.percentile(values[::4, ::4], (1, 99))
    return float(high - low)


def _display_grey(stored: NDArray[Any], dataset: pydicom.Dataset) -> NDArray[np.uint16]:
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    if photometric == "PALETTE COLOR":
        return _to_peak(_palette_colours(stored, dataset) @ LUMA)
    if dataset.get("SamplesPerPixel") == 3:  # a secondary capture, with its own bit depth
        luma = stored.astype(np.float64) @ LUMA if stored.ndim == 3 else stored
        return _to_peak(luma / _stored_peak(dataset))
    if not photometric.startswith(_KNOWN_GREY):
        detail = f"its header does not say whether black or white is zero; {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, Format.DICOM)
    grey = _monochrome(stored, dataset)
    return _PEAK - grey if photometric == "MONOCHROME1" else grey


def _palette_colours(stored: NDArray[Any], dataset: pydicom.Dataset) -> _FLOAT:
    """Look up red, green and blue: (H, W, 3), 0 to 1."""
    if "RedPaletteColorLookupTableData" not in dataset:  # in segments
        colours = apply_color_lut(stored, dataset)
        return colours.astype(np.float64) / np.iinfo(colours.dtype).max
    names = [f"{colour}PaletteColorLookupTable" for colour in ("Red", "Green", "Blue")]
    parts = [(dataset[f"{name}Descriptor"].value, dataset[f"{name}Data"].value) for name in names]
    tables = [look_up_table(*part, little_endian=_has_little_words(dataset)) for part in parts]
    peak = max(table.peak for table in tables)  # of a colour that is not used it says nothing
    return np.stack([table[stored] for table in tables], axis=-1) / peak


def _monochrome(stored: NDArray[Any], dataset: pydicom.Dataset) -> NDArray[np.uint16]:
    """Apply modality and VOI transformation, else stretch between robust percentiles.

    The transformations know nothing of neighbours: each level is transformed once and looked up.
    """
    if stored.dtype.itemsize <= 2:
        low, high = int(stored.min()), int(stored.max())
        levels = np.arange(low, high + 1, dtype=np.int32)
        shades = _voi(_modality_values(levels, dataset), dataset)
        if shades is not None:
            places = stored if low == 0 else stored.astype(np.int32) - low
            return np.take(shades, places)
    values = _modality_values(stored, dataset)
    grey = _voi(values, dataset)
    return stretch(values.astype(np.float32), _film(stored, dataset)) if grey is None else grey


def _film(stored: NDArray[Any], dataset: pydicom.Dataset) -> NDArray[np.bool_] | None:
    """Where no padding is (PS3.3 C.7.5.1.1.2); None where the header declares none."""
    padding = _first(dataset.get("PixelPaddingValue"))
    if padding is None:
        return None
    last = _first(dataset.get("PixelPaddingRangeLimit"))
    # as they are stored: writers give negative ones as unsigned
    ends = np.array([padding, padding if last is None else last]).astype(np.int64)
    low, high = np.sort(ends.astype(stored.dtype))
    film: NDArray[np.bool_] = (stored < low) | (stored > high)
    return film


def _modality_values(stored: NDArray[Any], dataset: pydicom.Dataset) -> _FLOAT:
    """Apply the modality LUT, else the rescale slope and intercept where they have a value."""
    table = _first_table(dataset, "ModalityLUTSequence")
    if table is not None:
        return table[stored].astype(np.float64)
    slope, intercept = _first(dataset.get("RescaleSlope")), _first(dataset.get("RescaleIntercept"))
    if slope is None or intercept is None:
        return stored.astype(np.float64)
    return stored.astype(np.float64) * slope + intercept


def _first_table(dataset: pydicom.Dataset, keyword: str) -> LookUpTable | None:
    """The first table of a sequence; None where it has none, or an empty one."""
    item = _first_item(dataset, keyword)
    if not item.get("LUTDescriptor") or not item.get("LUTData"):
        return None
    little = _has_little_words(dataset)
    return look_up_table(item.LUTDescriptor, item.LUTData, little_endian=little)


def _has_little_words(dataset: pydicom.Dataset) -> bool:
    return dataset.file_meta.TransferSyntaxUID != pydicom.uid.ExplicitVRBigEndian


def _voi(values: _FLOAT, dataset: pydicom.Dataset) -> NDArray[np.uint16] | None:
    """Apply the VOI LUT or window. Out: 0..65535; None where the header has neither."""
    table = _first_table(dataset, "VOILUTSequence")
    if table is not None:
        return _to_peak(table[values] / table.peak)
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    narrowest = np.finfo(np.float64).tiny if function in ("LINEAR_EXACT", "SIGMOID") else 1
    if centre is not None and width is not None and width >= narrowest:
        return _to_peak(window(values, centre, width, function))
    if _stored_peak(dataset) == 255 and values.min() >= 0 and values.max() <= 255:
        return _to_peak(values / 255)  # 8 bits without a window are made for display as they are
    return None


def window(values: _FLOAT, centre: float, width: float, function: str = "LINEAR") -> _FLOAT:
    """Window values to 0..1 as DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3 define it.

    Args:
        values: any shape, modality units.
        centre: window centre c, modality units.
        width: window width w, modality units; at least 1 for LINEAR, more than 0 for the others.
        function: LINEAR, LINEAR_EXACT or SIGMOID.
    """
    if function == "SIGMOID":
        with np.errstate(over="ignore"):  # far below the centre: 1 / infinity is the 0 it should be
            return np.asarray(1 / (1 + np.exp(-4 * (values - centre) / width)), np.float64)
    if function == "LINEAR_EXACT":
        return np.asarray(np.clip((values - centre) / width + 0.5, 0, 1), np.float64)
    if width <= 1:  # a step
        return np.asarray(values > centre - 0.5, np.float64)
    return np.asarray(np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1), np.float64)


def _to_peak(unit: _FLOAT) -> NDArray[np.uint16]:
    return np.rint(np.clip(unit, 0, 1) * _PEAK).astype(np.uint16)


def _stored_peak(dataset: pydicom.Dataset) -> float:
    return float(2 ** int(dataset.get("BitsStored", 16)) - 1)


def _first(value: Any) -> float | None:
    """The first of one or several decimal strings; None where empty or no number."""
    if isinstance(value, pydicom.multival.MultiValue):
        value = value[0] if len(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _format_words(dataset: pydicom.Dataset) -> str:
    return f"{Format.DICOM} ({uid_name(dataset.file_meta.TransferSyntaxUID)})"


def _notes(dataset: pydicom.Dataset) -> tuple[str, ...]:
    frames = _first(dataset.get("NumberOfFrames")) or 1
    return (f"first of {frames:.0f} frames",) if frames > 1 else ()
