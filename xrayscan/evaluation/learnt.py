"""Films that a model has learnt from, among those that it is measured on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError
from xrayscan.evaluation.films import LabelOptions, check_left
from xrayscan.evaluation.judging import Judged
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.seen import Seen

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Measurable:
    """The films to measure on.

    Attributes:
        judged: what became of them.
        learnt: how many of them the model has learnt from; None where it does not say.
        left_out: how many were left out because the model has learnt from them.
    """

    judged: Judged
    learnt: int | None
    left_out: int = 0


def check_unseen(options: LabelOptions, folder: Path) -> None:
    """Find out before the work whether a model can tell what it has learnt from.

    Raises:
        DataError: it is asked for that, and does not say.
    """
    if options.unseen and Seen.kept_in(folder) is None:
        raise DataError(
            f"{folder}: does not say which films it was trained on; measure without --unseen"
        )


def learnt_by(folder: Path, judged: Judged) -> NDArray[np.bool_] | None:
    """Which of N films a model has learnt from, (N,); None where it does not say."""
    seen = Seen.kept_in(folder)
    return None if seen is None else seen.knows([row.sha256 for row in judged.rows], judged.looks)


def measurable(judged: Judged, card: ModelCard, options: LabelOptions) -> Measurable:
    """Leave out what the model has learnt from where that is asked for, else say so.

    Raises:
        DataError: no films are left.
    """
    learnt = learnt_by(card.folder, judged)
    if learnt is None or not learnt.any():
        return Measurable(judged, None if learnt is None else 0)
    count = int(learnt.sum())
    if not options.unseen:
        say_learnt(card.name, count, len(learnt))
        return Measurable(judged, count)
    fresh = judged.chosen(~learnt)
    check_left(fresh.films, options)
    return Measurable(fresh, 0, count)


def say_learnt(name: str, learnt: int, films: int) -> None:
    """Tell a person that figures are too good."""
    log.warning(
        "%d of %d films were learnt from by %s: the figures are too good; --unseen leaves them out",
        learnt,
        films,
        name,
    )
