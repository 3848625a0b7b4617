"""DICOM files: from stored values to the grey picture that a radiologist would see."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, pixel_array
from pydicom.uid import UID

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import COPY_AGAIN, check_pixel_count
from xrayscan.intake.raster import stretch
from xrayscan.records import Radiograph, Reason

_PEAK = 65_535
_FLOAT = NDArray[np.float64]


def decode_dicom(data: bytes) -> Radiograph:
    """Decode the first frame and bring it to display grey.

    The order is the standard's (PS3.4 N.2): modality LUT or rescale, VOI LUT or window (the first
    of several; robust percentiles where there is none), then the photometric interpretation, so
    that 0 is always black.

    Raises:
        ScanError: no DICOM, no picture in it, damaged pixel data, or an unsupported encoding.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns about odd headers of good films
        dataset = _dataset(data)
        check_pixel_count(int(dataset.Columns), int(dataset.Rows), Format.DICOM)
        stored = _first_frame(dataset)
        grey = _display_grey(stored, dataset)
    return Radiograph(grey, _PEAK, _format_words(dataset), _notes(dataset))


def _dataset(data: bytes) -> pydicom.Dataset:
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    except (InvalidDicomError, EOFError):
        raise ScanError(
            Reason.TRUNCATED, f"its DICOM header ends early; {COPY_AGAIN}", Format.DICOM
        ) from None
    if "PixelData" not in dataset:
        kind = UID(str(dataset.get("SOPClassUID", ""))).name or "unknown kind"
        raise ScanError(
            Reason.UNSUPPORTED,
            f"a DICOM file without a picture ({kind}); leave it out with --exclude",
            Format.DICOM,
        )
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ScanError(
            Reason.DAMAGED, f"its DICOM header lacks the picture's size; {COPY_AGAIN}", Format.DICOM
        )
    if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        _assume_uncompressed(dataset)
    return dataset


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


def _first_frame(dataset: pydicom.Dataset) -> NDArray[Any]:
    """Stored values of the first frame: (H, W), or (H, W, 3) for colour (as RGB)."""
    try:
        return pixel_array(dataset, index=0)
    except NotImplementedError as fault:
        raise ScanError(
            Reason.UNSUPPORTED, f"{_first_line(fault)}; export it uncompressed", Format.DICOM
        ) from None
    except (RuntimeError, ValueError, AttributeError, EOFError) as fault:
        expected_more = "less than expected" in str(fault) or isinstance(fault, EOFError)
        reason = Reason.TRUNCATED if expected_more else Reason.DAMAGED
        detail = f"its pixel data cannot be decoded ({_first_line(fault)}); {COPY_AGAIN}"
        raise ScanError(reason, detail, Format.DICOM) from None


def _display_grey(stored: NDArray[Any], dataset: pydicom.Dataset) -> NDArray[np.uint16]:
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    if photometric == "PALETTE COLOR":
        stored = apply_color_lut(stored, dataset)
    if stored.ndim == 3:  # a secondary capture in colour: its luminance, with its own bit depth
        depth = (
            float(np.iinfo(stored.dtype).max)
            if photometric == "PALETTE COLOR"
            else _stored_peak(dataset)
        )
        luma = stored.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
        return _to_peak(luma / depth)
    values = np.asarray(apply_modality_lut(stored, dataset), np.float64)
    grey = _voi(values, dataset)
    return _PEAK - grey if photometric == "MONOCHROME1" else grey


def _voi(values: _FLOAT, dataset: pydicom.Dataset) -> NDArray[np.uint16]:
    """Apply the VOI LUT or window, else robust percentiles. Out: 0..65535."""
    if dataset.get("VOILUTSequence"):
        lut_bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        return _to_peak(
            np.asarray(apply_voi(values.astype(np.int64), dataset), np.float64) / (2**lut_bits - 1)
        )
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if centre is not None and width is not None and width >= 1:
        return _to_peak(window(values, centre, width, str(dataset.get("VOILUTFunction", "LINEAR"))))
    if _stored_peak(dataset) == 255:  # 8 bits without a window are made for display as they are
        return _to_peak(values / 255)
    return stretch(values.astype(np.float32))


def window(values: _FLOAT, centre: float, width: float, function: str = "LINEAR") -> _FLOAT:
    """Window values to 0..1 as DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3 define it.

    Args:
        values: any shape, modality units.
        centre: window centre c, modality units.
        width: window width w, modality units; at least 1 for LINEAR, more than 0 for the others.
        function: LINEAR, LINEAR_EXACT or SIGMOID.

    """
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(-4 * (values - centre) / width)), np.float64)
    if function == "LINEAR_EXACT":
        return np.asarray(np.clip((values - centre) / width + 0.5, 0, 1), np.float64)
    # width 1 is a step at centre - 0.5; the tiny divisor makes it one without dividing by zero
    slope = max(width - 1, 1e-9)
    return np.asarray(np.clip((values - (centre - 0.5)) / slope + 0.5, 0, 1), np.float64)


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
    return f"{Format.DICOM} ({UID(dataset.file_meta.TransferSyntaxUID).name})"


def _notes(dataset: pydicom.Dataset) -> tuple[str, ...]:
    frames = _first(dataset.get("NumberOfFrames")) or 1
    return (f"first of {frames:.0f} frames",) if frames > 1 else ()


def _first_line(fault: Exception) -> str:
    return str(fault).strip().partition("\n")[0].rstrip(".: ")
