from __future__ import annotations

import logging
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.films import png_bytes
from xrayscan.training.data import read_labelled_folder
from xrayscan.training.options import FitOptions
from xrayscan.training.parts import MIN_VALIDATION, make_parts


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
    return make_parts(read_labelled_folder(data), 64, FitOptions(data, data / "out", **options))


def test_small_val_is_replaced_by_patients_of_train(data: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING, "xrayscan"):
        parts = parts_of(data)
    assert "val has only 2 films" in caplog.text
    assert len(parts.train.films) + len(parts.validation.films) == 28
    assert not parts.leaks


def test_large_val_is_used_as_given(data: Path, monkeypatch) -> None:
    monkeypatch.setattr("xrayscan.training.parts.MIN_VALIDATION", 2)
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
