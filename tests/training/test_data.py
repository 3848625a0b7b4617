from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.errors import DataError
from xrayscan.intake.read import read_radiograph
from xrayscan.intake.resize import network_input
from xrayscan.training.data import (
    LabelledFilm,
    decode_films,
    patient_of,
    read_labelled_folder,
    split_by_patient,
)

from .conftest import draw_film, draw_folder

fixed = settings(derandomize=True, deadline=None, max_examples=60)


def refusal(root: Path) -> str:
    with pytest.raises(DataError) as fault:
        read_labelled_folder(root)
    message = str(fault.value)
    assert message.startswith(f"{root}: ")
    assert "\n" not in message
    assert "; " in message or " or " in message  # a next step
    return message


# -- layouts -------------------------------------------------------------------------------------


def test_one_folder_per_class(tmp_path: Path) -> None:
    folder = read_labelled_folder(draw_folder(tmp_path, 3))
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
    folder = read_labelled_folder(tmp_path)
    assert folder.classes == ("NORMAL", "PNEUMONIA")
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        films = folder.of_split(split)
        assert [film.label for film in films] == [0] * count + [1] * count
        assert all(Path(film.location).is_relative_to(tmp_path / split) for film in films)
    assert len(folder.of_split("train", "val")) == 10


def test_a_split_may_lack_a_class(tmp_path: Path) -> None:
    draw_folder(tmp_path / "train", 2)
    draw_film(tmp_path / "val" / "PNEUMONIA" / "one.png", 1)
    (film,) = read_labelled_folder(tmp_path).of_split("val")
    assert film.label == 1


def test_folders_within_a_class_are_read(tmp_path: Path) -> None:
    draw_film(tmp_path / "NORMAL" / "2019" / "a.png", 1)
    draw_film(tmp_path / "NORMAL" / "b.png", 2)
    draw_film(tmp_path / "SICK" / "c.png", 3)
    names = [Path(film.location).name for film in read_labelled_folder(tmp_path).films]
    assert names == ["a.png", "b.png", "c.png"]


def test_other_files_are_no_films(tmp_path: Path) -> None:
    draw_folder(tmp_path, 2)
    (tmp_path / "NORMAL" / "notes.txt").write_text("read me")
    (tmp_path / "NORMAL" / ".DS_Store").write_bytes(b"x")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "labels.csv").write_text("film,label")
    folder = read_labelled_folder(tmp_path)
    assert folder.classes == ("NORMAL", "PNEUMONIA")
    assert len(folder.films) == 4


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["PNEUMONIA", "NORMAL"], ("NORMAL", "PNEUMONIA")),
        (["pneumonia", "zebra"], ("zebra", "pneumonia")),
        (["b", "a"], ("a", "b")),
    ],
)
def test_the_positive_class_is_last(
    tmp_path: Path, names: list[str], classes: tuple[str, ...]
) -> None:
    for seed, name in enumerate(names):
        draw_film(tmp_path / name / "film.png", seed)
    assert read_labelled_folder(tmp_path).classes == classes


def test_order_never_changes(tmp_path: Path) -> None:
    films = read_labelled_folder(draw_folder(tmp_path / "one", 5)).films
    for name in ("PNEUMONIA", "NORMAL"):  # written in another order
        for path in sorted((tmp_path / "one" / name).iterdir(), reverse=True):
            (tmp_path / "two" / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "two" / name)
    again = read_labelled_folder(tmp_path / "two").films
    assert [Path(film.location).name for film in films] == [
        Path(film.location).name for film in again
    ]


# -- errors --------------------------------------------------------------------------------------


def test_no_folder(tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    draw_film(tmp_path / "film.png", 1)
    assert "no such folder" in refusal(tmp_path / "film.png")


def test_no_class(tmp_path: Path) -> None:
    assert "found 0 class folder(s)" in refusal(tmp_path)


def test_one_class(tmp_path: Path) -> None:
    draw_film(tmp_path / "NORMAL" / "film.png", 1)
    assert "found 1 class folder(s)" in refusal(tmp_path)


@pytest.mark.parametrize("split", ["", "train"])
def test_an_empty_class(tmp_path: Path, split: str) -> None:
    draw_film(tmp_path / split / "NORMAL" / "film.png", 1)
    (tmp_path / split / "PNEUMONIA").mkdir()
    assert "class PNEUMONIA has no films" in refusal(tmp_path)


# -- patients ------------------------------------------------------------------------------------

PATIENTS = {
    "person1_bacteria_1.jpeg": "person1",
    "person1_virus_6.jpeg": "person1",
    "person1000_bacteria_2931.jpeg": "person1000",
    "person100_virus_184.jpeg": "person100",
    "IM-0115-0001.jpeg": "IM-0115",
    "IM-0001-0001-0002.jpeg": "IM-0001",
    "NORMAL2-IM-1427-0001.jpeg": "NORMAL2-IM-1427",
    "NORMAL2-IM-0027-0001-0001.jpeg": "NORMAL2-IM-0027",
}


@pytest.mark.parametrize(("name", "patient"), PATIENTS.items(), ids=PATIENTS)
def test_patient_of_a_kermany_name(name: str, patient: str) -> None:
    assert patient_of(Path("data") / "train" / name) == patient


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/film1.png", "a/film2.png"),
        ("a/personal_1.png", "a/personal_2.png"),
        ("a/my-IM-0115-0001.png", "a/my-IM-0115-0002.png"),
        ("NORMAL/1.png", "PNEUMONIA/1.png"),
        ("NORMAL/ann/chest.png", "NORMAL/bob/chest.png"),
        ("a/film.png", "a/film.jpg"),
    ],
)
def test_a_name_of_no_scheme_is_a_patient_of_its_own(one: str, other: str) -> None:
    assert patient_of(Path(one)) != patient_of(Path(other))


def test_patients_of_the_published_set(shared_data: Path) -> None:
    with (shared_data / "kermany" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 5000
    wrong = [row["path"] for row in rows if patient_of(Path(row["path"])) != row["patient"]]
    assert wrong == []


# -- splitting -----------------------------------------------------------------------------------


@st.composite
def film_sets(draw: st.DrawFn) -> list[LabelledFilm]:
    """Two classes of 5 to 12 patients with 1 to 8 films each, in any order."""
    films = [
        LabelledFilm(f"{label}/{patient}/{film}.png", label, f"{label}-{patient}")
        for label in (0, 1)
        for patient in range(draw(st.integers(5, 12)))
        for film in range(draw(st.integers(1, 8)))
    ]
    return draw(st.permutations(films))


@fixed
@given(film_sets(), st.integers(2, 5), st.integers(0, 2**31))
def test_a_split_never_parts_a_patient(films: list[LabelledFilm], folds: int, seed: int) -> None:
    training, validation = split_by_patient(films, folds, seed)
    assert sorted(training + validation, key=films.index) == films  # all there, none twice
    assert not {film.patient for film in training} & {film.patient for film in validation}
    assert list(training) == [film for film in films if film in training]
    assert list(validation) == [film for film in films if film in validation]
    assert {film.label for film in training} == {film.label for film in validation} == {0, 1}


@fixed
@given(film_sets(), st.integers(2, 5), st.integers(0, 2**31))
def test_a_split_is_stable_for_a_seed(films: list[LabelledFilm], folds: int, seed: int) -> None:
    assert split_by_patient(films, folds, seed) == split_by_patient(list(films), folds, seed)


def test_another_seed_is_another_split() -> None:
    films = [LabelledFilm(f"{n}.png", n % 2, str(n)) for n in range(60)]
    assert len({split_by_patient(films, 5, seed) for seed in range(5)}) == 5


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_a_split_keeps_the_shares(folds: int) -> None:
    films = [LabelledFilm(f"{n}.png", int(n % 4 > 0), str(n)) for n in range(400)]
    _, validation = split_by_patient(films, folds, 7)
    assert len(validation) == pytest.approx(400 / folds, abs=2)
    assert np.mean([film.label for film in validation]) == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("label", [0, 1])
def test_too_few_patients(label: int) -> None:
    many = [LabelledFilm(f"{n}.png", 1 - label, f"a{n}") for n in range(20)]
    few = [LabelledFilm(f"{n}.jpg", label, f"b{n % 4}") for n in range(20)]
    with pytest.raises(DataError, match=r"4 patient\(s\), too few .*; add films"):
        split_by_patient(many + few, 5, 0)


# -- decoding ------------------------------------------------------------------------------------


def test_films_are_decoded_as_predict_does(tmp_path: Path) -> None:
    films = read_labelled_folder(draw_folder(tmp_path, 3, side=100)).films
    decoded = decode_films(films, 80, workers=2)
    assert decoded.films == films
    assert decoded.pixels.shape == (6, 80, 80)
    assert decoded.pixels.dtype == np.uint8
    assert decoded.labels.dtype == np.int64
    np.testing.assert_array_equal(decoded.labels, [0, 0, 0, 1, 1, 1])
    assert decoded.unreadable == ()
    for film, pixels in zip(films, decoded.pixels, strict=True):
        expected = network_input(read_radiograph(film.location), 80)
        assert np.abs(pixels - expected).max() <= 0.5


def test_unreadable_films_are_listed(tmp_path: Path) -> None:
    draw_folder(tmp_path, 3)
    (tmp_path / "NORMAL" / "IM-0001-0001.png").write_bytes(b"")
    whole = tmp_path / "PNEUMONIA" / "person2_bacteria_2.png"
    whole.write_bytes(whole.read_bytes()[:-2000])
    films = read_labelled_folder(tmp_path).films
    whole.with_name("person0_bacteria_0.png").unlink()  # gone after it was listed
    decoded = decode_films(films, 64, workers=2)
    assert [Path(film.location).name for film in decoded.films] == [
        "IM-0000-0001.png",
        "IM-0002-0001.png",
        "person1_bacteria_1.png",
    ]
    assert len(decoded.pixels) == 3
    np.testing.assert_array_equal(decoded.labels, [0, 0, 1])
    listed = {Path(location).name: words for location, words in decoded.unreadable}
    assert list(listed) == [
        "IM-0001-0001.png",
        "person0_bacteria_0.png",
        "person2_bacteria_2.png",
    ]
    assert "empty" in listed["IM-0001-0001.png"]
    assert "gone" in listed["person0_bacteria_0.png"]
    assert "copy it again" in listed["person2_bacteria_2.png"]


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_decoding_is_the_same_with_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    films = read_labelled_folder(draw_folder(tmp_path, 4)).films
    one, other = decode_films(films, 64, 1), decode_films(films, 64, workers)
    assert one.films == other.films
    np.testing.assert_array_equal(one.pixels, other.pixels)


def test_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of the films can be read; "):
        decode_films([LabelledFilm(str(tmp_path / "film.png"), 0, "a")], 64, 1)


def test_three_classes_are_refused_by_name(tmp_path: Path) -> None:
    """Trained as two, one of them would be taken for the negative class without a word."""
    for seed, name in enumerate(("NORMAL", "VIRUS", "PNEUMONIA")):
        draw_film(tmp_path / name / "film.png", seed)
    with pytest.raises(DataError, match="NORMAL, VIRUS, PNEUMONIA"):
        read_labelled_folder(tmp_path)
