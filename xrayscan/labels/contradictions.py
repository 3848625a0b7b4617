"""Films that are there under labels that contradict each other: one of the labels is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable

_NAMED = 3


def contradictions(films: Iterable[tuple[str, Hashable, str]]) -> str:
    """Say in a sentence which films have more than one label; "" where none has.

    Args:
        films: sha256, what counts as the label, and what the sentence calls the film.
    """
    found: dict[str, dict[Hashable, str]] = defaultdict(dict)
    for sha256, label, name in films:
        found[sha256].setdefault(label, name)
    both = [" and ".join(names.values()) for names in found.values() if len(names) > 1]
    if not both:
        return ""
    films_are = "1 film is" if len(both) == 1 else f"{len(both)} films are"
    more = f" and {len(both) - _NAMED} more" if len(both) > _NAMED else ""
    return (
        f"{films_are} there twice, under labels that contradict each other: "
        f"{', '.join(both[:_NAMED])}{more}; keep each under one label."
    )
