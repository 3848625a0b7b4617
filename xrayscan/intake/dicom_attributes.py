"""What a DICOM header says of a film beyond its picture, for subgroups: age, sex and view."""

from __future__ import annotations

import re

from xrayscan.intake.dicom import header_of

_AGE = re.compile(r"(\d{1,3})([DWMY])")  # PS3.5, value representation AS
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_SEXES = ("F", "M", "O")  # PS3.3 C.7.1.1
_VIEWS = ("AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO")  # PS3.3 C.8.1.3


def dicom_attributes(location: str) -> dict[str, str]:
    """Read age in years, sex and view position.

    Only the values that the standard defines are taken over: in a careless header any field can
    hold a name.

    Args:
        location: path of any file, DICOM or not.

    Returns:
        Any of "age" (whole years), "sex" and "view"; nothing where the header does not say.
    """
    try:
        with open(location, "rb") as file:  # noqa: PTH123  # may not be UTF-8
            found = header_of(file, "PatientAge", "PatientSex", "ViewPosition")
            texts = {
                name: str(found.get(keyword) or "").strip().upper()
                for name, keyword in (
                    ("age", "PatientAge"),
                    ("sex", "PatientSex"),
                    ("view", "ViewPosition"),
                )
            }
    except Exception:  # anything at all on damaged bytes; decoding is what reports the file
        return {}
    known = {
        "age": _years(texts["age"]),
        "sex": texts["sex"] if texts["sex"] in _SEXES else "",
        "view": texts["view"] if texts["view"] in _VIEWS else "",
    }
    return {name: text for name, text in known.items() if text}


def _years(text: str) -> str:
    match = _AGE.fullmatch(text)
    return str(int(int(match[1]) / _PER_YEAR[match[2]])) if match else ""
