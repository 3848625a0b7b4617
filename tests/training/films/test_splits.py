from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.errors import DataError
from xrayscan.labels.films import LabelledFilm
from xrayscan.training.films.splits import drawn, split_by_patient

fixed = settings(max_examples=60)

# -- splitting -----------------------------------------------------------------------------------


@st.composite
def film_sets(draw: st.DrawFn) -> list[LabelledFilm]:
    """Two to four classes of 5 to 12 patients with 1 to 8 films each, in any order."""
    films = [
        LabelledFilm(f"{label}/{patient}/{film}.png", label, f"{label}-{patient}")
        for label in range(draw(st.integers(2, 4)))
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
    assert (
        {film.label for film in training}
        == {film.label for film in validation}
        == {film.label for film in films}
    )


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
    with pytest.raises(DataError, match=r"class [ab] has too few patients \(4\) .*; add films"):
        split_by_patient(many + few, 5, 0, ("a", "b"))


def test_the_class_with_too_few_patients_is_named() -> None:
    films = [LabelledFilm(f"{n}.png", n % 3, str(n)) for n in range(30) if n % 3 < 2 or n < 9]
    with pytest.raises(DataError, match=r"^class VIRUS has too few patients \(3\)"):
        split_by_patient(films, 5, 0, ("NORMAL", "BACTERIA", "VIRUS"))


# -- drawing -------------------------------------------------------------------------------------


@st.composite
def mixed_sets(draw: st.DrawFn) -> list[LabelledFilm]:
    """Films of two or three classes; a patient may have films of several."""
    labels = draw(st.integers(2, 3))
    pairs = st.tuples(st.integers(0, labels - 1), st.integers(0, 15))
    given = draw(st.lists(pairs, min_size=1, max_size=80))
    return [LabelledFilm(f"{n}.png", label, f"p{who}") for n, (label, who) in enumerate(given)]


@fixed
@given(mixed_sets(), st.integers(1, 90), st.integers(0, 2**31))
def test_drawing_keeps_patients_whole_and_every_class(
    films: list[LabelledFilm], limit: int, seed: int
) -> None:
    chosen = drawn(films, limit, seed)
    patients = {film.patient for film in chosen}
    assert list(chosen) == [film for film in films if film.patient in patients]
    assert {film.label for film in chosen} == {film.label for film in films}


@fixed
@given(mixed_sets(), st.integers(1, 90), st.integers(0, 2**31))
def test_only_the_smallest_patient_of_a_class_exceeds_the_limit(
    films: list[LabelledFilm], limit: int, seed: int
) -> None:
    sizes = Counter(film.patient for film in films)
    smallest = [
        min(sizes[film.patient] for film in films if film.label == label)
        for label in {film.label for film in films}
    ]
    assert len(drawn(films, limit, seed)) <= limit + sum(smallest)


@fixed
@given(film_sets(), st.integers(0, 2**31), st.data())
def test_drawing_does_not_heed_the_films_order(
    films: list[LabelledFilm], seed: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(films))
    assert set(drawn(films, 20, seed)) == set(drawn(shuffled, 20, seed))


@pytest.mark.parametrize("limit", [10, 40, 100, 399])
def test_drawing_keeps_the_shares_and_fills_the_limit(limit: int) -> None:
    films = [LabelledFilm(f"{n}.png", int(n % 4 > 0), str(n)) for n in range(400)]
    chosen = drawn(films, limit, 7)
    assert len(chosen) == limit  # one film per patient: nothing is left over
    assert sum(film.label for film in chosen) == pytest.approx(0.75 * limit, abs=1)


@pytest.mark.parametrize("limit", [0, 12, 1000], ids=["no limit", "as many", "more"])
def test_drawing_all(limit: int) -> None:
    films = tuple(LabelledFilm(f"{n}.png", n % 2, str(n % 5)) for n in range(12))
    assert drawn(films, limit, 3) == films


def test_another_seed_draws_others() -> None:
    films = [LabelledFilm(f"{n}.png", n % 2, str(n)) for n in range(60)]
    assert len({drawn(films, 10, seed) for seed in range(5)}) == 5


def test_a_rare_class_is_not_lost() -> None:
    films = [LabelledFilm(f"{n}.png", 0, str(n)) for n in range(500)]
    rare = LabelledFilm("rare.png", 1, "rare")
    assert rare in drawn([*films, rare], 10, 0)
