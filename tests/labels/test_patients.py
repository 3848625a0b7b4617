from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.films import dicom_bytes, draw_film
from xrayscan.labels.patients import patient_of

PATIENTS = {
    "person1_bacteria_1.jpeg": "person1",
    "person1_virus_6.jpeg": "person1",
    "person1000_bacteria_2931.jpeg": "person1000",
    "person100_virus_184.jpeg": "person100",
    "IM-0115-0001.jpeg": "IM-0115",
    "IM-0001-0001-0002.jpeg": "IM-0001",
    "NORMAL2-IM-1427-0001.jpeg": "NORMAL2-IM-1427",
    "NORMAL2-IM-0027-0001-0001.jpeg": "NORMAL2-IM-0027",
    "PERSON7_Virus_9.JPEG": "person7",
    "im-0115-0002.jpeg": "IM-0115",
    "00001303_001.png": "00001303",
    "00001303_012 (2).png": "00001303",
}


@pytest.mark.parametrize(("name", "patient"), PATIENTS.items(), ids=PATIENTS)
def test_patient_of_a_published_name(name: str, patient: str) -> None:
    assert patient_of(f"data/train/{name}") == patient


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/film1.png", "a/film2.png"),
        ("a/personal_1.png", "a/personal_2.png"),
        ("a/00001303_0011.png", "a/00001303_0012.png"),
        ("a/20240101_1.png", "a/20240101_2.png"),
        ("a/my-IM-0115-0001.png", "a/my-IM-0115-0002.png"),
        ("NORMAL/1.png", "PNEUMONIA/1.png"),
        ("NORMAL/ann/chest.png", "NORMAL/bob/chest.png"),
        ("a/film.png", "a/film.jpg"),
    ],
)
def test_a_name_of_no_scheme_is_a_patient_of_its_own(one: str, other: str) -> None:
    assert patient_of(one) != patient_of(other)


def test_patients_of_the_published_set(shared_data: Path) -> None:
    with (shared_data / "kermany" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 5000
    wrong = [row["path"] for row in rows if patient_of(row["path"]) != row["patient"]]
    assert wrong == []


@pytest.mark.parametrize(
    ("identifier", "patient"), [("", "person3"), ("77", "dicom:")], ids=["none", "some"]
)
def test_a_header_comes_before_the_name(tmp_path: Path, identifier: str, patient: str) -> None:
    film = tmp_path / "person3_virus_4.dcm"
    film.write_bytes(dicom_bytes(draw_film(seed=1), PatientID=identifier))
    assert patient_of(str(film)).startswith(patient)
