from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from xrayscan.errors import DataError, UsageError
from xrayscan.labels.classes import Classed, classed
from xrayscan.labels.listing import Entry

DATA = Path("films")


def of_labels(labels: Sequence[str], wanted: str = "") -> Classed:
    """One film of each label."""
    entries = [Entry(f"{label}.png", label, f"line {n}") for n, label in enumerate(labels)]
    return classed(DATA, entries, set(labels), wanted)


def names(text: str) -> list[str]:
    return text.split("," if "," in text else None)


@pytest.mark.parametrize(
    ("labels", "wanted", "classes", "positive"),
    [
        ("PNEUMONIA NORMAL", "", "NORMAL PNEUMONIA", "PNEUMONIA"),
        ("pneumonia zebra", "", "zebra pneumonia", "pneumonia"),
        ("b a", "b,a", "b a", "a"),
        ("Effusion,No Finding", "", "No Finding,Effusion", "Effusion"),
        ("Effusion,NO_FINDINGS", "", "NO_FINDINGS,Effusion", "Effusion"),
        ("abnormal,Healthy", "", "Healthy,abnormal", "abnormal"),
        ("COVID,control", "", "control,COVID", "COVID"),
        ("positive,Negative", "", "Negative,positive", "positive"),
        ("control,NORMAL", "", "NORMAL,control", "control"),
        ("Mass,Effusion,No Finding", "", "No Finding,Effusion,Mass", "NOT No Finding"),
        ("ABSENT normal", "", "normal ABSENT", "ABSENT"),
        ("PNEUMONIA COVID NORMAL", "", "NORMAL COVID PNEUMONIA", "NOT NORMAL"),
        ("VIRUS BACTERIA normal", "", "normal BACTERIA VIRUS", "NOT normal"),
        ("a b c d", "c,a", "c a", "a"),
        ("a b c d", " c , b,d ", "c b d", "NOT c"),
        ("NORMAL PNEUMONIA", "pneumonia,normal", "PNEUMONIA NORMAL", "NORMAL"),
        ("NORMAL BACTERIA VIRUS", "subtype", "NORMAL BACTERIA VIRUS", "PNEUMONIA"),
    ],
)
def test_order(labels: str, wanted: str, classes: str, positive: str) -> None:
    found = of_labels(names(labels), wanted)
    assert found.classes == tuple(names(classes))
    assert found.positive == positive
    assert {entry.label: found.classes[label] for entry, label in found.entries} == {
        name: name for name in found.classes
    }


@pytest.mark.parametrize(
    ("labels", "wanted", "words"),
    [
        ("", "", "no class, and two are needed; put"),
        ("NORMAL", "", r"only one class \(NORMAL\), and two are needed; put"),
        ("b a", "", r'2 classes \(a, b\) and none named NORMAL; give --classes .* "a,b"'),
        ("healthy control", "", r"2 classes \(control, healthy\) and none named NORMAL"),
        ("a b c", "", r"3 classes \(a, b, c\) and none named NORMAL; give --classes"),
        ("NORMAL normal", "", "NORMAL and normal differ in case only; give"),
        ("a b", "a", "two or more different names"),
        ("a b", "a,a", "two or more different names"),
        ("a b", "a,A", "two or more different names"),
        ("a b", "a,,b", 'no class ""; choose from a, b'),
        ("a b", "a,c", 'no class "c"; choose from a, b'),
        ("a b", ",", "two or more different names"),
        ("NORMAL BACTERIA", "subtype", "class VIRUS has no films; add"),
        ("NORMAL COVID", "subtype", "class COVID has no subtypes; leave it out"),
    ],
)
def test_refusals(labels: str, wanted: str, words: str) -> None:
    with pytest.raises((DataError, UsageError), match=f"^films: .*{words}"):
        of_labels(labels.split(), wanted)


def test_many_names_are_cut_short() -> None:
    with pytest.raises(DataError, match=r"found 500 classes .* and 488 more") as fault:
        of_labels([f"label{n}" for n in range(500)])
    assert len(str(fault.value)) < 400


def test_a_class_without_films() -> None:
    entries = [Entry("a.png", "NORMAL", "a.png")]
    with pytest.raises(DataError, match="class PNEUMONIA has no films; add"):
        classed(DATA, entries, {"NORMAL", "PNEUMONIA"})


# -- subtypes ------------------------------------------------------------------------------------

REST = (
    Entry("IM-0001-0001.jpeg", "NORMAL", ""),
    Entry("person1_bacteria_1.jpeg", "PNEUMONIA", ""),
    Entry("person1_virus_1.jpeg", "PNEUMONIA", ""),
)


@pytest.mark.parametrize(
    ("name", "column", "subtype"),
    [
        ("person12_bacteria_34.jpeg", None, "BACTERIA"),
        ("person7_virus_12.jpeg", None, "VIRUS"),
        ("PERSON7_VIRUS_12.JPEG", None, "VIRUS"),
        ("person7_virus_12.jpeg", "", "VIRUS"),
        ("film.png", "Bacteria", "BACTERIA"),
        ("person7_virus_12.jpeg", "bacteria", "BACTERIA"),  # a person wrote that
    ],
)
@pytest.mark.parametrize("label", ["PNEUMONIA", "Pneumonia"])
def test_subtype(name: str, column: str | None, subtype: str, label: str) -> None:
    attributes = () if column is None else (("view", "PA"), ("subtype", column))
    entry = Entry(f"folder/{name}", label, "line 7", attributes=attributes)
    rest = [Entry(each.location, label, "") for each in REST[1:]]
    found = classed(DATA, [REST[0], *rest, entry], {"NORMAL", label}, "subtype")
    assert found.classes[found.entries[-1][1]] == subtype
    assert found.positive == "PNEUMONIA"


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("film.png", ""),
        ("person12_fungus_34.jpeg", ""),
        ("not_a_virus_1.jpeg", ""),
        ("person7_virus_12.jpeg", "fungus"),
        ("film.png", "normal"),
    ],
)
def test_no_subtype(name: str, column: str) -> None:
    entry = Entry(f"folder/{name}", "PNEUMONIA", "line 7", attributes=(("subtype", column),))
    with pytest.raises(DataError, match=f"^line 7: nothing tells whether {name} shows .*; name it"):
        classed(DATA, [*REST, entry], {"NORMAL", "PNEUMONIA"}, "subtype")
