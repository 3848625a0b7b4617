from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from tests.films import bmp_bytes, dicom_bytes, draw_deep_film, draw_film, jpeg_bytes, tiff_bytes
from tests.training.conftest import draw_folder
from xrayscan.errors import DataError
from xrayscan.intake.read import read_radiograph
from xrayscan.intake.resize import network_input
from xrayscan.labels.films import LabelledFilm
from xrayscan.labels.layouts import read_labelled
from xrayscan.training.films.data import DecodedFilms, decode_films


def labelled(*paths: Path) -> list[LabelledFilm]:
    return [LabelledFilm(str(path), 0, str(path)) for path in paths]


def test_films_are_decoded_as_predict_does(tmp_path: Path) -> None:
    films = read_labelled(draw_folder(tmp_path, 3, side=100)).films
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
    films = read_labelled(tmp_path).films
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
    films = read_labelled(draw_folder(tmp_path, 4)).films
    one, other = decode_films(films, 64, 1), decode_films(films, 64, workers)
    assert one.films == other.films
    np.testing.assert_array_equal(one.pixels, other.pixels)


def test_nothing_readable(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of the 2 films can be read; .*film.png: .*empty"):
        decode_films(labelled(tmp_path / "film.png", tmp_path / "other.png"), 64, 1)


DEEP = draw_deep_film(seed=4)
FORMATS = {
    "a.jpeg": jpeg_bytes(draw_film(seed=1)),
    "a.bmp": bmp_bytes(draw_film(seed=2)),
    "a.tif": tiff_bytes(draw_film(seed=3)),
    "12 bits.dcm": dicom_bytes(DEEP, bits_stored=12),
    "bright to dark.dcm": dicom_bytes(4095 - DEEP, bits_stored=12, photometric="MONOCHROME1"),
    "run lengths": dicom_bytes(DEEP, bits_stored=12, syntax=RLELossless),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_decoded(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FORMATS[name])
    decoded = decode_films(labelled(path), 96, 1)
    assert decoded.unreadable == ()
    expected = network_input(read_radiograph(str(path)), 96)
    assert np.abs(decoded.pixels[0] - expected).max() <= 0.5
    assert np.ptp(decoded.pixels) > 150  # a picture, not a grey slab


def test_both_photometric_interpretations_train_alike(tmp_path: Path) -> None:
    for name in ("12 bits.dcm", "bright to dark.dcm"):
        (tmp_path / name).write_bytes(FORMATS[name])
    one, other = decode_films(labelled(*sorted(tmp_path.iterdir())), 96, 1).pixels.astype(int)
    assert np.abs(one - other).max() <= 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "gone"),
        (b"path,label", "text"),
        (b"%PDF-1.7", "a PDF document"),
        (b"GIF89a", "a GIF picture"),
        (dicom_bytes(DEEP)[:5000], "copy it again"),
    ],
    ids=["never there", "text", "pdf", "gif", "cut"],
)
def test_what_is_no_film_is_left_out_by_name(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    good, bad = tmp_path / "good.jpeg", tmp_path / "bad.dcm"
    good.write_bytes(FORMATS["a.jpeg"])
    if content is not None:
        bad.write_bytes(content)
    decoded = decode_films(labelled(bad, good), 64, 1)
    assert [film.location for film in decoded.films] == [str(good)]
    ((location, reason),) = decoded.unreadable
    assert location == str(bad)
    assert words in reason


def test_a_folder_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "good.jpeg").write_bytes(FORMATS["a.jpeg"])
    (tmp_path / "folder.jpeg").mkdir()
    decoded = decode_films(labelled(*sorted(tmp_path.iterdir())), 64, 1)
    assert [Path(location).name for location, _ in decoded.unreadable] == ["folder.jpeg"]


def test_weights_and_positives() -> None:
    weights = [1.0, 0.0, 2.5]
    films = tuple(
        LabelledFilm(f"{n}.png", n, str(n), weight=weight) for n, weight in enumerate(weights)
    )
    labels = np.arange(3, dtype=np.int64)
    decoded = DecodedFilms(films, np.zeros((3, 4, 4), np.uint8), labels, ("a", "b", "c"), ())
    assert decoded.weights.dtype == np.float32
    np.testing.assert_array_equal(decoded.weights, weights)
    np.testing.assert_array_equal(decoded.positives, [False, True, True])
    np.testing.assert_array_equal(decoded.without([films[0]]).weights, [0, 2.5])


def test_a_film_in_a_message_names_no_patient() -> None:
    film = LabelledFilm("a.png", 0, "Doe^Jane", attributes=(("name", "Jane Doe"),))
    assert "Doe" not in repr(film) + str(film) + f"{film}"
