from __future__ import annotations

import numpy as np
import pytest

from tests.films import draw_film
from xrayscan.scoring.layout import WIDTH
from xrayscan.scoring.posture import (
    POSTURES,
    UPRIGHT,
    Posture,
    PostureFinding,
    find_posture,
    fit_posture,
)

SIDE = 96
WORDS = (
    "",
    "turned left",
    "upside down",
    "turned right",
    "inverted",
    "inverted and turned left",
    "inverted and upside down",
    "inverted and turned right",
)


def drawn(seeds: range) -> np.ndarray:
    return np.stack([draw_film(seed, width=SIDE, height=SIDE) for seed in seeds])


@pytest.fixture(scope="module")
def weights() -> np.ndarray:
    return fit_posture(drawn(range(300)), 1)


def test_every_posture_once_and_upright_first() -> None:
    assert POSTURES[0] == UPRIGHT
    assert len(set(POSTURES)) == 8
    assert tuple(map(str, POSTURES)) == WORDS


@pytest.mark.parametrize("posture", POSTURES, ids=lambda posture: str(posture) or "upright")
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_taken_and_undone(posture: Posture, dtype: type) -> None:
    film = np.random.default_rng(1).integers(0, 256, (20, 30)).astype(dtype)
    taken = posture.taken(film)
    assert taken.shape == ((30, 20) if posture.quarter_turns % 2 else (20, 30))
    assert taken.dtype == dtype
    assert taken.flags.c_contiguous
    assert (posture == UPRIGHT) == np.array_equal(taken, film)
    np.testing.assert_array_equal(posture.undone(taken), film)


def test_left_is_left() -> None:
    """Turned left, what was on top lies on the left."""
    film = np.zeros((4, 4), np.uint8)
    film[0] = 9
    assert (Posture(1).taken(film)[:, 0] == 9).all()


@pytest.mark.parametrize("posture", POSTURES, ids=lambda posture: str(posture) or "upright")
def test_films_never_seen_are_told(weights: np.ndarray, posture: Posture) -> None:
    assert weights.shape == (WIDTH + 1, 8)
    assert weights.dtype == np.float32
    for film in drawn(range(1000, 1040)):
        found = find_posture(posture.taken(film).astype(np.float32), weights)
        assert found.posture == posture
        assert found.certainty > 0.9


def test_weak_evidence_stays_weak() -> None:
    """A few films, or films without an up and a down, make nobody sure."""
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (200, SIDE, SIDE)).astype(np.uint8)
    for films in (drawn(range(6)), noise):
        learnt = fit_posture(films, 1)
        for film in films:
            found = find_posture(film.astype(np.float32), learnt)
            assert not found.is_certain
            assert not found.is_unclear


def test_the_same_draw_of_many_films(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xrayscan.scoring.posture._ENOUGH", 20)
    films = drawn(range(40))
    np.testing.assert_array_equal(fit_posture(films, 1), fit_posture(films, 1))
    assert not np.array_equal(fit_posture(films, 1), fit_posture(films, 2))


# (posture, certainty, upright): certain, unclear
FINDINGS = {
    "upright": (Posture(), 0.999, 0.999, False, False),
    "surely turned": (Posture(1), 0.95, 0.001, True, False),
    "turned somehow": (Posture(1), 0.6, 0.005, False, True),
    "perhaps turned": (Posture(1), 0.85, 0.02, False, False),
    "hardly upright": (Posture(), 0.3, 0.3, False, False),
}


@pytest.mark.parametrize("case", FINDINGS.values(), ids=FINDINGS)
def test_findings(case: tuple[Posture, float, float, bool, bool]) -> None:
    posture, certainty, upright, is_certain, is_unclear = case
    found = PostureFinding(posture, certainty, upright)
    assert (found.is_certain, found.is_unclear) == (is_certain, is_unclear)
