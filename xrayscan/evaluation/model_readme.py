"""The model card for people, written from ``card.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader

from xrayscan.evaluation.estimates import words
from xrayscan.records import DISCLAIMER
from xrayscan.resources import templates_folder
from xrayscan.wording import visible

README = "README.md"
_TEMPLATE = "model_card.md"


def model_readme(card: Mapping[str, Any], evaluations: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the README of a model folder as Markdown.

    Args:
        card: ``card.json``.
        evaluations: as ``evaluation.kept`` has them.
    """
    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        autoescape=False,  # it is Markdown
        undefined=ChainableUndefined,  # cards of earlier versions say less
        finalize=_in_a_cell,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template(_TEMPLATE)
    return template.render(
        card=card,
        evaluations=evaluations,
        ancestors=list(_ancestors(card["training"].get("made_from", ()))),
        disclaimer=DISCLAIMER,
        part=_part,
        interval=_interval,
        estimate=estimate_words,
    )


def _ancestors(
    models: Sequence[Mapping[str, Any]], depth: int = 0
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The models that others were made from, each below the one that it went into."""
    for model in models:
        yield depth, model
        yield from _ancestors(model.get("made_from", ()), depth + 1)


def _in_a_cell(value: object) -> str:
    """A text that is UTF-8, stays on its line and leaves a table's columns alone."""
    return visible(str(value)).replace("|", "\\|")


def _part(facts: Mapping[str, Any]) -> str:
    """How many films of how many patients, by class."""
    classes = ", ".join(f"{count} {name}" for name, count in facts["by_class"].items())
    unnamed = facts.get("films_without_patient", 0)
    alone = f"; {unnamed} films name none and count as one each" if unnamed else ""
    return f"{facts['films']} films of {facts['patients']} patients ({classes}{alone})"


def _interval(ends: Sequence[float] | None) -> str:
    """An interval in brackets, where the card has one."""
    return f" ({ends[0]:.4f} to {ends[1]:.4f})" if ends else ""


def estimate_words(measure: Mapping[str, Any]) -> str:
    """A measure with its interval, or a dash where the films give none."""
    return "-" if measure["value"] is None else words(measure["value"], measure["interval"])
