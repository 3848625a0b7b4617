"""The story of ``predict``: assess, record, tell, and know when to end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xrayscan.assessing import Assessed, joined
from xrayscan.cells import path_text
from xrayscan.errors import WorkersLostError
from xrayscan.intake.folders import Folder, folder_of
from xrayscan.records import Assessment, Ending, Reason, Status, Tally
from xrayscan.reporting.worklist import Worklist

_LOGGER = logging.getLogger(__name__)
# --max-failures P% says nothing about the first few files of a run.
SHARE_COUNTS_FROM = 100


@dataclass(frozen=True, slots=True)
class FailureLimit:
    """When a run is going wrong: more failures than ``count``, or than ``share`` of the files."""

    count: int | None = None
    share: float | None = None

    def __str__(self) -> str:
        return f"{100 * self.share:g}%" if self.share is not None else f"{self.count}"

    def exceeded(self, failures: int, files: int, *, finished: bool) -> bool:
        if self.count is not None and failures > self.count:
            return True
        if self.share is None or not (finished or files >= SHARE_COUNTS_FROM):
            return False
        return failures > self.share * files


@dataclass(frozen=True, slots=True)
class RunHooks:
    """How the outside world listens in and interrupts.

    Attributes:
        stop: asked between batches; True ends the run with what is finished.
        assessed: told the rows of each batch once they are recorded.
    """

    stop: Callable[[], bool] = lambda: False
    assessed: Callable[[Sequence[Assessment]], None] = lambda rows: None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run goes.

    Attributes:
        total: how many scans there are to assess.
        positive: the label of positives.
        folders: where they lie, by absolute path; when one of them is lost, the run ends.
        failures: when to give up.
    """

    total: int
    positive: str
    folders: Mapping[str, Folder] = field(default_factory=dict)
    failures: FailureLimit = FailureLimit()


def run_batches(
    batches: Iterable[list[Assessed]],
    record: Callable[[Sequence[Assessment]], None],
    worklist: Worklist,
    options: RunOptions,
    hooks: RunHooks,
) -> tuple[Tally, Ending]:
    """Record batch after batch of rows, until all are there or the run has to end.

    Args:
        batches: rows, with pictures where there are any; an empty one where nothing came for a
            while, so that the run can be stopped all the same.
        record: keeps a batch's rows; when it returns they are safe.
        worklist: gathers what the report shows.
        options: when to end.
        hooks: who listens.

    Returns:
        The accounts of these rows, and why the run ended.

    Raises:
        XrayscanError: rows cannot be written.
    """
    tally = Tally(found=options.total)
    try:
        for batch in batches:
            rows = [row for row, _ in batch]
            if _is_folder_lost(rows, options.folders):
                return tally, Ending.FOLDER_LOST
            if rows:
                record(rows)
                _tell(batch, tally, worklist, options.positive)
                hooks.assessed(rows)
            ending = _ending(tally, options.failures, hooks)
            if ending is not Ending.FINISHED:
                return tally, ending
    except WorkersLostError:  # said where it was found out
        return tally, Ending.WORKERS_LOST
    return tally, Ending.FINISHED


def _tell(batch: Sequence[Assessed], tally: Tally, worklist: Worklist, positive: str) -> None:
    for row, picture in batch:
        tally.add(row, positive)
        worklist.add(row, picture)
        _LOGGER.debug("%s", _log_line(row))
    worklist.draw()


def _is_folder_lost(rows: Sequence[Assessment], folders: Mapping[str, Folder]) -> bool:
    """Whether films are missing because the share is: then nothing is known of them."""
    missing = [row.scan for row in rows if row.reason in (Reason.GONE, Reason.IO_ERROR)]
    around = {folder_of(scan.location, folders) for scan in missing}
    return any(folders[path].is_lost() for path in around if path is not None)


def _ending(tally: Tally, limit: FailureLimit, hooks: RunHooks) -> Ending:
    """Whether the run has to end after this batch, and why."""
    failures = tally.by_status[Status.UNREADABLE]
    finished = tally.accounted == tally.found
    if limit.exceeded(failures, tally.accounted, finished=finished):
        return Ending.TOO_MANY_FAILURES
    return Ending.STOPPED if hooks.stop() and not finished else Ending.FINISHED


def _log_line(row: Assessment) -> str:
    score = "" if row.probability is None else f"{row.label} {row.probability:.3f}"
    words = ": ".join(filter(None, (row.reason or "", row.detail)))
    return f"{path_text(row.scan.name)}: " + joined(row.status, score, words)
