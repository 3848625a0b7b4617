"""Films that are there under labels that contradict each other: one of the labels is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import TypeVar

from xrayscan.wording import films_are

T = TypeVar("T")
_NAMED = 3


def contradicting(films: Iterable[tuple[str, Hashable, T]]) -> list[list[tuple[Hashable, T]]]:
    """Group the films whose very file is there under more than one label.

    Args:
        films: sha256, what counts as the label, and the film in any form.

    Returns:
        For each such file its films, each behind its label, in the order given.
    """
    found: dict[str, list[tuple[Hashable, T]]] = defaultdict(list)
    for sha256, label, film in films:
        found[sha256].append((label, film))
    return [group for group in found.values() if len({label for label, _ in group}) > 1]


def contradictions(films: Iterable[tuple[str, Hashable, str]]) -> str:
    """Say in a sentence which films have more than one label; "" where none has.

    Args:
        films: sha256, what counts as the label, and what the sentence calls the film.
    """
    both = [_first_of_each_label(group) for group in contradicting(films)]
    if not both:
        return ""
    more = f" and {len(both) - _NAMED} more" if len(both) > _NAMED else ""
    return (
        f"{films_are(len(both))} there twice, under labels that contradict each other: "
        f"{', '.join(both[:_NAMED])}{more}; keep each under one label."
    )


def _first_of_each_label(group: Iterable[tuple[Hashable, str]]) -> str:
    names: dict[Hashable, str] = {}
    for label, name in group:
        names.setdefault(label, name)
    return " and ".join(names.values())
