from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tests.films import draw_unlike_film
from xrayscan.scoring.looks import NEAR_BITS, NO_LOOK, looks_of
from xrayscan.scoring.seen import FILE, LOOKS_FILE, Seen

LOOKS = looks_of(draw_unlike_film(seed) for seed in range(4))
FILES = [hashlib.sha256(bytes([number])).hexdigest() for number in range(4)]


def test_a_film_is_known_by_its_file_or_by_its_look() -> None:
    seen = Seen.of(FILES[:2], LOOKS[1:3])
    assert seen.knows(FILES, LOOKS).tolist() == [True, True, True, False]


def test_what_could_not_be_read_is_not_known() -> None:
    """Not even where what could not be read was learnt from, which says nothing of this one."""
    seen = Seen.of(["", FILES[0]], np.stack([NO_LOOK, LOOKS[0]]))
    assert (len(seen.files), len(seen.looks)) == (1, 1)
    assert seen.knows(["", FILES[0]], np.stack([NO_LOOK, NO_LOOK])).tolist() == [False, True]


def test_a_film_whose_look_has_an_empty_byte_is_a_film() -> None:
    """One film in fifteen has one."""
    look = LOOKS[:1].copy()
    look[0, 3] = 0
    assert Seen.of([], look).knows([FILES[0]], look).tolist() == [True]


@pytest.mark.parametrize(("bits", "known"), [(NEAR_BITS, True), (NEAR_BITS + 1, False)])
def test_how_far_a_film_may_be_from_one_that_is_known(bits: int, known: bool) -> None:
    apart = np.packbits(np.arange(LOOKS.shape[1] * 8) < bits)
    assert Seen.of([], LOOKS[:1]).knows([FILES[0]], LOOKS[:1] ^ apart).tolist() == [known]


def test_a_model_that_keeps_no_films_knows_none() -> None:
    assert Seen().knows(["", FILES[0]], np.stack([NO_LOOK, LOOKS[0]])).tolist() == [False, False]


@pytest.mark.parametrize("name", [FILE, LOOKS_FILE])
def test_no_code_is_loaded_with_a_list(tmp_path: Path, name: str) -> None:
    """Objects are: NumPy unpickles them where it may."""
    Seen.of(FILES, LOOKS).keep_in(tmp_path)
    np.save(tmp_path / name, np.array([1, 2], dtype=object))
    assert Seen.kept_in(tmp_path) is None


def test_kept_in_a_folder_and_joined(tmp_path: Path) -> None:
    Seen.of(FILES[:2], LOOKS[:2]).keep_in(tmp_path)
    kept = Seen.kept_in(tmp_path)
    assert kept is not None
    joined = kept.and_of(Seen.of(FILES[1:3], LOOKS[1:3]))
    assert (len(joined.files), len(joined.looks)) == (3, 3)
    assert joined.knows(FILES, LOOKS).tolist() == [True, True, True, False]
    assert Seen().and_of(Seen()).knows(FILES, LOOKS).tolist() == [False] * 4


def test_models_of_before_know_their_files_alone(tmp_path: Path) -> None:
    np.save(tmp_path / FILE, Seen.of(FILES[:2], LOOKS).files)
    kept = Seen.kept_in(tmp_path)
    assert kept is not None
    assert kept.knows(FILES, LOOKS).tolist() == [True, True, False, False]


@pytest.mark.parametrize("name", [FILE, LOOKS_FILE])
def test_a_damaged_list_says_nothing(tmp_path: Path, name: str) -> None:
    Seen.of(FILES, LOOKS).keep_in(tmp_path)
    (tmp_path / name).write_bytes(b"no array")
    assert Seen.kept_in(tmp_path) is None
