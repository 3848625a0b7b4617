"""Whose film it is, without knowing who that is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from xrayscan.errors import DataError
from xrayscan.intake.dicom_header import patient_key
from xrayscan.labels.listing import Entry

# The names of Kermany's films: person12_bacteria_34, IM-0115-0001, NORMAL2-IM-1427-0001.
_KERMANY_PATIENT = re.compile(
    r"(?:(?P<sick>person\d+)|(?P<normal>(?:NORMAL2-)?IM-\d+))[_-]", re.ASCII | re.IGNORECASE
)
# The names of ChestX-ray14: the patient's number and the number of the visit, 00001303_001.
_NIH_PATIENT = re.compile(r"(\d{8})_\d{3}(?!\d)", re.ASCII)


def patient_of(location: str) -> str:
    """Tell the patient of a film, by its DICOM header, else by its name.

    Args:
        location: path of the film; need not be there.

    Returns:
        A key that films of one patient share, whatever the case of their names. A file without a
        patient in its header and with a name of no known scheme is a patient of its own, and its
        key is ``location``.
    """
    return patient_key(location) or _named_patient(location)


def joined(entries: Sequence[Entry]) -> list[Entry]:
    """Give rows without a patient the one that rows of the same header or name have.

    A list that names some films' patients only would otherwise know one patient by two keys, and
    part what belongs together.

    Raises:
        DataError: rows of that header or name have several patients.
    """
    if all(entry.patient for entry in entries) or not any(entry.patient for entry in entries):
        return list(entries)
    listed: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.patient:
            listed[patient_of(entry.location)].add(entry.patient)
    return [
        entry if entry.patient else _with_patient(entry, listed.get(patient_of(entry.location), ()))
        for entry in entries
    ]


def _with_patient(entry: Entry, patients: Collection[str]) -> Entry:
    if len(patients) > 1:
        raise DataError(
            f"{entry.where}: has no patient, and its header or name is that of {len(patients)} "
            "patients of the list; fill in which one it is"
        )
    return replace(entry, patient="".join(patients))


def _named_patient(location: str) -> str:
    name = Path(location).name
    if match := _KERMANY_PATIENT.match(name):
        sick, normal = match.group("sick", "normal")
        return sick.lower() if sick else normal.upper()
    match = _NIH_PATIENT.match(name)
    return match.group(1) if match else location
