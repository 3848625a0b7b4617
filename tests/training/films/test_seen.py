from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import draw_folder
from xrayscan.labels.layouts import read_labelled
from xrayscan.scoring.looks import looks_of
from xrayscan.scoring.seen import FILE, Seen
from xrayscan.training.films import seen
from xrayscan.training.films.data import DecodedFilms, decode_films
from xrayscan.training.films.parts import Parts
from xrayscan.training.films.seen import known_by, seen_by, set_apart


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> DecodedFilms:
    """Six of each class."""
    return decode_films(
        read_labelled(draw_folder(tmp_path_factory.mktemp("drawn"), 6)).films, 64, 1
    )


def some_of(films: DecodedFilms, places: list[int], *, by_file: bool) -> Seen:
    """What a model keeps that has learnt from some of the films, in these files or in others."""
    if by_file:
        return Seen(known_by(films).files[places])
    return Seen(looks=looks_of(films.pixels[places]))


def locations(films: DecodedFilms) -> list[str]:
    return [film.location for film in films.films]


def test_keys_are_those_of_the_files(films: DecodedFilms) -> None:
    keys = known_by(films).files
    assert keys.dtype == np.uint64
    for location, key in zip(locations(films), keys, strict=True):
        digest = hashlib.sha256(Path(location).read_bytes()).digest()
        assert int(key) == int.from_bytes(digest[:8])
    assert len(set(keys.tolist())) == len(films.films)


def test_what_several_models_have_seen(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, keys in (("one", [3, 5]), ("other", [2**63 + 1, 3])):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / FILE, np.array(keys, np.uint64))
    found = seen_by([tmp_path / "one", tmp_path / "other"])
    assert found.files.tolist() == [3, 5, 2**63 + 1]
    assert not caplog.text
    assert seen_by([]).files.tolist() == []


@pytest.mark.parametrize("content", [None, b"", b"no array"], ids=["none", "empty", "damaged"])
def test_a_model_that_does_not_say(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    assert seen_by([tmp_path]).files.tolist() == []
    assert f"{tmp_path} does not say which films it was trained on" in caplog.text


def test_nothing_seen_changes_nothing(films: DecodedFilms) -> None:
    parts = Parts(films, films)
    assert set_apart(parts, Seen(np.array([1, 2], np.uint64))) is parts


@pytest.mark.parametrize("by_file", [True, False], ids=["the same file", "the same film"])
def test_what_was_seen_is_left_out(
    films: DecodedFilms,
    by_file: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(seen, "MIN_VALIDATION", 8)
    seen_before = some_of(films, [0, 7, 11], by_file=by_file)
    with caplog.at_level(logging.WARNING, "xrayscan"):
        parts = set_apart(Parts(films, films), seen_before)
    left = [name for n, name in enumerate(locations(films)) if n not in (0, 7, 11)]
    assert locations(parts.validation) == left
    assert parts.validation.pixels.shape[0] == len(left)
    assert (parts.train, parts.seen_before) == (films, 0)
    assert "3 validation films left out" in caplog.text


@pytest.mark.parametrize(
    ("least", "known"), [(10, [0, 7, 11]), (2, [0, 1, 2, 3, 4, 5])], ids=["too few", "one class"]
)
def test_what_was_seen_stays_where_too_little_would_be_left(
    films: DecodedFilms,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    least: int,
    known: list[int],
) -> None:
    monkeypatch.setattr(seen, "MIN_VALIDATION", least)
    parts = set_apart(Parts(films, films), some_of(films, known, by_file=True))
    assert parts == replace(Parts(films, films), seen_before=len(known))
    assert f"{len(known)} of 12 validation films were learnt from before" in caplog.text
