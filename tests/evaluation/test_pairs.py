from __future__ import annotations

from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference
from statsmodels.stats.multitest import multipletests

from xrayscan.evaluation.pairs import holm, mcnemar


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_against_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.random(80) < 0.8, rng.random(80) < 0.7
    table = [
        [int((first & second).sum()), int((first & ~second).sum())],
        [int((~first & second).sum()), int((~first & ~second).sum())],
    ]
    found = mcnemar(first, second, alone(80))
    assert (found.only_first, found.only_second) == (table[0][1], table[1][0])
    assert found.p == pytest.approx(reference(table, exact=True).pvalue, abs=1e-12)


def test_mcnemar_by_hand() -> None:
    """Five films that the second alone gets right: 2 / 2^5."""
    second = np.array([True] * 5 + [False] * 3)
    assert mcnemar(np.zeros(8, np.bool_), second, alone(8)).p == pytest.approx(2 / 32)
    assert mcnemar(second, second, alone(8)).p == 1


@pytest.mark.parametrize("seed", range(5))
def test_several_films_of_a_patient_against_every_change_of_signs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.random(30) < 0.8, rng.random(30) < 0.5
    patients = rng.integers(0, 9, 30)
    sums = np.bincount(patients, first.astype(float) - second, 9)
    every = np.array([abs(sums @ signs) for signs in product((-1, 1), repeat=9)])
    found = mcnemar(first, second, [str(each) for each in patients])
    assert found.p == pytest.approx((every >= abs(sums.sum())).mean(), abs=1e-12)


def test_a_patient_s_films_are_one_piece_of_evidence() -> None:
    """Eight films that the second alone gets right, all of two patients: 2 / 2^2."""
    found = mcnemar(np.zeros(8, np.bool_), np.ones(8, np.bool_), ["a", "b"] * 4)
    assert (found.only_first, found.only_second) == (0, 8)
    assert found.p == pytest.approx(0.5)


def test_films_in_thousands() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 40_000)) < 0.8
    patients = [str(each) for each in rng.integers(0, 20_000, 40_000)]
    sums = np.bincount([int(each) for each in patients], first.astype(float) - second)
    normal = 2 * NormalDist().cdf(-abs(sums.sum()) / np.sqrt((sums**2).sum()))  # Yang 2010
    assert mcnemar(first, second, patients).p == pytest.approx(normal, abs=0.01)


@pytest.mark.parametrize("films", [1, 5])
def test_calls_that_differ_by_chance_alone_are_seldom_said_to_differ(films: int) -> None:
    """60 patients; film by film, 5 of each, a third of such pairs differ at p < .05."""
    rng = np.random.default_rng(2)
    names = np.repeat(alone(60), films).tolist()
    wrong = 0
    for _ in range(400):
        right = np.repeat(rng.normal(0, 1, (2, 60)), films, axis=1) > rng.normal(0, 0.3, 60 * films)
        wrong += mcnemar(right[0], right[1], names).p < 0.05
    assert wrong / 400 <= 0.07
    assert films == 1 or wrong / 400 >= 0.02


def alone(count: int) -> list[str]:
    """Patients with one film each."""
    return [str(number) for number in range(count)]


def test_holm_against_statsmodels() -> None:
    values = [0.04, 0.001, 0.03, 0.6, 0.7]
    found = holm([values[0], None, *values[1:]])
    assert found[1] is None
    expected = multipletests(values, method="holm")[1]
    assert [each for each in found if each is not None] == pytest.approx(expected.tolist())
    assert holm([]) == []
