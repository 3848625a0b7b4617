"""What is to be known of the labels before the figures are believed."""

from __future__ import annotations

import logging
import os

from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.judging import Judged
from xrayscan.labels.contradictions import contradictions
from xrayscan.records import Status
from xrayscan.reporting.page import display_name

log = logging.getLogger(__name__)


def label_notices(judged: Judged) -> list[str]:
    """Find what is wrong with the labels as a whole, one sentence each, and warn of it."""
    read = (
        (row.sha256, film.positive, _name(film))
        for film, row in zip(judged.films, judged.rows, strict=True)
        if row.status in (Status.SCORED, Status.NOT_ASSESSED)
    )
    said = [sentence for sentence in (contradictions(read),) if sentence]
    for sentence in said:
        log.warning("%s", sentence)
    return said


def _name(film: LabelledScan) -> str:
    return display_name(f"{os.path.basename(film.scan.location)} ({film.label})")  # noqa: PTH119
