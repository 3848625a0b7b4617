"""Tests of heat maps that workers have made: on the machine that writes the report.

A test needs a model and is made only for films that are shown, which the run alone knows. So a
picture travels with the pixels that were scored, and meets a model again where the run is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

from xrayscan.assessing import Assessed
from xrayscan.records import HeatMap
from xrayscan.reporting.worklist import Picture
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.model import ScoringModel


class Marker:
    """Tests heat maps as a local run does, with a model that is loaded for the first of them."""

    def __init__(self, card: ModelCard, cam: str, threads: int) -> None:
        """Begin.

        Args:
            card: of the model that the workers score with.
            cam: the heat map's key in the card.
            threads: to test on.
        """
        self._card = card
        self._cam = cam
        self._threads = threads

    def __call__(self, maps: Sequence[HeatMap]) -> list[bool | None]:
        """Test heat maps; None for want of memory.

        Raises:
            ModelError: the model cannot be loaded here, or does not compute what it should.
        """
        return self._model.are_reliable(maps, self._cam)

    @cached_property
    def _model(self) -> ScoringModel:
        model = ScoringModel(self._card.folder, self._threads, self._card)
        model.check()
        return model


def for_the_way(picture: Picture | None) -> Picture | None:
    """The picture without the worker's model in it, which cannot leave its process."""
    return _answered_by(_not_here, picture)


def with_marker(assessed: Assessed, marker: Marker) -> Assessed:
    """What came from a worker, its heat map to be tested here."""
    row, picture = assessed
    return row, _answered_by(marker, picture)


def _answered_by(
    answer: Callable[[Sequence[HeatMap]], Sequence[bool | None]], picture: Picture | None
) -> Picture | None:
    if picture is None or picture.test is None:
        return picture
    return replace(picture, test=replace(picture.test, answer=answer))


def _not_here(maps: Sequence[HeatMap]) -> list[None]:
    """Stands for the test on the way: by a name that both ends know."""
    return [None] * len(maps)
