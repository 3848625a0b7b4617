from __future__ import annotations

from pathlib import Path

import pytest

from tests.films import dicom_bytes, draw_film, png_bytes
from xrayscan.intake.dicom_attributes import dicom_attributes


def attributes(path: Path, **elements: str) -> dict[str, str]:
    file = path / "film.dcm"
    file.write_bytes(dicom_bytes(draw_film(seed=1), **elements))
    return dicom_attributes(str(file))


def test_age_sex_and_view(tmp_path: Path) -> None:
    found = attributes(tmp_path, PatientAge="061Y", PatientSex="F", ViewPosition="PA")
    assert found == {"age": "61", "sex": "F", "view": "PA"}


@pytest.mark.parametrize(("age", "years"), [("018M", "1"), ("030W", "0"), ("003D", "0")])
def test_young_ages_are_years_too(tmp_path: Path, age: str, years: str) -> None:
    assert attributes(tmp_path, PatientAge=age) == {"age": years}


@pytest.mark.filterwarnings("ignore")
def test_a_name_in_the_wrong_field_is_not_taken_over(tmp_path: Path) -> None:
    assert attributes(tmp_path, PatientSex="DOE", ViewPosition="JANE DOE") == {}


def test_what_is_no_dicom_says_nothing(tmp_path: Path) -> None:
    picture = tmp_path / "film.png"
    picture.write_bytes(png_bytes(draw_film(seed=1)))
    assert dicom_attributes(str(picture)) == {}
    assert dicom_attributes(str(tmp_path / "gone.dcm")) == {}
