from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.films import dicom_bytes, draw_film
from tests.scoring.conftest import card_facts, write_card
from tests.training.conftest import write_listing
from xrayscan.errors import DataError, UsageError
from xrayscan.evaluation import films
from xrayscan.evaluation.films import LabelledScan, LabelOptions, copies_joined, labelled_scans
from xrayscan.records import Scan
from xrayscan.scoring.card import ModelCard, load_card


def made_card(folder: Path, **changed: Any) -> ModelCard:
    folder.mkdir()
    for name in ("scorer.xml", "scorer.bin", "admission.npz"):
        (folder / name).write_bytes(b"")
    write_card(folder, card_facts(**changed))
    return load_card(folder)


@pytest.fixture
def card(tmp_path: Path) -> ModelCard:
    return made_card(tmp_path / "model")


def listed(tmp_path: Path, *labels: str) -> Path:
    rows = [[f"{number}.png", label] for number, label in enumerate(labels)]
    return write_listing(tmp_path / "films.csv", ["path", "label"], rows)


def sides(options: LabelOptions, card: ModelCard) -> list[tuple[str, bool]]:
    return [(film.label, film.positive) for film in labelled_scans(options, card).films]


def test_labels_are_the_models_classes_in_any_case(tmp_path: Path, card: ModelCard) -> None:
    data = listed(tmp_path, "normal", "Pneumonia")
    assert sides(LabelOptions(data), card) == [("normal", False), ("Pneumonia", True)]


def test_another_label_is_not_guessed_at(tmp_path: Path, card: ModelCard) -> None:
    data = listed(tmp_path, "normal", "pneumonia", "other")
    with pytest.raises(DataError, match=r"nothing says what other counts as; give --negative"):
        labelled_scans(LabelOptions(data), card)
    found = sides(LabelOptions(data, negative=("normal", "OTHER")), card)
    assert found == [("normal", False), ("pneumonia", True), ("other", False)]
    left = labelled_scans(LabelOptions(data, positive=("pneumonia",)), card)
    assert left.other_labels == {"other": 1}
    assert [film.label for film in left.films] == ["normal", "pneumonia"]


def test_a_name_that_no_film_has_is_said(
    tmp_path: Path, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Misspelt, it leaves all films of that label out."""
    said: list[str] = []
    monkeypatch.setattr(films.log, "warning", lambda text, *of: said.append(text % of))
    data = listed(tmp_path, "Normal", "Pneumonia")
    options = LabelOptions(data, positive=("pneumonai",), negative=("normal",))
    assert sides(options, card) == [("Normal", False)]
    assert said == ["no film has the label pneumonai; there are Normal, Pneumonia"]


def test_a_label_cannot_be_both(tmp_path: Path, card: ModelCard) -> None:
    options = LabelOptions(listed(tmp_path, "normal"), positive=("a",), negative=("A",))
    with pytest.raises(UsageError, match="counts as positive and as negative"):
        labelled_scans(options, card)


def test_every_class_but_the_first_is_positive(tmp_path: Path) -> None:
    names = ["NORMAL", "BACTERIA", "VIRUS"]
    card = made_card(tmp_path / "three", classes=names, positive="PNEUMONIA")
    data = listed(tmp_path, "normal", "bacteria", "virus", "pneumonia")
    assert [positive for _, positive in sides(LabelOptions(data), card)] == [False] + 3 * [True]


def test_one_class_alone_can_be_measured(tmp_path: Path, card: ModelCard) -> None:
    assert sides(LabelOptions(listed(tmp_path, "normal", "normal")), card) == 2 * [
        ("normal", False)
    ]


def test_splits(tmp_path: Path, card: ModelCard) -> None:
    rows = [["a.png", "normal", "train"], ["b.png", "pneumonia", "validation"]]
    data = write_listing(tmp_path / "films.csv", ["path", "label", "split"], rows)
    assert sides(LabelOptions(data, split="val"), card) == [("pneumonia", True)]
    with pytest.raises(DataError, match="no films of split test"):
        labelled_scans(LabelOptions(data, split="test"), card)
    with pytest.raises(UsageError, match="choose one of train, val, test"):
        labelled_scans(LabelOptions(data, split="some"), card)


def test_further_columns_and_the_patient_of_a_header(tmp_path: Path, card: ModelCard) -> None:
    film = dicom_bytes(draw_film(1), PatientAge="061Y", PatientSex="F", PatientID="7")
    (tmp_path / "a.dcm").write_bytes(film)
    rows = [["a.dcm", "normal", "M", ""]]
    data = write_listing(tmp_path / "films.csv", ["path", "label", "Sex", "ward"], rows)
    (found,) = labelled_scans(LabelOptions(data), card).films
    assert found.attributes == {"sex": "M"}
    assert found.patient.startswith("dicom:")
    assert found.patient not in repr(found)


def test_a_patient_column_that_is_partly_filled_parts_nobody(
    tmp_path: Path, card: ModelCard
) -> None:
    rows = [
        ["person1_virus_1.png", "pneumonia", "7"],
        ["person1_virus_2.png", "pneumonia", ""],
        ["person2_virus_3.png", "normal", ""],
    ]
    data = write_listing(tmp_path / "films.csv", ["path", "label", "patient"], rows)
    first, second, third = (film.patient for film in labelled_scans(LabelOptions(data), card).films)
    assert first == second
    assert third == "person2"


@pytest.mark.parametrize(
    ("contents", "patients", "joined"),
    [
        pytest.param(["x", "y", "x"], ["0", "1", "2"], ["0", "1", "0"], id="none named"),
        pytest.param(["x", "x", "x"], ["0", "p", "2"], ["p", "p", "p"], id="a later one named"),
        pytest.param(["x", "x", "x"], ["p", "q", "2"], ["p", "q", "p"], id="named stay"),
        pytest.param(["", "", ""], ["0", "1", "p"], ["0", "1", "p"], id="not known"),
    ],
)
def test_copies_of_a_film_are_of_one_patient(
    contents: list[str], patients: list[str], joined: list[str]
) -> None:
    films = [
        LabelledScan(Scan(str(n), str(n), 0, 0), "NORMAL", False, patient, {})
        for n, patient in enumerate(patients)
    ]
    assert [film.patient for film in copies_joined(films, contents)] == joined
