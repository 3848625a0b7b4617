"""A run of ``predict`` or ``check`` as its user sees it: events, sentences and the exit code."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xrayscan.cli.exits import Exit, remark
from xrayscan.records import Ending

if TYPE_CHECKING:
    from xrayscan.cli.events import Events
    from xrayscan.cli.listening import StopRequest
    from xrayscan.job.options import JobOptions
    from xrayscan.job.run import Listeners
    from xrayscan.pipeline import RunHooks
    from xrayscan.records import RunSummary


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run shows itself, and what it fails on."""

    quiet: bool
    verbose: bool
    fail_on_positive: bool
    fail_on_drift: bool
    json: bool


def run_films(options: JobOptions, manner: Manner) -> int:
    """Run, tell, and return the exit code."""
    from xrayscan.cli.listening import (
        StopRequest,
        quiet_libraries,
        set_up_logging,
        stopping_at_once,
    )
    from xrayscan.job.options import check_outputs
    from xrayscan.job.run import run_job

    stop = StopRequest()
    with (
        stopping_at_once(),
        quiet_libraries(verbose=manner.verbose),
        _events(options, manner) as events,
    ):
        check_outputs(options)  # before the log is opened, which would be appended to a film
        set_up_logging(verbose=manner.verbose, log_file=options.log)
        summary = run_job(options, _listeners(stop, events, manner))
        code = exit_code(summary, stop.signal, manner)
        logging.getLogger("xrayscan").info("%s", summary.line())
        if events:
            events.summary(summary, code)
    if summary.ending is Ending.FOLDER_LOST:
        where = _where(options)
        remark(f"xrayscan: {where}: is there no more; run again when it is, finished rows are kept")
    if summary.ending is Ending.WORKERS_LOST:
        remark(
            f"xrayscan: --engine {options.engine}: its workers are there no more; run again when "
            "they are, or without it; finished rows are kept"
        )
    for sentence in summary.drift:
        remark(f"xrayscan: {sentence}")
    if not summary.found and summary.ending is not Ending.FOLDER_LOST:
        # also on a quiet night: the path may be wrong
        say_nothing_was_found(options)
    if not manner.quiet or code not in (Exit.DONE, Exit.POSITIVE):
        said = filter(None, (summary.workload, summary.line()))
        remark("\n".join(said))
    return code


@contextmanager
def _events(options: JobOptions, manner: Manner) -> Iterator[Events | None]:
    """Open standard output for ``--json``."""
    if not manner.json:
        yield None
        return
    from xrayscan.cli.events import Events
    from xrayscan.job.choices import model_identity
    from xrayscan.journal.standard_output import standard_output

    identity = model_identity(options)
    with standard_output() as file:
        yield Events(file, identity, options.command)


def _listeners(stop: StopRequest, events: Events | None, manner: Manner) -> Listeners:
    from xrayscan.cli.listening import listening
    from xrayscan.job.run import Listeners

    def hooks(total: int) -> AbstractContextManager[RunHooks]:
        if events:
            events.started(total)
        return listening(total, stop, quiet=manner.quiet, events=events)

    def say(sentence: str) -> None:
        logging.getLogger("xrayscan").info("%s", sentence)
        remark(f"xrayscan: {sentence}")
        if events:
            events.notice(sentence)

    return Listeners(hooks, say)


def exit_code(summary: RunSummary, signal: int | None, manner: Manner) -> int:
    """Choose the exit code; where several apply, the one that tells most about the run."""
    if summary.ending is Ending.STOPPED and signal is not None:
        return 128 + signal
    if summary.ending in (Ending.FOLDER_LOST, Ending.WORKERS_LOST):
        return Exit.FATAL
    if summary.ending is Ending.TOO_MANY_FAILURES:
        return Exit.TOO_MANY_FAILURES
    if manner.fail_on_drift and summary.drift:
        return Exit.DRIFT
    if manner.fail_on_positive and summary.positive:
        return Exit.POSITIVE
    return Exit.UNREADABLE if summary.unreadable else Exit.DONE


def say_nothing_was_found(options: JobOptions) -> None:
    """Say where nothing was found, and what to check."""
    where = _where(options)
    remark(f"xrayscan: {where}: no films there; check the path, --include and --exclude")


def _where(options: JobOptions) -> str:
    return ", ".join(options.paths[:3]) + ", ..." * (len(options.paths) > 3)


def list_scans(options: JobOptions, *, verbose: bool) -> int:
    """List what a run would read, and return the exit code."""
    from xrayscan.cells import path_text
    from xrayscan.cli.listening import set_up_logging
    from xrayscan.job.choices import check_job
    from xrayscan.job.options import find_scans
    from xrayscan.journal.standard_output import standard_output
    from xrayscan.records import left_out

    set_up_logging(verbose=verbose)
    check_job(options)
    discovery = find_scans(options)
    with standard_output() as file:
        file.writelines(f"{path_text(scan.name)}\n" for scan in discovery.scans)
    if not discovery.scans:
        say_nothing_was_found(options)
    remark(f"found {len(discovery.scans)}{left_out(discovery.other_files)}")
    return Exit.DONE
