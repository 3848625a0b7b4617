"""Planted leaks are found, each by its surest sign; films of others are not."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from tests.films import draw_unlike_film as film
from xrayscan.labels.films import LabelledFilm
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.films.leaks import Leak, find_leaks

SIDE = 224


def decoded(part: str, pixels: Sequence[np.ndarray], patients: Sequence[str] = ()) -> DecodedFilms:
    names = patients or [f"{part}{index}" for index in range(len(pixels))]
    films = tuple(LabelledFilm(f"{part}/{index}.png", 0, name) for index, name in enumerate(names))
    files = tuple(f"{part}-{index}" for index in range(len(pixels)))
    return DecodedFilms(films, np.stack(pixels), np.zeros(len(films), np.int64), files, ())


def recompressed(pixels: np.ndarray) -> np.ndarray:
    _, code = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, 40))
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE))


def resized(pixels: np.ndarray) -> np.ndarray:
    small = cv2.resize(pixels, (150, 150), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (SIDE, SIDE)))


def lighter(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(255 * (pixels / 255.0) ** 0.8, np.uint8)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(np.copy, Leak.PIXELS, id="the same picture"),
        pytest.param(recompressed, Leak.NEAR, id="compressed again"),
        pytest.param(resized, Leak.NEAR, id="resized and back"),
        pytest.param(lighter, Leak.NEAR, id="another gamma"),
    ],
)
def test_a_planted_copy_is_found(change, kind: Leak) -> None:
    training = decoded("train", [film(seed) for seed in range(5)])
    validation = decoded("val", [film(20), change(film(3)), film(21)])
    (leak,) = find_leaks(training, validation)
    assert leak.kind is kind
    assert (leak.training, leak.other) == (training.films[3], validation.films[1])
    assert str(leak) == f"{kind.value}: train/3.png and val/1.png"


def test_a_planted_patient_is_found() -> None:
    training = decoded("train", [film(1), film(2)], ["ann", "bob"])
    (leak,) = find_leaks(training, decoded("val", [film(7), film(8)], ["cid", "ann"]))
    assert (leak.kind, leak.training.patient, leak.other.patient) == (Leak.PATIENT, "ann", "ann")


def test_the_surest_sign_is_told() -> None:
    training = decoded("train", [film(1)], ["ann"])
    validation = decoded("val", [film(1)], ["ann"])
    same_file = DecodedFilms(
        validation.films, validation.pixels, validation.labels, training.sha256, ()
    )
    assert [leak.kind for leak in find_leaks(training, same_file)] == [Leak.BYTES]


def test_different_films_are_no_leaks() -> None:
    training = decoded("train", [film(seed) for seed in range(12)])
    assert find_leaks(training, decoded("val", [film(seed) for seed in range(50, 62)])) == ()


def test_dropping_leaves_the_others_in_their_order() -> None:
    films = decoded("train", [film(seed) for seed in range(4)])
    kept = films.without([films.films[1]])
    assert kept.films == (films.films[0], films.films[2], films.films[3])
    assert np.array_equal(kept.pixels, films.pixels[[0, 2, 3]])
    assert kept.sha256 == ("train-0", "train-2", "train-3")


@pytest.mark.slow
def test_no_two_patients_of_kermany_look_alike(shared_data) -> None:
    """The limit's reason: films of different patients are never that near."""
    from xrayscan.labels.layouts import read_labelled
    from xrayscan.scoring.looks import NEAR_BITS, looks_of, nearest
    from xrayscan.training.films.data import decode_films

    films = decode_films(read_labelled(shared_data / "kermany").of_split("train"), SIDE, 2)
    looks = looks_of(films.pixels)
    patients = np.array([each.patient for each in films.films])
    for patient in set(patients):
        own = patients == patient
        assert nearest(looks[own], looks[~own])[1].min() > NEAR_BITS
