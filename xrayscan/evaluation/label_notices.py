"""What is to be known of the labels before the figures are believed."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.judging import Judged
from xrayscan.labels.contradictions import contradictions
from xrayscan.records import Status
from xrayscan.reporting.page import display_name

_OF_VERDICTS = {"verdict", "called"}  # columns that a report's verdicts have, with others

log = logging.getLogger(__name__)


def label_notices(judged: Judged) -> list[str]:
    """Find what is wrong with the labels as a whole, one sentence each, and warn of it."""
    read = (
        (row.sha256, film.positive, _name(film))
        for film, row in zip(judged.films, judged.rows, strict=True)
        if row.status in (Status.SCORED, Status.NOT_ASSESSED)
    )
    said = [sentence for sentence in (contradictions(read), _verdicts(judged.films)) if sentence]
    for sentence in said:
        log.warning("%s", sentence)
    return said


def _verdicts(films: Sequence[LabelledScan]) -> str:
    """Whether labels are a report's verdicts, whose readers saw what the model had called."""
    count = sum(film.attributes.keys() >= _OF_VERDICTS for film in films)
    if not count:
        return ""
    return (
        f"{count} of {len(films)} labels come from verdicts given with a model's result in view, "
        "which draws readers towards it: the figures are likely too good."
    )


def _name(film: LabelledScan) -> str:
    return display_name(f"{os.path.basename(film.scan.location)} ({film.label})")  # noqa: PTH119
