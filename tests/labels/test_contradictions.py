from __future__ import annotations

from xrayscan.labels.contradictions import contradicting, contradictions


def test_films_of_a_file_are_together_where_their_labels_differ() -> None:
    films = [("f", 0, "a"), ("g", 1, "b"), ("f", 1, "c"), ("g", 1, "d"), ("f", 1, "e")]
    assert contradicting(films) == [[(0, "a"), (1, "c"), (1, "e")]]
    assert contradicting([]) == []


def test_each_label_is_named_by_its_first_film() -> None:
    said = contradictions([("f", 1, "c"), ("f", 0, "a"), ("f", 1, "e"), ("g", 1, "b")])
    assert said == (
        "1 film is there twice, under labels that contradict each other: c and a; "
        "keep each under one label."
    )
    assert contradictions([("f", 1, "a"), ("f", 1, "b")]) == ""


def test_of_many_the_first_three_are_named() -> None:
    films = [(name, label, f"{name}{label}") for name in "vwxyz" for label in (0, 1)]
    said = contradictions(films)
    assert said.startswith("5 films are there twice, under labels that contradict each other: ")
    assert "v0 and v1, w0 and w1, x0 and x1 and 2 more; " in said
