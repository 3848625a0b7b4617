"""The story of ``predict``: discover, read, admit, score, decide, record, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TextIO

from xrayscan.assessing import AssessOptions, Assessor, joined
from xrayscan.errors import XrayscanError
from xrayscan.intake.discover import Discovery
from xrayscan.records import Assessment, Ending, RunSummary, Status, Tally
from xrayscan.reporting.table import ModelIdentity, TableWriter, path_text
from xrayscan.reporting.worklist import Worklist
from xrayscan.scoring.model import ScoringModel

_LOGGER = logging.getLogger(__name__)
# --max-failures P% says nothing about the first few files of a run.
SHARE_COUNTS_FROM = 100


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """When a run is going wrong: more failures than ``count``, or than ``share`` of the files."""

    count: int | None = None
    share: float | None = None

    def exceeded(self, failures: int, files: int, *, finished: bool) -> bool:
        if self.count is not None and failures > self.count:
            return True
        if self.share is None or not (finished or files >= SHARE_COUNTS_FROM):
            return False
        return failures > self.share * files


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run goes.

    Attributes:
        assess: how films are assessed.
        failures: when to give up.
    """

    assess: AssessOptions
    failures: FailureLimit = FailureLimit()


@dataclass(frozen=True, slots=True)
class RunHooks:
    """How the outside world listens in and interrupts.

    Attributes:
        stop: asked between batches; True ends the run with what is finished.
        progress: told the number of files finished after each batch.
    """

    stop: Callable[[], bool] = lambda: False
    progress: Callable[[int], None] = lambda count: None


class Pipeline:
    """One run of the main job over a list of scans."""

    def __init__(self, model: ScoringModel, options: RunOptions, hooks: RunHooks) -> None:
        self._card = model.card
        self._assessor = Assessor(model, options.assess)
        self._options = options
        self._hooks = hooks

    def run(
        self, discovery: Discovery, table: AbstractContextManager[TextIO], worklist: Worklist
    ) -> RunSummary:
        """Assess every scan in order; each becomes one row of the table.

        Args:
            discovery: the scans.
            table: opens the file for the CSV; closing it makes the file final.
            worklist: gathers what the report shows.

        Returns:
            The run's accounts, which have been checked to add up.

        Raises:
            XrayscanError: the outputs cannot be written, or a file was lost on the way.
        """
        started = time.monotonic()
        tally = Tally(found=len(discovery.scans))
        ending = Ending.FINISHED
        identity = ModelIdentity(self._card.name, self._card.sha256)
        with table as file:
            writer = TableWriter(
                file, identity, with_identifiers=self._options.assess.with_identifiers
            )
            for batch in self._assessor.batches(discovery.scans):
                for assessment, picture in batch:
                    writer.write(assessment)
                    tally.add(assessment, self._card.positive)
                    worklist.add(assessment, picture)
                    _LOGGER.debug("%s", _log_line(assessment))
                self._hooks.progress(len(batch))
                ending = self._ending(tally)
                if ending is not Ending.FINISHED:
                    break
        return _accounts(tally, discovery, ending, time.monotonic() - started)

    def _ending(self, tally: Tally) -> Ending:
        """Whether the run has to end after this batch, and why."""
        failures = tally.by_status[Status.UNREADABLE]
        finished = tally.accounted == tally.found
        if self._options.failures.exceeded(failures, tally.accounted, finished=finished):
            return Ending.TOO_MANY_FAILURES
        return Ending.STOPPED if self._hooks.stop() and not finished else Ending.FINISHED


def _log_line(row: Assessment) -> str:
    score = "" if row.probability is None else f"{row.label} {row.probability:.3f}"
    words = ": ".join(filter(None, (row.reason or "", row.detail)))
    return f"{path_text(row.scan.name)}: " + joined(row.status, score, words)


def _accounts(tally: Tally, discovery: Discovery, ending: Ending, seconds: float) -> RunSummary:
    """Close the books: in a run that went through, every file found has become a row."""
    by_status = tally.by_status
    not_reached = tally.found - tally.accounted
    if not_reached < 0 or (ending is Ending.FINISHED and not_reached):
        raise XrayscanError(
            f"{tally.accounted} rows for {tally.found} files: the run's accounts do not add up; "
            "please report this"
        )
    return RunSummary(
        found=tally.found,
        scored=by_status[Status.SCORED],
        not_assessed=by_status[Status.NOT_ASSESSED],
        unreadable=by_status[Status.UNREADABLE],
        vanished=by_status[Status.VANISHED],
        positive=tally.positive,
        review=tally.review,
        not_reached=not_reached,
        other_files=discovery.other_files,
        ending=ending,
        seconds=round(seconds, 3),
    )
