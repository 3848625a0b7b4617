"""What the header of a DICOM file says of patient and view; it names patients on request only."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import date
from typing import BinaryIO

import pydicom

from xrayscan.intake.dicom_deflated import read_deflated_start
from xrayscan.intake.formats import SNIFF_BYTES, Format, sniff
from xrayscan.records import Facts, Identifiers

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
_SEXES = frozenset("FMO")
# What a view can be called (PS3.3 C.8.1.3 and C.8.11.5), and the codes of PS3.16 CID 4010.
_VIEWS = frozenset(
    [
        "AP",
        "PA",
        "LL",
        "RL",
        "LLD",
        "RLD",
        "LLO",
        "RLO",
        "LAT",
        "LATERAL",
        "RAO",
        "LAO",
        "RPO",
        "LPO",
    ]
)
_VIEW_CODES = {
    "399348003": "AP",
    "R-10206": "AP",
    "272479007": "PA",
    "R-10214": "PA",
    "399067008": "LATERAL",
    "399173006": "LL",
    "399198007": "RL",
}
_AGE = re.compile(r"(\d{1,3})([DWMY])")  # PS3.5 table 6.2-1, AS
_IN_A_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
# Ages above 89 are told as 90: by themselves they can tell who somebody is, and count as
# identifiers (45 CFR 164.514(b)(2)(i)(C)).
_OLDEST = 90
_OLDEST_BELIEVED = 130  # years; beyond lie wrong dates


def facts(dataset: pydicom.Dataset) -> Facts:
    """Read age, sex and view, where the header says them in so many words.

    Values of the lists above only: in a careless header any value can be a name.
    """
    try:
        sex = _text(dataset, "PatientSex")
        return Facts(_age(dataset), sex if sex in _SEXES else "", _view(dataset))
    except Exception:  # anything at all in a damaged header; it is the picture that counts
        return Facts()


def _age(dataset: pydicom.Dataset) -> float | None:
    """Age in years when the film was taken; whole years from two on."""
    stated = stated_years(_text(dataset, "PatientAge"))
    years = _years_since_birth(dataset) if stated is None else stated
    if years is None or not 0 <= years <= _OLDEST_BELIEVED:
        return None
    return min(_OLDEST, float(int(years)) if years >= 2 else round(years, 1))


def stated_years(text: str) -> float | None:
    """Read an age as DICOM writes it (045Y, 018M, 003W, 010D), in years; None for other texts."""
    stated = _AGE.fullmatch(text.upper())
    return int(stated[1]) / _IN_A_YEAR[stated[2]] if stated else None


def _years_since_birth(dataset: pydicom.Dataset) -> float | None:
    try:
        taken = date.fromisoformat(_text(dataset, "StudyDate"))
        born = date.fromisoformat(_text(dataset, "PatientBirthDate"))
    except ValueError:  # not there, or no dates
        return None
    return (taken - born).days / _IN_A_YEAR["D"]


def _view(dataset: pydicom.Dataset) -> str:
    name = _text(dataset, "ViewPosition")
    if name in _VIEWS:
        return name
    codes = dataset.get("ViewCodeSequence") or ()
    return next((_VIEW_CODES.get(_text(code, "CodeValue"), "") for code in codes), "")


def _text(dataset: pydicom.Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip().upper()


def contradictions(dataset: pydicom.Dataset) -> tuple[str, ...]:
    """Say what a header has that does not go with a frontal chest film.

    Only values of the lists above are ever repeated: in a careless header any value can be a name.
    """
    return tuple(
        f"its header says {code}"
        for keyword, codes in _ELSEWHERE.items()
        if (code := _text(dataset, keyword)) in codes
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
            element = _header(file, "PatientID").get_item("PatientID")
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
        header = _header(io.BytesIO(data), "SpecificCharacterSet", *keywords)
        return Identifiers(*(str(header.get(keyword) or "").strip() for keyword in keywords))
    except Exception:  # anything at all on damaged bytes; decoding is what reports the file
        return Identifiers()


def _header(file: BinaryIO, *keywords: str) -> pydicom.Dataset:
    """Read some elements of a header and no picture; none of a file that is no DICOM."""
    if sniff(file.read(SNIFF_BYTES)) is not Format.DICOM:
        return pydicom.Dataset()
    file.seek(0)
    start = read_deflated_start(file, keywords)
    if start is not None:
        return start
    file.seek(0)
    return pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(keywords))
