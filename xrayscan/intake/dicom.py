"""DICOM files: from stored values to the grey picture that a radiologist would see."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi
from pydicom.uid import UID

from xrayscan.errors import ScanError
from xrayscan.intake.dicom_frame import first_frame
from xrayscan.intake.formats import SNIFF_BYTES, Format, sniff
from xrayscan.intake.integrity import COPY_AGAIN, check_pixel_count
from xrayscan.intake.raster import stretch
from xrayscan.records import Identifiers, Radiograph, Reason

_PEAK = 65_535
# Values that contradict a frontal chest film: of PS3.3 C.7.3.1.1.1, PS3.16 annex L and PS3.3
# C.8.1.3 (lateral and oblique views).
_ELSEWHERE = {
    keyword: frozenset(codes.split())
    for keyword, codes in {
        "Modality": "CT DOC ECG ES GM IO IVUS MG MR NM OP PT PX SM SR US XA XC",
        "BodyPartExamined": "ABDOMEN ANKLE ARM BREAST CALCANEUS CLAVICLE COCCYX CSPINE ELBOW "
        "EXTREMITY FEMUR FINGER FOOT FOREARM HAND HEAD HIP HUMERUS JAW KNEE LEG LSPINE NECK PELVIS "
        "SCAPULA SHOULDER SKULL SPINE SSPINE TOE TSPINE WRIST ZYGOMA",
        "ViewPosition": "LAT LATERAL LL RL LLD RLD LLO RLO",
    }.items()
}
_FLOAT = NDArray[np.float64]


def decode_dicom(data: bytes) -> Radiograph:
    """Decode the first frame and bring it to display grey.

    The order is the standard's (PS3.4 N.2): modality LUT or rescale, VOI LUT or window (the first
    of several; robust percentiles where there is none), then the photometric interpretation, so
    that 0 is always black.

    Raises:
        ScanError: no DICOM, no picture in it, damaged pixel data, or an unsupported encoding.
    """
    dataset = _dataset(data)
    check_pixel_count(int(dataset.Columns), int(dataset.Rows), Format.DICOM)
    grey = _display_grey(first_frame(dataset), dataset)
    return Radiograph(grey, _PEAK, _format_words(dataset), _notes(dataset), contradictions(dataset))


def contradictions(dataset: pydicom.Dataset) -> tuple[str, ...]:
    """Say what a header has that does not go with a frontal chest film.

    Only values of the lists above are ever repeated: in a careless header any value can be a name.
    """
    return tuple(
        f"its header says {code}"
        for keyword, codes in _ELSEWHERE.items()
        if (code := str(dataset.get(keyword) or "").strip().upper()) in codes
    )


def patient_key(location: str) -> str:
    """Tell the patient of a DICOM file from its header, without reading the picture.

    The identifier itself never leaves this function, nor is it decoded to text: what pydicom might
    warn of could quote it.

    Args:
        location: path of any file, DICOM or not.

    Returns:
        ``"dicom:"`` and 16 hexadecimal digits of the identifier's sha256; "" where the file is
        gone, no DICOM, damaged, or names no patient.
    """
    try:
        with open(location, "rb") as file:  # noqa: PTH123  # may not be UTF-8
            element = header_of(file, "PatientID").get_item("PatientID")
            identifier = bytes(element.value or b"").strip(b" \0") if element else b""
    except Exception:  # anything at all on damaged bytes; decoding is what reports the file
        return ""
    return f"dicom:{hashlib.sha256(identifier).hexdigest()[:16]}" if identifier else ""


def identifiers(data: bytes) -> Identifiers:
    """Read who a film is of, for those who ask for it: ``--with-identifiers``.

    Args:
        data: the bytes of any file.

    Returns:
        Empty texts where the file is no DICOM, or its header does not say or is damaged.
    """
    keywords = ("PatientName", "PatientID", "PatientBirthDate")
    try:
        found = header_of(io.BytesIO(data), "SpecificCharacterSet", *keywords)
        return Identifiers(*(str(found.get(keyword) or "").strip() for keyword in keywords))
    except Exception:  # anything at all on damaged bytes; decoding is what reports the file
        return Identifiers()


def header_of(file: BinaryIO, *keywords: str) -> pydicom.Dataset:
    """Read some elements of a header and no picture; none of a file that is no DICOM."""
    if sniff(file.read(SNIFF_BYTES)) is not Format.DICOM:
        return pydicom.Dataset()
    file.seek(0)
    return pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(keywords))


def _dataset(data: bytes) -> pydicom.Dataset:
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    except (InvalidDicomError, EOFError, OSError, struct.error, zlib.error) as fault:
        ends_early = not isinstance(fault, zlib.error) or "incomplete" in str(fault)
        reason = Reason.TRUNCATED if ends_early else Reason.DAMAGED
        words = "ends early" if ends_early else f"is damaged ({fault})"
        raise ScanError(reason, f"its DICOM data {words}; {COPY_AGAIN}", Format.DICOM) from None
    if "PixelData" not in dataset:
        raise _no_picture(dataset)
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ScanError(
            Reason.DAMAGED, f"its DICOM header lacks the picture's size; {COPY_AGAIN}", Format.DICOM
        )
    if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        _assume_uncompressed(dataset)
    return dataset


def _no_picture(dataset: pydicom.Dataset) -> ScanError:
    """Tell a picture that is cut off from a kind of document that has none."""
    meta = getattr(dataset, "file_meta", {})
    kind = _uid_name(meta.get("MediaStorageSOPClassUID") or dataset.get("SOPClassUID") or "")
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
    grey = _voi(_modality_values(stored, dataset), dataset)
    return _PEAK - grey if photometric == "MONOCHROME1" else grey


def _modality_values(stored: NDArray[Any], dataset: pydicom.Dataset) -> _FLOAT:
    """Apply the modality LUT, else the rescale slope and intercept where they have a value."""
    if dataset.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored, dataset), np.float64)
    slope, intercept = _first(dataset.get("RescaleSlope")), _first(dataset.get("RescaleIntercept"))
    if slope is None or intercept is None:
        return stored.astype(np.float64)
    return stored.astype(np.float64) * slope + intercept


def _voi(values: _FLOAT, dataset: pydicom.Dataset) -> NDArray[np.uint16]:
    """Apply the VOI LUT or window, else robust percentiles. Out: 0..65535."""
    if dataset.get("VOILUTSequence"):
        peak = 2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1
        looked_up = apply_voi(np.rint(values).astype(np.int64), dataset)
        return _to_peak(np.asarray(looked_up, np.float64) / peak)
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    function = str(dataset.get("VOILUTFunction") or "LINEAR")
    narrowest = np.finfo(np.float64).tiny if function in ("LINEAR_EXACT", "SIGMOID") else 1
    if centre is not None and width is not None and width >= narrowest:
        return _to_peak(window(values, centre, width, function))
    if _stored_peak(dataset) == 255 and values.min() >= 0 and values.max() <= 255:
        return _to_peak(values / 255)  # 8 bits without a window are made for display as they are
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
    return f"{Format.DICOM} ({_uid_name(dataset.file_meta.TransferSyntaxUID)})"


def _uid_name(value: object) -> str:
    """Name what a UID stands for; in a damaged header it may be anything, a patient's name too."""
    uid = UID(str(value))
    return uid.name if uid.is_valid or not uid else "of an unknown kind"


def _notes(dataset: pydicom.Dataset) -> tuple[str, ...]:
    frames = _first(dataset.get("NumberOfFrames")) or 1
    return (f"first of {frames:.0f} frames",) if frames > 1 else ()
