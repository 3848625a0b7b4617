from __future__ import annotations

from dataclasses import asdict, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.training.learning.augmentation import PRESETS, Augmentation, augment, varied

fixed = settings(max_examples=60)

# far enough that the variation shows whatever the draw
ALONE = {
    "flip": 1.0,
    "rotation": 10.0,
    "shift": 0.1,
    "zoom": 0.2,
    "shear": 10.0,
    "aspect": 0.3,
    "contrast": 0.3,
    "brightness": 25.0,
    "gamma": 0.4,
    "blur": 1.0,
    "noise": 6.0,
    "jpeg": 1.0,
    "corner_erase": 1.0,
    "resample": 1.0,
    "margin_erase": 1.0,
    "marker": 1.0,
}


def picture(side: int = 64, seed: int = 4) -> np.ndarray:
    """No symmetry, smooth and grainy parts, black and white among the greys."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / side
    smooth = 120 + 80 * np.sin(5 * rows + 2 * columns) + 30 * columns
    film = smooth + rng.normal(0, 8, (side, side))
    film[: side // 4, side // 2 :] *= 0.3
    return np.clip(film, 0, 255).astype(np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_variation_is_tried_alone() -> None:
    assert [field.name for field in fields(Augmentation)] == list(ALONE)


def test_preset_none_is_identity() -> None:
    film = picture()
    np.testing.assert_array_equal(augment(film, PRESETS["none"], rng()), film)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("side", [64, 97, 224])
def test_stays_a_film(preset: str, side: int) -> None:
    film = picture(side)
    for seed in range(10):
        result = augment(film, PRESETS[preset], rng(seed))
        assert result.shape == (side, side)
        assert result.dtype == np.float32
        assert result.min() >= 0
        assert result.max() <= 255
        assert result.std() > 1
    np.testing.assert_array_equal(film, picture(side))  # the film itself is never written to


@fixed
@given(
    st.fixed_dictionaries({name: st.floats(0, limit) for name, limit in ALONE.items()}),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 128.0, 255.0, None]),
)
def test_stays_in_range_for_any_ranges(
    ranges: dict[str, float], seed: int, grey: float | None
) -> None:
    film = picture() if grey is None else np.full((64, 64), grey, np.float32)
    result = augment(film, Augmentation(**ranges), rng(seed))
    assert result.shape == (64, 64)
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 255


@pytest.mark.parametrize("preset", PRESETS)
def test_same_seed_same_film(preset: str) -> None:
    for seed in range(5):
        one, two = (augment(picture(), PRESETS[preset], rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("preset", ["seed", "strong"])
def test_other_seed_other_film(preset: str) -> None:
    results = [augment(picture(), PRESETS[preset], rng(seed)).tobytes() for seed in range(10)]
    assert len(set(results)) == 10


@pytest.mark.parametrize("name", ALONE)
def test_each_variation_changes_the_film(name: str) -> None:
    film = picture()
    changes = []
    for seed in range(5):
        result = augment(film, Augmentation(**{name: ALONE[name]}), rng(seed))
        changes.append(np.abs(result - film).max())
        assert result.dtype == np.float32
    assert min(changes) > 0
    assert max(changes) > 3  # grey levels


@pytest.mark.parametrize("name", ALONE)
def test_each_variation_can_be_switched_off(name: str) -> None:
    """All but one switched on: the film still changes, and differs from all of them together."""
    rest = Augmentation(**(ALONE | {name: 0.0}))
    assert asdict(rest)[name] == 0
    together = augment(picture(), Augmentation(**ALONE), rng(1))
    assert np.abs(augment(picture(), rest, rng(1)) - together).max() > 0.5


@pytest.mark.parametrize("side", [64, 97])
def test_flip_is_a_mirror(side: int) -> None:
    film = picture(side)
    mirrored = augment(film, Augmentation(flip=1.0), rng())
    np.testing.assert_allclose(mirrored, film[:, ::-1], atol=0.01)


def test_varied_takes_each_film_by_itself() -> None:
    films = np.stack([picture(seed=seed) for seed in range(5)]).astype(np.uint8)
    result = varied(films, PRESETS["strong"], 3)
    assert result.shape == films.shape
    assert result.dtype == np.uint8
    assert all((one != other).any() for one, other in zip(result, films, strict=True))
    np.testing.assert_array_equal(varied(films, PRESETS["strong"], 3), result)
    np.testing.assert_array_equal(varied(films[:2], PRESETS["strong"], 3), result[:2])
    assert (varied(films, PRESETS["strong"], 4) != result).any()
    np.testing.assert_array_equal(varied(films, PRESETS["none"], 3), films)


def test_varied_varies_like_films_differently() -> None:
    films = np.stack([picture().astype(np.uint8)] * 4)
    assert len({film.tobytes() for film in varied(films, PRESETS["strong"], 0)}) == 4


def test_flip_happens_as_often_as_asked() -> None:
    film = picture(16)
    flips = sum(
        not np.array_equal(augment(film, Augmentation(flip=0.5), rng(seed)), film)
        for seed in range(400)
    )
    assert 160 < flips < 240


def _centre_of_dot(film: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[: film.shape[0], : film.shape[1]]
    return (rows * film).sum() / film.sum(), (columns * film).sum() / film.sum()


def test_shift_is_a_share_of_the_side() -> None:
    film = np.zeros((100, 100), np.float32)
    film[45:55, 45:55] = 200
    moves = []
    for seed in range(200):
        row, column = _centre_of_dot(augment(film, Augmentation(shift=0.06), rng(seed)))
        moves += [abs(row - 49.5), abs(column - 49.5)]
    assert 5 < max(moves) <= 6.1  # 0.06 of 100 pixels


def test_rotation_turns_about_the_centre_by_degrees() -> None:
    film = np.zeros((101, 101), np.float32)
    film[50, 88:93] = 200  # 40 pixels to the right of the centre
    angles = []
    for seed in range(200):
        row, column = _centre_of_dot(augment(film, Augmentation(rotation=10), rng(seed)))
        angles.append(np.degrees(np.arctan2(row - 50, column - 50)))
        assert np.hypot(row - 50, column - 50) == pytest.approx(40, abs=0.3)
    assert 9 < max(angles) <= 10.3
    assert -10.3 <= min(angles) < -9


def test_aspect_changes_the_ratio_and_keeps_the_area() -> None:
    film = np.zeros((200, 200), np.float32)
    film[70:130, 70:130] = 200
    ratios = []
    for seed in range(100):
        result = augment(film, Augmentation(aspect=0.2), rng(seed))
        ratios.append(np.log(result[100].sum() / result[:, 100].sum()))
        assert result.sum() == pytest.approx(film.sum(), rel=0.02)
    assert 0.17 < max(ratios) < 0.21
    assert -0.21 < min(ratios) < -0.17


def test_brightness_moves_all_greys_alike() -> None:
    film = np.clip(picture(), 60, 190)
    moves = {
        float(np.ptp(augment(film, Augmentation(brightness=25), rng(seed)) - film))
        for seed in range(10)
    }
    assert max(moves) < 1e-3


def test_corner_erase_leaves_the_middle_alone() -> None:
    film = picture(100)
    for seed in range(20):
        erased = augment(film, Augmentation(corner_erase=1.0), rng(seed))
        changed = erased != film
        assert changed[:20].any()
        assert changed[-20:].any()
        assert not changed[20:-20].any()
        assert not changed[:, 20:-20].any()


def test_margin_erase_makes_strips_of_one_grey_and_leaves_the_middle_alone() -> None:
    film = picture(100)
    for seed in range(20):
        erased = augment(film, Augmentation(margin_erase=1.0), rng(seed))
        changed = erased != film
        assert np.ptp(erased[0, 12:-12]) == np.ptp(erased[12:-12, -1]) == 0
        assert changed.any(axis=1).all()
        assert not changed[13:-13, 13:-13].any()


def test_marker_draws_a_brighter_letter_near_the_border() -> None:
    film = np.full((100, 100), 60, np.float32)
    for seed in range(40):
        marked = augment(film, Augmentation(marker=1.0), rng(seed))
        rows, columns = np.nonzero(marked - film)
        assert 3 <= np.ptp(rows) + 1 <= 20
        assert np.ptp(columns) + 1 <= 20
        assert marked.max() > 100
        assert not (marked != film)[28:, 28:-28].any()
