from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from xrayscan.errors import DataError
from xrayscan.evaluation.sample import Sample
from xrayscan.evaluation.wishes import (
    MARGIN,
    SENSITIVITY,
    SPECIFICITY,
    Wish,
    check,
    granted,
    needed,
)


def simulated(seed: int, count: int, per_patient: int = 1) -> Sample:
    rng = np.random.default_rng(seed)
    positives = np.arange(count) % 2 == 0
    probabilities = np.round(1 / (1 + np.exp(-rng.normal(3.0 * positives - 1.5, 1))), 6)
    patients = tuple(str(n // (2 * per_patient)) + "ab"[n % 2] for n in range(count))
    return Sample(probabilities, positives, patients, ("NORMAL", "PNEUMONIA"))


@pytest.mark.parametrize("aim", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_needed_is_the_least_that_carries(aim: float) -> None:
    found = needed(aim)

    def carries(count: int) -> bool:
        low, _ = proportion_confint(aim * count, count, method="wilson")
        return bool(low >= aim - MARGIN and count * (1 - aim) >= 1 - 1e-9)

    assert carries(found)
    assert not carries(found - 1)


def test_too_few_patients_are_refused_with_the_number_that_would_do() -> None:
    sample = simulated(0, 80)  # 40 films of 40 patients of each class
    check(Wish(SENSITIVITY, 0.95), sample)
    with pytest.raises(DataError) as fault:
        check(Wish(SENSITIVITY, 0.99), sample)
    assert str(fault.value) == (
        "sensitivity of 0.99: 40 films of 40 patients with PNEUMONIA cannot carry it; it takes "
        "films of 100 such patients, 60 more, or wish for 0.97"
    )
    with pytest.raises(DataError, match="films of 40 patients with NORMAL cannot carry it"):
        check(Wish(SPECIFICITY, 0.98), sample)


@pytest.mark.parametrize(
    ("patients", "instead"),
    [(34, ", or wish for 0.97"), (33, ", or wish for 0.96"), (27, ", or wish for 0.96"), (26, "")],
)
def test_the_highest_wish_that_so_many_patients_carry_is_named(patients: int, instead: str) -> None:
    sample = simulated(0, 80)
    few = sample.chosen(~sample.positives | (np.arange(80) < 2 * patients))
    with pytest.raises(DataError, match=rf"films of 50 such patients, \d+ more{instead}$"):
        check(Wish(SENSITIVITY, 0.98), few)


def test_several_films_of_a_patient_are_no_more_patients() -> None:
    with pytest.raises(DataError, match="80 films of 20 patients with PNEUMONIA"):
        check(Wish(SENSITIVITY, 0.95), simulated(0, 160, per_patient=4))


def test_the_other_class_tells_the_cost() -> None:
    sample = simulated(0, 80)
    few = sample.chosen(sample.positives | (np.arange(80) < 10))
    with pytest.raises(DataError, match="5 films of NORMAL cannot tell what it costs; it takes 10"):
        check(Wish(SENSITIVITY, 0.95), few)
    with pytest.raises(DataError, match="5 films of 5 patients with NORMAL cannot carry it"):
        check(Wish(SPECIFICITY, 0.95), few)


@pytest.mark.parametrize(("kind", "aim"), [(SENSITIVITY, 0.9), (SPECIFICITY, 0.8)])
def test_a_wish_is_granted_on_the_films(kind: str, aim: float) -> None:
    sample = simulated(3, 200)
    found = granted(Wish(kind, aim), sample, prevalence=0.1)
    called = sample.probabilities >= found["threshold"]
    assert found["sensitivity"] == pytest.approx(called[sample.positives].mean())
    assert found["specificity"] == pytest.approx((~called)[~sample.positives].mean())
    assert found[kind] >= aim
    low, high = found["threshold_interval"]
    assert low <= found["threshold"] <= high
    per = found["per_1000"]
    assert per["missed"] == round(100 * (1 - found["sensitivity"]))
    assert per["false_alarms"] == round(900 * (1 - found["specificity"]))
    for what, sick, share in (("missed", 100, SENSITIVITY), ("false_alarms", 900, SPECIFICITY)):
        expected = [round(sick * (1 - end)) for end in found[f"{share}_interval"][::-1]]
        assert per[f"{what}_interval"] == expected
        assert expected[0] < per[what] < expected[1]
        assert found["elsewhere"][share] == pytest.approx(found[share], abs=0.03)
    assert per["referred"] == round(100 * found["sensitivity"] + 900 * (1 - found["specificity"]))


@pytest.mark.parametrize("patients", [1, 2])
def test_where_few_patients_are_all_drawn_or_none_nothing_is_measured(patients: int) -> None:
    sample = simulated(3, 80)
    names = [f"normal {n // 2 % patients}" if n % 2 else str(n) for n in range(80)]
    few = Sample(sample.probabilities, sample.positives, tuple(names), sample.names)
    found = granted(Wish(SENSITIVITY, 0.9), few, prevalence=0.1)
    if patients == 1:
        assert (found["threshold_interval"], found["elsewhere"]) == (None, None)
    else:
        assert found["elsewhere"]["specificity"] == pytest.approx(found["specificity"], abs=0.1)


@pytest.mark.slow
def test_what_is_expected_elsewhere_is_what_comes() -> None:
    """On the films that it was chosen on, a threshold keeps its wish; elsewhere a little less."""
    truth = simulated(99, 200_000)
    expected, real = [], []
    for seed in range(40):
        found = granted(Wish(SENSITIVITY, 0.9), simulated(seed, 100), prevalence=0.5)
        called = truth.probabilities[truth.positives] >= found["threshold"]
        expected.append(found["elsewhere"]["sensitivity"])
        real.append(called.mean())
    assert np.mean(expected) == pytest.approx(np.mean(real), abs=0.02)
