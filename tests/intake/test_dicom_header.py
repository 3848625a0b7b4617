from __future__ import annotations

import hashlib
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests.films import dicom_bytes, draw_deep_film, draw_film, jpeg_bytes
from xrayscan.intake.dicom import decode_dicom
from xrayscan.intake.dicom_header import facts, identifiers, patient_key
from xrayscan.intake.options import USUAL
from xrayscan.intake.read import Content, decode
from xrayscan.records import Facts, Identifiers

# what decoders warn of is in the row's reason; the command line keeps them silent
pytestmark = pytest.mark.filterwarnings("ignore")

FILM = draw_film(seed=1)
DEEP = draw_deep_film(seed=1)


# --- age, sex and view --------------------------------------------------------------------------


def header(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("elements", "age"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"PatientAge": "034Y"}, 34, id="years"),
        pytest.param({"PatientAge": "018M"}, 1.5, id="months"),
        pytest.param({"PatientAge": "030M"}, 2, id="months of a child"),
        pytest.param({"PatientAge": "026W"}, 0.5, id="weeks"),
        pytest.param({"PatientAge": "001D"}, 0, id="a day"),
        pytest.param({"PatientAge": "7y"}, 7, id="as some write it"),
        pytest.param({"PatientAge": "089Y"}, 89, id="the oldest that is told"),
        pytest.param({"PatientAge": "097Y"}, 90, id="above 89"),
        pytest.param({"PatientAge": "999Y"}, None, id="no age"),
        pytest.param({"PatientAge": "DOE"}, None, id="a name"),
        pytest.param({"StudyDate": "20200301", "PatientBirthDate": "19850302"}, 34, id="dates"),
        pytest.param({"StudyDate": "20200301", "PatientBirthDate": "19100302"}, 90, id="old"),
        pytest.param({"StudyDate": "20200301", "PatientBirthDate": "20200601"}, None, id="before"),
        pytest.param({"StudyDate": "20200301", "PatientBirthDate": "1985"}, None, id="no date"),
        pytest.param({"PatientBirthDate": "19850302"}, None, id="one date"),
        pytest.param(
            {"PatientAge": "034Y", "StudyDate": "20200301", "PatientBirthDate": "19500302"},
            34,
            id="what is stated counts",
        ),
    ],
)
def test_age(elements: dict[str, str], age: float | None) -> None:
    assert facts(header(**elements)) == Facts(age)


@pytest.mark.parametrize(
    ("sex", "told"), [("F", "F"), ("m", "M"), ("O ", "O"), ("", ""), ("DOE", ""), (None, "")]
)
def test_sex(sex: str | None, told: str) -> None:
    assert facts(header(PatientSex=sex)).sex == told


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "PA"}, "PA"),
        ({"ViewPosition": "ap "}, "AP"),
        ({"ViewPosition": "DOE^JOHN"}, ""),
        ({"ViewCodeSequence": [header(CodeValue="272479007")]}, "PA"),
        ({"ViewCodeSequence": [header(CodeValue="R-10206")]}, "AP"),
        ({"ViewCodeSequence": [header(CodeValue="12345")]}, ""),
        ({"ViewCodeSequence": []}, ""),
        ({"ViewPosition": "", "ViewCodeSequence": [header(CodeValue="R-10214")]}, "PA"),
    ],
)
def test_view(elements: dict[str, Any], view: str) -> None:
    assert facts(header(**elements)).view == view


def test_facts_come_with_the_film() -> None:
    data = dicom_bytes(FILM, PatientAge="034Y", PatientSex="F", ViewPosition="PA")
    assert decode(Content(data, ""), "film.dcm").facts == Facts(34, "F", "PA")


def test_a_header_that_cannot_be_read_costs_no_film() -> None:
    class Broken(Dataset):
        def get(self, *_: object) -> object:
            raise RuntimeError

    assert facts(Broken()) == Facts()


# --- whose film it is ---------------------------------------------------------------------------


def key_of(identifier: bytes) -> str:
    return f"dicom:{hashlib.sha256(identifier).hexdigest()[:16]}"


PATIENTS = {
    "plain": dicom_bytes(FILM, PatientID="4711"),
    "padded": dicom_bytes(FILM, PatientID=" 4711  "),
    "implicit": dicom_bytes(FILM, PatientID="4711", syntax=ImplicitVRLittleEndian),
    "big-endian": dicom_bytes(DEEP, PatientID="4711", syntax=ExplicitVRBigEndian),
    "deflated": dicom_bytes(FILM, PatientID="4711", syntax=DeflatedExplicitVRLittleEndian),
    "run lengths": dicom_bytes(FILM, PatientID="4711", syntax=RLELossless),
    "no preamble": dicom_bytes(FILM, PatientID="4711", preamble=False),
    "cut in the picture": dicom_bytes(FILM, PatientID="4711")[:2000],
}


@pytest.mark.parametrize("data", PATIENTS.values(), ids=PATIENTS)
def test_patient_of_a_header(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film.jpeg"  # the name says nothing
    path.write_bytes(data)
    assert patient_key(str(path)) == key_of(b"4711")


def test_a_bomb_is_inflated_no_further_than_its_first_elements(tmp_path: Path) -> None:
    film = PATIENTS["deflated"]
    start = 144 + struct.unpack_from("<L", film, 140)[0]
    coder = zlib.compressobj(wbits=-15)
    inflated = zlib.decompress(film[start:], -15) + bytes(100_000_000)
    (tmp_path / "bomb.dcm").write_bytes(
        film[:start] + coder.compress(inflated) + coder.flush(),
    )
    tracemalloc.start()
    try:
        assert patient_key(str(tmp_path / "bomb.dcm")) == key_of(b"4711")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


NO_PATIENTS = {
    "gone": None,
    "empty": b"",
    "no dicom": jpeg_bytes(FILM),
    "no identifier": dicom_bytes(FILM),
    "empty identifier": dicom_bytes(FILM, PatientID=""),
    "blank identifier": dicom_bytes(FILM, PatientID="  "),
    "cut in the header": dicom_bytes(FILM, PatientID="4711")[:150],
}


@pytest.mark.parametrize("data", NO_PATIENTS.values(), ids=NO_PATIENTS)
def test_no_patient(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "film.dcm"
    if data is not None:
        path.write_bytes(data)
    assert patient_key(str(path)) == ""


@settings(max_examples=100)
@given(st.integers(0, 1500), st.integers(0, 255))
def test_no_damage_to_a_header_ends_a_run(
    tmp_path_factory: pytest.TempPathFactory, position: int, byte: int
) -> None:
    data = bytearray(PATIENTS["plain"])
    data[position] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.dcm"
    path.write_bytes(data)
    key = patient_key(str(path))
    assert not key or key.startswith("dicom:")


def test_an_identifier_never_gets_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    secret = "Jane Doe \\ 1970 " * 8  # longer than allowed, and of several values
    path = tmp_path / "film.dcm"
    path.write_bytes(dicom_bytes(FILM, PatientID=secret))
    recwarn.clear()
    with caplog.at_level("DEBUG"):
        key = patient_key(str(path))
    told = key + caplog.text + "".join(str(each.message) for each in recwarn)
    assert key.startswith("dicom:")
    assert "Jane" not in told


# -- what the header says of the picture ---------------------------------------------------------

CONTRADICTIONS = {
    "chest": ({"Modality": "DX", "BodyPartExamined": "CHEST", "ViewPosition": "PA"}, ()),
    "nothing": ({"Modality": ""}, ()),
    "a name": ({"Modality": "CR", "BodyPartExamined": "Jane Doe"}, ()),
    "CT": ({"Modality": "CT"}, ("its header says CT",)),
    "hand": ({"BodyPartExamined": "hand "}, ("its header says HAND",)),
    "lateral": ({"ViewPosition": "LL"}, ("its header says LL",)),
    "two": (
        {"Modality": "MR", "BodyPartExamined": "SKULL"},
        ("its header says MR", "its header says SKULL"),
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_contradicts_a_frontal_chest_film(
    case: tuple[dict[str, str], tuple[str, ...]],
) -> None:
    elements, said = case
    assert decode_dicom(dicom_bytes(draw_film(1), **elements), USUAL).contradictions == said


# -- who the film is of, for those who ask -------------------------------------------------------

PERSON = {"PatientName": "Müller^Jörg", "PatientID": " 12 ", "PatientBirthDate": "19520317"}


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian],
    ids=["plain", "deflated"],
)
def test_identifiers(syntax: UID) -> None:
    data = dicom_bytes(draw_film(1), syntax=syntax, SpecificCharacterSet="ISO_IR 192", **PERSON)
    found = identifiers(data)
    assert found == Identifiers("Müller^Jörg", "12", "19520317")
    assert "Jörg" not in f"{found} {found!r}"
    assert identifiers(data[: len(data) // 2]) == found


@pytest.mark.parametrize(
    "data",
    [b"", b"text", jpeg_bytes(draw_film(1)), dicom_bytes(draw_film(1))[:140] + b"\xff" * 99],
    ids=["empty", "text", "JPEG", "damaged"],
)
def test_no_identifiers(data: bytes) -> None:
    assert identifiers(data) == Identifiers()
