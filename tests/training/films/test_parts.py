from __future__ import annotations

import logging
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.films import png_bytes
from tests.training.conftest import draw_folder, write_listing
from xrayscan.errors import DataError
from xrayscan.labels.layouts import read_labelled
from xrayscan.training.films.data import decode_films
from xrayscan.training.films.parts import MIN_VALIDATION, make_parts
from xrayscan.training.options import FitOptions


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """14 films per class, each of its own patient, and a val of 2."""
    root = tmp_path / "data"
    for number, name in enumerate(("NORMAL", "PNEUMONIA")):
        for split, count in (("train", 14), ("val", 1)):
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                seed = 1000 * number + 100 * (split == "val") + index
                coarse = np.random.default_rng(seed).integers(0, 256, (12, 12)).astype(np.uint8)
                film = cv2.resize(coarse, (128, 128), interpolation=cv2.INTER_CUBIC)
                (root / split / name / f"{split}{number}{index}.png").write_bytes(png_bytes(film))
    return root


def parts_of(data: Path, **options):
    return make_parts(read_labelled(data), 64, FitOptions(data, data / "out", **options))


def test_small_val_is_replaced_by_patients_of_train(data: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING, "xrayscan"):
        parts = parts_of(data)
    assert "val has only 2 films" in caplog.text
    assert len(parts.train.films) + len(parts.validation.films) == 28
    assert not parts.leaks


def test_a_split_of_few_patients_says_so(data: Path, monkeypatch) -> None:
    words = "Too small to say: 2 patients of one class, at least 10 are needed."
    parts = parts_of(data)
    assert parts.validation_too_small == words
    monkeypatch.setattr("xrayscan.evaluation.subgroups.SMALLEST", 2)
    assert parts.validation_too_small == ""


def test_large_val_is_used_as_given(data: Path, monkeypatch) -> None:
    monkeypatch.setattr("xrayscan.training.films.parts.MIN_VALIDATION", 2)
    parts = parts_of(data)
    assert (len(parts.train.films), len(parts.validation.films)) == (28, 2)
    assert MIN_VALIDATION > 2


@pytest.mark.parametrize("keep", [False, True], ids=["dropped", "kept on request"])
def test_film_that_is_also_in_test_is_reported(data: Path, keep: bool, caplog) -> None:
    leaked = data / "train" / "NORMAL" / "train03.png"
    (data / "test" / "NORMAL").mkdir(parents=True)
    (data / "test" / "PNEUMONIA").mkdir()
    shutil.copy(leaked, data / "test" / "NORMAL" / "copy.png")
    whole = len(parts_of(data, keep_leaks=True).train.films)
    with caplog.at_level(logging.WARNING, "xrayscan"):
        parts = parts_of(data, keep_leaks=keep)
    named = [leak.training.location for leak in parts.leaks]
    if str(leaked) not in [film.location for film in parts.validation.films]:
        assert named == [str(leaked)]
        assert "identical bytes" in caplog.text
        assert len(parts.train.films) == (whole if keep else whole - 1)


def test_films_under_two_labels_are_named(data: Path, caplog) -> None:
    first = data / "train" / "NORMAL" / "train03.png"
    shutil.copy(first, data / "train" / "PNEUMONIA" / "z.png")
    with caplog.at_level(logging.WARNING, "xrayscan"):
        parts_of(data)
    assert "1 film is there twice, under labels that contradict each other: " in caplog.text


def test_no_val_is_said(data: Path, caplog) -> None:
    shutil.rmtree(data / "val")
    with caplog.at_level(logging.INFO, "xrayscan"):
        parts = parts_of(data)
    assert "no val: validating on one in 7 of the patients of train" in caplog.text
    assert len(parts.train.films) + len(parts.validation.films) == 28


def test_too_few_patients_names_data_and_class(data: Path) -> None:
    for path in sorted((data / "train" / "PNEUMONIA").iterdir())[5:]:
        path.unlink()
    with pytest.raises(DataError, match=r"class PNEUMONIA has too few patients \(5\)") as fault:
        parts_of(data)
    assert str(fault.value).startswith(f"{data}: ")


@pytest.mark.parametrize("limit", [2, 9, 24])
def test_a_trial_decodes_only_what_it_draws(data: Path, limit: int, monkeypatch) -> None:
    monkeypatch.setattr("xrayscan.training.films.parts.MIN_VALIDATION", 3)
    decoded = []
    monkeypatch.setattr(
        "xrayscan.training.films.parts.decode_films",
        lambda films, *rest: decoded.append(len(films)) or decode_films(films, *rest),
    )
    parts = parts_of(data, limit=limit)
    assert len(parts.train.films) <= limit
    assert len(parts.validation.films) == min(4, max(limit, 3))
    assert set(parts.train.labels) == set(parts.validation.labels) == {0, 1}
    # the films of the small val, too: they must not be learnt from
    assert decoded == [len(parts.train.films), len(parts.validation.films), 2]


def test_films_of_no_weight_are_not_trained_on(data: Path, caplog) -> None:
    films = sorted((data / "train").rglob("*.png"))
    rows = [(film, film.parent.name, n % 4 > 0) for n, film in enumerate(films)]
    listing = data / "films.csv"
    write_listing(listing, ("path", "label", "weight"), [(*row[:2], int(row[2])) for row in rows])
    with caplog.at_level(logging.INFO, "xrayscan"):
        parts = parts_of(listing)
    assert "7 films of weight 0 left out" in caplog.text
    used = {film.location for part in (parts.train, parts.validation) for film in part.films}
    assert used == {str(film) for film, _, counts in rows if counts}
    assert (parts.train.weights == 1).all()


def test_nothing_of_weight(data: Path) -> None:
    rows = [(film, film.parent.name, 0) for film in (data / "train").rglob("*.png")]
    listing = write_listing(data / "films.csv", ("path", "label", "weight"), rows)
    with pytest.raises(DataError, match="no films to train on"):
        parts_of(listing)


def test_unreadable_and_missing_films_are_listed(data: Path, caplog) -> None:
    films = sorted((data / "train").rglob("*.png"))
    films[0].write_bytes(b"")
    rows = [(film, film.parent.name) for film in films] + [("gone.png", "NORMAL")]
    parts = parts_of(write_listing(data / "films.csv", ("path", "label"), rows))
    left_out = dict(parts.train.unreadable + parts.validation.unreadable)
    assert set(left_out) == {str(films[0]), str(data / "gone.png")}
    for location, words in left_out.items():
        assert f"left out: {location}: {words}" in caplog.text


def test_three_classes(tmp_path: Path) -> None:
    draw_folder(tmp_path, 20)
    for path in sorted((tmp_path / "PNEUMONIA").iterdir())[::2]:
        path.rename(path.with_name(path.name.replace("bacteria", "virus")))
    folder = read_labelled(tmp_path, "subtype")
    options = FitOptions(tmp_path, tmp_path / "out", folds=5, keep_leaks=True)
    parts = make_parts(folder, 64, options)
    for part, counts in ((parts.train, [16, 8, 8]), (parts.validation, [4, 2, 2])):
        np.testing.assert_array_equal(np.bincount(part.labels), counts)


def test_no_patient_reaches_the_log(data: Path, caplog, capfd) -> None:
    rows = [
        (film, film.parent.name, f"Jane Doe {n // 2}")
        for n, film in enumerate(sorted((data / "train").rglob("*.png")))
    ]
    test = [(film, film.parent.name, "Jane Doe 3") for film in (data / "val").rglob("*.png")]
    listing = write_listing(
        data / "films.csv",
        ("path", "label", "patient", "split"),
        [(*row, "train") for row in rows] + [(*row, "test") for row in test],
    )
    with caplog.at_level(logging.DEBUG):
        parts = parts_of(listing)
    assert "same patient" in caplog.text
    told = caplog.text + repr(parts) + "".join(capfd.readouterr())
    assert "Jane" not in told
    assert not any(film.patient in told for film in parts.train.films)


def test_film_that_is_also_in_a_small_val(data: Path, caplog) -> None:
    """It is not validated on, but whoever reads figures of it believes that it is new."""
    shutil.copy(data / "train" / "NORMAL" / "train03.png", data / "val" / "NORMAL" / "copy.png")
    parts = parts_of(data)
    assert "val has only 3 films" in caplog.text
    if len(parts.leaks) == 0:  # by chance it is validated on
        assert "train03.png" in {Path(film.location).name for film in parts.validation.films}
    else:
        assert [Path(leak.training.location).name for leak in parts.leaks] == ["train03.png"]
        assert Path(parts.leaks[0].other.location).name == "copy.png"


def test_a_trial_draws_of_the_test_films_too(data: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr("xrayscan.training.films.parts.MIN_VALIDATION", 3)
    shutil.copytree(data / "train", data / "test")
    with caplog.at_level(logging.INFO, "xrayscan"):
        parts_of(data, limit=6, keep_leaks=True)
    said = "a trial on 6 of 24 films to train on, 4 of 4 for validation and 6 of 28 of test"
    assert said in caplog.text


@pytest.mark.parametrize("split", ["test", "val"])
def test_a_trial_is_held_against_films_that_it_does_not_draw(
    data: Path, split: str, monkeypatch
) -> None:
    """By bytes; of another name and class, so that no draw can take the same of both."""
    monkeypatch.setattr("xrayscan.training.films.parts.MIN_VALIDATION", 2)
    films = sorted((data / "train").rglob("*.png"))
    for film in films:
        other = "NORMAL" if film.parent.name == "PNEUMONIA" else "PNEUMONIA"
        target = data / split / other / f"copy-of-{film.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, target)
    parts = parts_of(data, limit=6, keep_leaks=True)
    assert len(parts.train.films) == 6
    assert {leak.training for leak in parts.leaks} == set(parts.train.films)
    assert {leak.kind.value for leak in parts.leaks} == {"identical bytes"}
    for leak in parts.leaks:
        assert Path(leak.other.location).name == f"copy-of-{Path(leak.training.location).name}"


def test_a_trial_keeps_patients_apart_from_all_of_test(data: Path, monkeypatch) -> None:
    monkeypatch.setattr("xrayscan.training.films.parts.MIN_VALIDATION", 2)
    rows = [
        (film, film.parent.name, split, f"p{n}")
        for split in ("train", "test")
        for n, film in enumerate(sorted((data / "train").rglob("*.png")))
    ]
    for n, row in enumerate(rows[len(rows) // 2 :]):  # other films of the same patients
        target = data / "other" / f"{n}.png"
        target.parent.mkdir(exist_ok=True)
        coarse = np.random.default_rng(9000 + n).integers(0, 256, (12, 12)).astype(np.uint8)
        target.write_bytes(png_bytes(cv2.resize(coarse, (128, 128))))
        rows[len(rows) // 2 + n] = (target, *row[1:])
    (data / "other" / "3.png").unlink()  # gone, its patient is still known
    listing = write_listing(data / "films.csv", ("path", "label", "split", "patient"), rows)
    parts = parts_of(listing, limit=6, keep_leaks=True)
    assert {leak.training for leak in parts.leaks} == set(parts.train.films)
    assert {leak.kind.value for leak in parts.leaks} == {"same patient"}


@pytest.mark.parametrize("named", [0, 5, 30])
def test_films_that_name_no_patient_are_counted(data: Path, named: int, caplog) -> None:
    films = sorted((data / "train").rglob("*.png")) + sorted((data / "val").rglob("*.png"))
    rows = [(film, film.parent.name, f"p{n}" if n < named else "") for n, film in enumerate(films)]
    parts = parts_of(write_listing(data / "films.csv", ("path", "label", "patient"), rows))
    unnamed = parts.train.unnamed_patients + parts.validation.unnamed_patients
    assert unnamed == len(films) - named
    said = f"{unnamed} films name no patient: each is taken for a patient of its own; give"
    assert (said in caplog.text) == (unnamed > 0)
