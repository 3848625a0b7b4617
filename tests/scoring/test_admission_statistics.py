from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xrayscan.errors import ModelError
from xrayscan.scoring.admission_statistics import (
    QUANTILE,
    SHRINKAGE,
    AdmissionStatistics,
    fit_statistics,
)


def population(films: int, width: int, seed: int = 3) -> np.ndarray:
    """Pooled features as a network gives them: not negative, channels of different strength."""
    rng = np.random.default_rng(seed)
    strength = np.random.default_rng(0).permutation(np.geomspace(4, 0.05, width))
    return np.maximum(rng.standard_normal((films, width)) * strength + 1, 0).astype(np.float32)


def fitted_to(
    training: np.ndarray, validation: np.ndarray, layers: tuple[int, ...]
) -> AdmissionStatistics:
    posture = np.arange(8, dtype=np.float32)[None].repeat(257, axis=0)
    groups = [(width, SHRINKAGE) for width in layers]
    return fit_statistics(training, validation, groups, posture)


def fitted(films: int, layers: tuple[int, ...]) -> tuple[AdmissionStatistics, np.ndarray]:
    """Statistics of a population, and the validation films that set its scale."""
    both = population(films + 300, sum(layers))
    return fitted_to(both[:films], both[films:], layers), both[films:]


# films to train on, width of each layer
SETS = {
    "two layers": (500, (80, 112)),
    "one layer": (500, (64,)),
    "three layers, one narrow": (500, (40, 4, 24)),
    "as many films as features": (192, (80, 112)),
    "fewer films than features": (40, (80, 112)),
    "a handful of films": (6, (80, 112)),
}


@pytest.mark.parametrize(("films", "layers"), SETS.values(), ids=SETS)
def test_validation_films_lie_below_about_1(films: int, layers: tuple[int, ...]) -> None:
    statistics, validation = fitted(films, layers)
    distance = statistics.distance(validation)
    assert distance.shape == (300,)
    assert distance.dtype == np.float32
    assert (distance < 1.05).mean() >= 0.98
    assert 0.75 < distance.max() < 1.3


def test_1_is_the_quantile_where_there_is_one_layer() -> None:
    statistics, validation = fitted(500, (64,))
    assert np.quantile(statistics.distance(validation), QUANTILE) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize(("films", "layers"), SETS.values(), ids=SETS)
def test_further_films_of_the_population_are_near(films: int, layers: tuple[int, ...]) -> None:
    statistics, _ = fitted(films, layers)
    further = statistics.distance(population(200, sum(layers), seed=99))
    assert (further < 1.1).mean() > 0.97


@pytest.mark.parametrize(("films", "layers"), SETS.values(), ids=SETS)
def test_against_the_formula_in_float64(films: int, layers: tuple[int, ...]) -> None:
    """Lee et al. 2018 by eigenvectors, the ridge added to each variance."""
    both = population(films + 300, sum(layers)).astype(np.float64)
    training, validation = both[:films], both[films:]
    squares, start = np.zeros(300), 0
    for width in layers:
        part = slice(start, start + width)
        start += width
        centred = training[:, part] - training[:, part].mean(axis=0)
        variances, directions = np.linalg.eigh(centred.T @ centred / films)
        variances = variances + SHRINKAGE * variances.mean()
        projected = (validation[:, part] - training[:, part].mean(axis=0)) @ directions
        mahalanobis = np.sqrt((projected**2 / variances).sum(axis=1))
        squares += (mahalanobis / np.quantile(mahalanobis, QUANTILE)) ** 2
    statistics, _ = fitted(films, layers)
    expected = np.sqrt(squares / len(layers))
    np.testing.assert_allclose(statistics.distance(np.float32(validation)), expected, rtol=1e-3)


@pytest.mark.parametrize("direction", ["a strong channel", "a weak channel", "everywhere"])
def test_grows_outside(direction: str) -> None:
    statistics, validation = fitted(500, (80, 112))
    spread = validation.std(axis=0)
    towards = {
        "a strong channel": np.eye(192)[spread.argmax()],
        "a weak channel": np.eye(192)[spread.argmin()],
        "everywhere": np.ones(192),
    }[direction]
    steps = np.array([0, 50, 100, 200, 400])[:, None]
    distance = statistics.distance((statistics.mean + steps * towards).astype(np.float32))
    assert distance[0] == pytest.approx(0, abs=1e-5)
    np.testing.assert_allclose(distance[2:] / distance[1:-1], 2, rtol=1e-3)
    assert distance[-1] > 2


def test_a_direction_without_spread_does_not_decide_alone() -> None:
    """A channel that never moved in training: a slight move is no proof of another picture."""
    both = population(800, 64)
    both[:, 10] = 0.5
    statistics = fitted_to(both[:500], both[500:], (64,))
    moved = both[500:].copy()
    moved[:, 10] += 0.01 * both.std()
    shift = np.abs(statistics.distance(moved) - statistics.distance(both[500:]))
    assert shift.max() < 0.1


def test_layers_weigh_alike_whatever_their_scale() -> None:
    both = population(800, 64)
    scaled = both.copy()
    scaled[:, 24:] *= 1000
    one, other = (fitted_to(f[:500], f[500:], (24, 40)).distance(f) for f in (both, scaled))
    np.testing.assert_allclose(one, other, rtol=1e-3)


def test_save_and_load(tmp_path: Path) -> None:
    statistics, validation = fitted(100, (16, 40))
    statistics.save(tmp_path / "admission.npz")
    loaded = AdmissionStatistics.load(tmp_path / "admission.npz")
    for name in ("mean", "whitening", "posture"):
        stored, given = getattr(loaded, name), getattr(statistics, name)
        assert stored.dtype == given.dtype == np.float32
        np.testing.assert_array_equal(stored, given)
    np.testing.assert_array_equal(loaded.distance(validation), statistics.distance(validation))


def test_saved_twice_is_the_same_file(tmp_path: Path) -> None:
    statistics, _ = fitted(100, (16, 40))
    for name in ("one.npz", "two.npz"):
        statistics.save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


@pytest.mark.parametrize(("films", "layers"), SETS.values(), ids=SETS)
def test_independent_of_the_batch(films: int, layers: tuple[int, ...]) -> None:
    """But for the rounding of a matrix product, whose order of summation goes by its size."""
    statistics, validation = fitted(films, layers)
    alone = [statistics.distance(film[None])[0] for film in validation[:30]]
    np.testing.assert_allclose(statistics.distance(validation)[:30], alone, rtol=1e-6)
    reverse = statistics.distance(validation[::-1])[::-1]
    np.testing.assert_allclose(reverse[:30], alone, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 3.7])
@pytest.mark.parametrize("dead", ["all", "one layer"])
def test_features_that_never_vary(dead: str, value: float) -> None:
    """A dead layer must give a number, not NaN, which would compare as admitted."""
    both = population(40, 24)
    both[:, : 24 if dead == "all" else 8] = value
    statistics = fitted_to(both[:20], both[20:], (8, 16))
    assert np.isfinite(statistics.whitening).all()
    assert np.isfinite(statistics.distance(both)).all()
    far = both.copy()
    far[:, :8] += 3
    assert (statistics.distance(far) > 100).all()


@pytest.mark.parametrize(
    "content", [None, b"", b"PK\x03\x04 cut short"], ids=["none", "empty", "cut"]
)
def test_a_missing_or_damaged_file_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "admission.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="restore the model folder") as caught:
        AdmissionStatistics.load(path)
    assert str(path) in str(caught.value)


def test_no_code_is_loaded_with_a_file(tmp_path: Path) -> None:
    """Objects are: NumPy unpickles them where it may."""
    path = tmp_path / "admission.npz"
    objects = np.array([1, 2], dtype=object)
    np.savez(path, mean=objects, whitening=objects, posture=objects)
    with pytest.raises(ModelError, match="restore the model folder"):
        AdmissionStatistics.load(path)
