from __future__ import annotations

import numpy as np
import pytest

from xrayscan.errors import UsageError
from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.sample import Sample
from xrayscan.evaluation.subgroups import group_of, subgroups, too_small
from xrayscan.records import Scan


def labelled(attributes: list[dict[str, str]], positives: np.ndarray) -> tuple[LabelledScan, ...]:
    return tuple(
        LabelledScan(Scan(str(n), str(n), 0, 0), "x", bool(positive), str(n), each)
        for n, (each, positive) in enumerate(zip(attributes, positives, strict=True))
    )


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("0", "below 1"),
        ("0.9", "below 1"),
        ("1", "1 to 5"),
        ("5", "1 to 5"),
        ("6", "6 to 17"),
        ("18", "18 to 39"),
        ("39.5", "18 to 39"),
        ("40", "40 to 64"),
        ("64", "40 to 64"),
        ("65", "65 and above"),
        ("", "not known"),
        ("adult", "adult"),
        ("045Y", "40 to 64"),
        ("045y", "40 to 64"),
        ("018M", "1 to 5"),
        ("003W", "below 1"),
        ("010D", "below 1"),
        ("nan", "not known"),
        ("inf", "not known"),
        ("-1", "not known"),
    ],
)
def test_age_bands(age: str, band: str) -> None:
    assert group_of("age", age) == band


def test_groups_with_sizes_and_measures() -> None:
    """Women: 12 of 12 positives called, 6 of 12 negatives; men: two positives and one negative."""
    positives = np.array([True] * 12 + [False] * 12 + [True, True, False, False])
    called = np.array([0.5] * 12 + [0.5, 0.0] * 6 + [0.5, 0.0, 0.0, 0.0])  # at the threshold
    sexes = [{"sex": "F"}] * 24 + [{"sex": "M"}] * 3 + [{}]
    sample = Sample(called, positives, tuple(str(n) for n in range(28)))
    found = subgroups(labelled(sexes, positives), sample, 0.5, [])
    assert list(found) == ["sex"]
    women, men, unknown = found["sex"]
    assert [row["group"] for row in found["sex"]] == ["F", "M", "not known"]
    assert (women["films"], women["positive"], women["too_small"]) == (24, 12, "")
    assert (women["sensitivity"]["count"], women["sensitivity"]["of"]) == (12, 12)
    assert women["specificity"]["value"] == 0.5
    assert women["auc"]["value"] == 0.75
    assert men["too_small"].startswith("Too small to say: 1 film of one class")
    assert unknown["auc"]["value"] is None
    assert unknown["auc"]["why"].startswith("All films scored (1) are negative")
    assert unknown["sensitivity"]["why"] == "No film is positive."


def test_bands_of_age_stand_in_their_order() -> None:
    ages = ["70", "50", "3", "", "0"]
    sample = Sample(np.linspace(0, 1, 5), np.arange(5) < 2, tuple("abcde"))
    rows = subgroups(labelled([{"age": age} for age in ages], sample.positives), sample, 0.5, [])
    assert [row["group"] for row in rows["age"]] == [
        "below 1", "1 to 5", "40 to 64", "65 and above", "not known",
    ]  # fmt: skip


@pytest.mark.parametrize(("fewest", "small"), [(10, False), (9, True)])
def test_ten_of_a_class_will_do(fewest: int, small: bool) -> None:
    assert bool(too_small(fewest, "patients")) is small


def test_columns_asked_for() -> None:
    positives = np.array([True, False] * 15)
    sample = Sample(np.linspace(0, 1, 30), positives, tuple(str(n) for n in range(30)))
    films = labelled([{"ward": str(n % 2), "number": str(n)} for n in range(30)], positives)
    assert list(subgroups(films, sample, 0.5, ["Ward"])) == ["ward"]
    assert subgroups(films, sample, 0.5, []) == {}
    with pytest.raises(UsageError, match="no film has it; there are: number, ward"):
        subgroups(films, sample, 0.5, ["sex"])
    with pytest.raises(UsageError, match="has 30 different values"):
        subgroups(films, sample, 0.5, ["number"])
    with pytest.raises(UsageError, match="no film has it; there are: none"):
        subgroups(labelled([{}] * 30, positives), sample, 0.5, ["sex"])


@pytest.mark.parametrize(("values", "columns"), [(20, ["view"]), (21, [])])
def test_twenty_values_make_groups(values: int, columns: list[str]) -> None:
    positives = np.array([True, False] * 15)
    sample = Sample(np.linspace(0, 1, 30), positives, tuple(str(n) for n in range(30)))
    films = labelled([{"view": str(n % values)} for n in range(30)], positives)
    assert list(subgroups(films, sample, 0.5, [])) == columns


def test_a_usual_column_that_makes_no_groups_is_left_out_unless_it_is_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    positives = np.array([True, False] * 15)
    sample = Sample(np.linspace(0, 1, 30), positives, tuple(str(n) for n in range(30)))
    films = labelled([{"view": str(n), "sex": "F"} for n in range(30)], positives)
    assert list(subgroups(films, sample, 0.5, [])) == ["sex"]
    assert "no groups by view: it has 30 different values" in caplog.text
    with pytest.raises(UsageError, match="--subgroup view: has 30 different values"):
        subgroups(films, sample, 0.5, ["View"])


def test_copies_of_films_narrow_no_area_s_interval() -> None:
    rng = np.random.default_rng(3)
    positives = np.arange(40) < 20
    probabilities = np.round(rng.random(40) * 0.5 + 0.3 * positives, 6)
    patients = tuple(str(n) for n in range(40))
    once = Sample(probabilities, positives, patients)
    twice = Sample(np.tile(probabilities, 2), np.tile(positives, 2), patients * 2)
    sex = {"sex": "F"}
    first, second = (
        subgroups(labelled([sex] * len(each), each.positives), each, 0.5, [])["sex"][0]
        for each in (once, twice)
    )
    assert (first["patients"], second["patients"]) == (40, 40)
    assert first["auc"]["interval"] == second["auc"]["interval"]
    assert first["auc"]["interval_by"] == "DeLong et al. 1988"
    assert second["auc"]["interval_by"] == "DeLong et al. 1988, by patient, Obuchowski 1997"
