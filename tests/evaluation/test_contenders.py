from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from xrayscan.assessing import AssessOptions
from xrayscan.evaluation.contenders import Contender, apart, ensemble, of_outputs, paired
from xrayscan.evaluation.disagreements import disagreements
from xrayscan.evaluation.external import read_outputs
from xrayscan.evaluation.films import LabelledScan
from xrayscan.intake.admission import Admission
from xrayscan.reading.scans import ReadOptions
from xrayscan.records import Scan

VALUES = np.array([0.1, 0.6, 0.8])


def contender(name: str, thresholds: Mapping[str, float], own: str = "") -> Contender:
    return Contender(name, VALUES, thresholds, own)


MODEL = contender("model", {"youden": 0.4, "0.3": 0.3, "sens=0.9": 0.2})
OTHER = contender("other", {"youden": 0.6, "0.3": 0.3, "sens=0.9": 0.1})
THEIRS = contender("theirs", {"0.3": 0.3, "0.55": 0.55}, "0.55")


def pairs(*contenders: Contender) -> list[str]:
    return [
        f"{one.name} {rule} - {other.name} {another}"
        for one, rule, other, another in paired(contenders)
        if one.name != other.name
    ]


def test_calls_meet_by_the_name_of_the_rule() -> None:
    assert pairs(MODEL, OTHER) == [
        "model youden - other youden",
        "model 0.3 - other 0.3",
        "model sens=0.9 - other sens=0.9",
    ]


def test_outputs_stand_with_their_own_threshold_where_they_lack_a_rule() -> None:
    assert pairs(MODEL, THEIRS) == [
        "model youden - theirs 0.55",
        "model 0.3 - theirs 0.3",
        "model sens=0.9 - theirs 0.55",
    ]
    assert pairs(THEIRS, contender("more", {"0.3": 0.3, "0.5": 0.5}, "0.5")) == [
        "theirs 0.3 - more 0.3",
        "theirs 0.55 - more 0.5",
    ]


def test_models_at_their_defaults_meet_whatever_these_are() -> None:
    first = contender("first", {"youden": 0.4}, "youden")
    second = contender("second", {"sens=0.95": 0.2}, "sens=0.95")
    assert pairs(first, second) == ["first youden - second sens=0.95"]
    assert ensemble([first, second]).thresholds == {"youden": pytest.approx(0.3)}


def test_every_two_rules_of_one_meet() -> None:
    assert len(paired([MODEL])) == 3


def test_the_mean_takes_every_member_s_threshold_of_a_rule() -> None:
    assert ensemble([MODEL, OTHER, THEIRS]).thresholds == {
        "youden": pytest.approx((0.4 + 0.6 + 0.55) / 3),
        "0.3": pytest.approx(0.3),
        "sens=0.9": pytest.approx((0.2 + 0.1 + 0.55) / 3),
    }
    assert pairs(MODEL, ensemble([MODEL, THEIRS])) == [
        f"model {rule} - mean of all {rule}" for rule in MODEL.thresholds
    ]


def test_names_that_are_there_twice_keep_all_else() -> None:
    one, other = apart([THEIRS, THEIRS])
    assert (one.name, one.own, one.thresholds) == ("theirs (1)", "0.55", THEIRS.thresholds)
    assert other.name == "theirs (2)"


def test_films_called_differently_are_those_of_one_rule() -> None:
    """At youden and 0.55 the second film divides them, at the outputs' first threshold none."""
    films = [
        LabelledScan(Scan(name, name, 0, 0), "NORMAL", False, "p", {}) for name in ("a", "b", "c")
    ]
    theirs = Contender("theirs", np.array([0.1, 0.5, 0.8]), THEIRS.thresholds, THEIRS.own)
    assess = AssessOptions(ReadOptions(64, 1), None, "none", Admission.OFF, 4)
    common = np.ones(3, np.bool_)
    found = disagreements([MODEL, theirs], films, common, ("N", "P"), assess)
    assert [(each.name, [call for _, call, _ in each.calls]) for each in found] == [
        ("b", ["P", "N"])
    ]


@pytest.mark.parametrize(
    ("rules", "thresholds", "own"),
    [
        ((), {"0.7": 0.7}, "0.7"),
        (("youden",), {"0.7": 0.7}, "0.7"),
        (("0.3", "0.4"), {"0.3": 0.3, "0.4": 0.4}, ""),
        (("youden", "0.3"), {"0.3": 0.3, "0.7": 0.7}, "0.7"),
    ],
)
def test_outputs_are_taken_at_numbers_and_at_their_own_threshold_for_rules(
    tmp_path: Path, rules: tuple[str, ...], thresholds: dict[str, float], own: str
) -> None:
    csv = tmp_path / "theirs.csv"
    csv.write_text("path,probability,threshold\na.png,0.2,0.7\n", encoding="utf-8")
    film = LabelledScan(Scan("a.png", str(tmp_path / "a.png"), 0, 0), "NORMAL", False, "p", {})
    found = of_outputs(read_outputs(csv), [film], [""], rules)
    assert (found.thresholds, found.own) == (thresholds, own)
