from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.films import dicom_bytes
from tests.films import draw_film as drawn_film
from tests.training.conftest import draw_film, draw_folder, write_listing
from xrayscan.errors import DataError, UsageError
from xrayscan.labels.films import LabelledFolder
from xrayscan.labels.layouts import read_labelled
from xrayscan.training.films.data import decode_films

fixed = settings(max_examples=60)


def refusal(root: Path, classes: str = "") -> str:
    with pytest.raises((DataError, UsageError)) as fault:
        read_labelled(root, classes)
    message = str(fault.value)
    assert message.startswith(f"{root}: ")
    assert "\n" not in message
    assert "; " in message or " or " in message  # a next step
    return message


def facts(folder: LabelledFolder, root: Path) -> list[tuple[str, int, str, str]]:
    """What is known of each film, its path from ``root``."""
    return [
        (os.path.relpath(film.location, root), film.label, film.split, film.patient)
        for film in folder.films
    ]


# -- layouts -------------------------------------------------------------------------------------


def test_one_folder_per_class(tmp_path: Path) -> None:
    folder = read_labelled(draw_folder(tmp_path, 3))
    assert folder.classes == ("NORMAL", "PNEUMONIA")
    assert [(Path(film.location).name, film.label) for film in folder.films] == [
        *[(f"IM-{n:04d}-0001.png", 0) for n in range(3)],
        *[(f"person{n}_bacteria_{n}.png", 1) for n in range(3)],
    ]
    assert {film.split for film in folder.films} == {""}
    assert folder.of_split("train") == ()
    assert folder.of_split("train", "") == folder.films


def test_given_splits(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        draw_folder(tmp_path / split, count)
    folder = read_labelled(tmp_path)
    assert folder.classes == ("NORMAL", "PNEUMONIA")
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        films = folder.of_split(split)
        assert [film.label for film in films] == [0] * count + [1] * count
        assert all(Path(film.location).is_relative_to(tmp_path / split) for film in films)
    assert len(folder.of_split("train", "val")) == 10


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("Train", "VAL", "Test"), ("train", "val", "test")),
        (("training", "validation", "testing"), ("train", "val", "test")),
        (("TRAINING", "valid"), ("train", "val")),
    ],
    ids=" ".join,
)
def test_other_names_of_splits(tmp_path: Path, names: Sequence[str], splits: Sequence[str]) -> None:
    for count, name in enumerate(names, start=1):
        draw_folder(tmp_path / name, count)
    folder = read_labelled(tmp_path)
    assert folder.classes == ("NORMAL", "PNEUMONIA")
    assert [len(folder.of_split(split)) for split in splits] == [2, 4, 6][: len(splits)]


def test_two_folders_of_one_split(tmp_path: Path) -> None:
    for name in ("train", "val", "validation"):
        draw_folder(tmp_path / name, 1)
    assert "val and validation are both the val split; put" in refusal(tmp_path)


def test_films_beside_the_splits_are_not_missed(tmp_path: Path) -> None:
    for name in ("train", "test", "more"):
        draw_folder(tmp_path / name, 1)
    assert "more lies beside train and is no split; name it" in refusal(tmp_path) or (
        "more lies beside test and is no split; name it" in refusal(tmp_path)
    )


def test_a_copy_and_other_things_beside_the_splits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Kaggle's archive holds a copy of itself, and what its computer left."""
    draw_folder(tmp_path / "train", 2)
    draw_folder(tmp_path / "chest_xray" / "train", 2)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("not a film")
    assert len(read_labelled(tmp_path).films) == 4
    assert f"{tmp_path / 'chest_xray'}: passed over: it has splits of its own" in caplog.text
    assert f"{tmp_path / 'notes'}: passed over: it holds no films" in caplog.text


def test_a_split_may_lack_a_class(tmp_path: Path) -> None:
    draw_folder(tmp_path / "train", 2)
    draw_film(tmp_path / "val" / "PNEUMONIA" / "one.png", 1)
    (film,) = read_labelled(tmp_path).of_split("val")
    assert film.label == 1


def test_folders_within_a_class_are_read(tmp_path: Path) -> None:
    draw_film(tmp_path / "NORMAL" / "2019" / "a.png", 1)
    draw_film(tmp_path / "NORMAL" / "b.png", 2)
    draw_film(tmp_path / "SICK" / "c.png", 3)
    names = [Path(film.location).name for film in read_labelled(tmp_path).films]
    assert names == ["a.png", "b.png", "c.png"]


def test_other_files_are_no_films(tmp_path: Path) -> None:
    draw_folder(tmp_path, 2)
    (tmp_path / "NORMAL" / "notes.txt").write_text("read me")
    (tmp_path / "NORMAL" / ".DS_Store").write_bytes(b"x")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "labels.csv").write_text("film,label")
    folder = read_labelled(tmp_path)
    assert folder.classes == ("NORMAL", "PNEUMONIA")
    assert len(folder.films) == 4


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["PNEUMONIA", "NORMAL"], ("NORMAL", "PNEUMONIA")),
        (["pneumonia", "zebra"], ("zebra", "pneumonia")),
        (["Effusion", "No Finding"], ("No Finding", "Effusion")),
    ],
)
def test_the_positive_class_is_last(
    tmp_path: Path, names: list[str], classes: tuple[str, ...]
) -> None:
    for seed, name in enumerate(names):
        draw_film(tmp_path / name / "film.png", seed)
    assert read_labelled(tmp_path).classes == classes


def test_order_never_changes(tmp_path: Path) -> None:
    films = read_labelled(draw_folder(tmp_path / "one", 5)).films
    for name in ("PNEUMONIA", "NORMAL"):  # written in another order
        for path in sorted((tmp_path / "one" / name).iterdir(), reverse=True):
            (tmp_path / "two" / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "two" / name)
    again = read_labelled(tmp_path / "two").films
    assert [Path(film.location).name for film in films] == [
        Path(film.location).name for film in again
    ]


# -- errors --------------------------------------------------------------------------------------


def test_no_folder(tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    draw_film(tmp_path / "film.png", 1)
    assert "film.png: not a folder; give" in refusal(tmp_path / "film.png")


def test_no_class(tmp_path: Path) -> None:
    assert "no class, and two are needed" in refusal(tmp_path)


def test_one_class(tmp_path: Path) -> None:
    draw_film(tmp_path / "NORMAL" / "film.png", 1)
    assert "only one class (NORMAL), and two" in refusal(tmp_path)


@pytest.mark.parametrize("split", ["", "train"])
def test_an_empty_class(tmp_path: Path, split: str) -> None:
    draw_film(tmp_path / split / "NORMAL" / "film.png", 1)
    (tmp_path / split / "PNEUMONIA").mkdir()
    assert "class PNEUMONIA has no films" in refusal(tmp_path)


def test_names_that_differ_in_case_only(tmp_path: Path) -> None:
    draw_film(tmp_path / "train" / "NORMAL" / "film.png", 1)
    draw_film(tmp_path / "val" / "Normal" / "film.png", 1)
    assert "NORMAL and Normal differ in case only" in refusal(tmp_path)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "films.csv")


# -- lists ---------------------------------------------------------------------------------------


def test_a_list_says_what_its_folder_says(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("val", 2), ("test", 1)):
        draw_folder(tmp_path / split, count)
    rows = [
        (path.relative_to(tmp_path), path.parent.name, path.parent.parent.name)
        for path in tmp_path.rglob("*.png")
    ]
    listing = write_listing(tmp_path / "films.csv", ("path", "label", "split"), rows)
    assert read_labelled(listing) == read_labelled(tmp_path)


def test_a_list_may_lie_anywhere(tmp_path: Path) -> None:
    draw_folder(tmp_path / "films", 2)
    rows = [(path, path.parent.name) for path in (tmp_path / "films").rglob("*.png")]
    (tmp_path / "lists").mkdir()
    absolute = write_listing(tmp_path / "lists" / "a.CSV", ("path", "label"), rows)
    relative = [(os.path.relpath(path, tmp_path / "lists"), label) for path, label in rows]
    other = write_listing(tmp_path / "lists" / "b.csv", ("path", "label"), relative)
    assert read_labelled(absolute) == read_labelled(tmp_path / "films")
    assert facts(read_labelled(other), tmp_path) == facts(read_labelled(absolute), tmp_path)


def test_a_relative_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_film(tmp_path / "a.png", 1)
    write_listing(tmp_path / "films.csv", ("path", "label"), [("a.png", "x"), ("b.png", "y")])
    monkeypatch.chdir(tmp_path)
    folder = read_labelled(Path("films.csv"), "x,y")
    decoded = decode_films(folder.films, 64, 1)
    assert [film.location for film in decoded.films] == ["a.png"]
    assert [location for location, _ in decoded.unreadable] == ["b.png"]  # listed, never there


def test_a_folder_named_like_a_list(tmp_path: Path) -> None:
    assert len(read_labelled(draw_folder(tmp_path / "films.csv", 2)).films) == 4


def test_the_list_s_patient_comes_first(tmp_path: Path) -> None:
    """Then the header's, then the name's."""
    (tmp_path / "a.dcm").write_bytes(dicom_bytes(drawn_film(1), PatientID="77"))
    rows = [
        ("a.dcm", "x", ""),
        ("person1_virus_1.png", "x", ""),
        ("person2_virus_2.png", "y", "Jane"),
        ("b.png", "y", "Jane"),
        ("c.png", "y", ""),
    ]
    listing = write_listing(tmp_path / "films.csv", ("path", "label", "patient"), rows)
    patients = {Path(f.location).name: f.patient for f in read_labelled(listing, "x,y").films}
    assert patients["a.dcm"].startswith("dicom:")
    assert patients["person1_virus_1.png"] == "person1"
    assert patients["person2_virus_2.png"] == patients["b.png"]
    assert patients["b.png"] not in ("Jane", "person2")
    assert patients["c.png"] == str(tmp_path / "c.png")


def test_a_patient_column_that_is_partly_filled_parts_nobody(tmp_path: Path) -> None:
    """A row without a patient is of the one that another row of its header or name is of."""
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(dicom_bytes(drawn_film(1), PatientID="77"))
    rows = [
        ("a.dcm", "NORMAL", "Jane"),
        ("b.dcm", "NORMAL", ""),
        ("person1_virus_1.png", "PNEUMONIA", "Bob"),
        ("person1_virus_2.png", "PNEUMONIA", ""),
        ("person2_virus_3.png", "PNEUMONIA", ""),
        ("other.png", "PNEUMONIA", "Bob"),
    ]
    listing = write_listing(tmp_path / "films.csv", ("path", "label", "patient"), rows)
    patients = {Path(f.location).name: f.patient for f in read_labelled(listing).films}
    assert patients["a.dcm"] == patients["b.dcm"]
    assert patients["person1_virus_1.png"] == patients["person1_virus_2.png"]
    assert patients["person1_virus_1.png"] == patients["other.png"]
    assert patients["person2_virus_3.png"] == "person2"
    assert len(set(patients.values())) == 3


def test_a_row_that_may_be_of_two_patients_is_refused(tmp_path: Path) -> None:
    """What the list says of names holds where it says it; elsewhere nobody knows whose film."""
    rows = [
        ("person1_virus_1.png", "PNEUMONIA", "Bob"),
        ("person1_virus_2.png", "NORMAL", "Jane"),
    ]
    columns = ("path", "label", "patient")
    listing = write_listing(tmp_path / "films.csv", columns, rows)
    assert len({film.patient for film in read_labelled(listing).films}) == 2
    write_listing(listing, columns, [*rows, ("person1_virus_3.png", "NORMAL", "")])
    assert "line 4: has no patient, and its header or name is that of 2 patients" in refusal(
        listing
    )


def test_dicom_films_of_a_patient_belong_together(tmp_path: Path) -> None:
    for index, patient in enumerate(("7", "8", "7", "")):
        path = tmp_path / ("x" if index < 2 else "y") / f"{index}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(dicom_bytes(drawn_film(index), PatientID=patient))
    first, second, third, fourth = (film.patient for film in read_labelled(tmp_path, "x,y").films)
    assert first == third
    assert len({first, second, fourth}) == 3


ROWS = [
    (f"{label}/{n}.png", label, f"p{n % 3}", split, str(n % 4), f"{n % 2}")
    for label in ("NORMAL", "PNEUMONIA")
    for n, split in enumerate(("train", "val", "test", "", "train"))
]
COLUMNS = ("path", "label", "patient", "split", "weight", "view")


@fixed
@given(st.permutations(ROWS), st.permutations(range(len(COLUMNS))))
def test_neither_rows_nor_columns_have_an_order(
    tmp_path_factory: pytest.TempPathFactory, rows: Sequence[Sequence[str]], order: Sequence[int]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "permuted"
    folder.mkdir(exist_ok=True)
    columns = [COLUMNS[place] for place in order]
    listing = write_listing(folder / "a.csv", columns, [[row[i] for i in order] for row in rows])
    usual = write_listing(folder / "b.csv", COLUMNS, ROWS)
    assert read_labelled(listing) == read_labelled(usual)


@pytest.mark.skipif(sys.platform == "darwin", reason="needs names that are no UTF-8")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    draw_folder(tmp_path, 1)
    film = (tmp_path / "NORMAL" / "IM-0000-0001.png").read_bytes()
    (tmp_path / "NORMAL" / os.fsdecode(b"\xff.png")).write_bytes(film)
    folder = read_labelled(tmp_path)
    assert decode_films(folder.films, 64, 1).unreadable == ()


# -- the published films -------------------------------------------------------------------------


def test_the_published_folder_and_its_list_agree(shared_data: Path, tmp_path: Path) -> None:
    kermany = shared_data / "kermany"
    with (kermany / "manifest.csv").open(newline="") as file:
        rows = [
            (kermany / row["path"], row["cls"], row["split"], row["subtype"])
            for row in csv.DictReader(file)
        ]
    listing = write_listing(
        tmp_path / "films.csv", ("Path", "Label", "Split", "Subtype"), reversed(rows)
    )
    for classes in ("", "subtype"):
        whole, listed = read_labelled(kermany, classes), read_labelled(listing, classes)
        assert facts(whole, kermany) == facts(listed, kermany)
        assert len(whole.films) == 5232
        assert (whole.classes, whole.positive) == (listed.classes, listed.positive)
