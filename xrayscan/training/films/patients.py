"""Whose film it is, without knowing who that is."""

from __future__ import annotations

import re
from pathlib import Path

from xrayscan.intake.dicom import patient_key

# The names of Kermany's films: person12_bacteria_34, IM-0115-0001, NORMAL2-IM-1427-0001.
_KERMANY_PATIENT = re.compile(r"(person\d+|(?:NORMAL2-)?IM-\d+)[_-]")


def patient_of(location: str) -> str:
    """Tell the patient of a film, by its DICOM header, else by its name.

    Args:
        location: path of the film; need not be there.

    Returns:
        A key that films of one patient share. A file without a patient in its header and with a
        name of no known scheme is a patient of its own.
    """
    return patient_key(location) or _named_patient(location)


def _named_patient(location: str) -> str:
    match = _KERMANY_PATIENT.match(Path(location).name)
    return match.group(1) if match else location
