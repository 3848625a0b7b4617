"""One run of ``predict`` or ``check`` from its options to its outputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from xrayscan.clock import now
from xrayscan.cluster.engines import GPU
from xrayscan.gpu import PACKAGES
from xrayscan.intake.folders import listed_folders
from xrayscan.job.accounts import (
    admitted,
    closed_books,
    drift_of,
    night_facts,
    nights_of,
    notices,
    too_many_failures,
)
from xrayscan.job.batches import Asked, batches
from xrayscan.job.choices import check_model, decision_of, record_options
from xrayscan.job.options import JobOptions, check_options, find_scans, option_facts
from xrayscan.job.pictures import earlier_pictures, made_again
from xrayscan.job.report_model import report_model
from xrayscan.journal.atomic import is_stream
from xrayscan.journal.lock import locked
from xrayscan.pipeline import RunHooks, RunOptions, run_batches
from xrayscan.recording import open_record
from xrayscan.records import Ending, RunSummary
from xrayscan.reporting.html import ReportOptions, write_report
from xrayscan.reporting.pictures import DrawnFilm
from xrayscan.reporting.run_record import (
    Night,
    RunFacts,
    from_record,
    versions,
    write_run_record,
)
from xrayscan.reporting.worklist import Worklist
from xrayscan.resources import model_folder, templates_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.workload import workload


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of a run.

    Attributes:
        hooks: called with the number of scans to assess; opens what listens to the run.
        say: told what a person should know, one sentence each.
    """

    hooks: Callable[[int], AbstractContextManager[RunHooks]]
    say: Callable[[str], None] = lambda sentence: None


def run_job(options: JobOptions, listeners: Listeners) -> RunSummary:
    """Run ``predict`` or ``check``.

    Args:
        options: what to do.
        listeners: who hears of it.

    Raises:
        UsageError: paths, outputs or threshold cannot be used.
        ModelError: the model folder cannot be used.
        LockedError: another run is at work on the same output.
        XrayscanError: outputs cannot be written.
    """
    check_options(options)
    if options.lock is None:
        return _run(options, listeners, lambda: None)
    with locked(options.lock, options.lock_wait, listeners.say) as still_ours:
        return _run(options, listeners, still_ours)


def _run(options: JobOptions, listeners: Listeners, still_ours: Callable[[], None]) -> RunSummary:
    started = now()
    begun = time.monotonic()
    discovery = find_scans(options)
    folders = listed_folders(options.paths, discovery.scans)
    card = load_card(model_folder(options.model))
    decision = decision_of(options, card)
    check_model(options, card)  # refused before hours are spent
    shown = (options.max_overlays, None) if options.report else (0, 0)
    worklist = Worklist(card.positive, *shown)
    with open_record(record_options(options, card, decision, folders), still_ours) as record:
        plan = record.plan(discovery.scans)
        for note in (*record.notes, *plan.notes):
            listeners.say(note)
        asked = Asked(options, card, decision, listeners.say)
        # what listens stays on until all is written: a signal must not end the report half way
        with listeners.hooks(len(plan.to_assess)) as hooks:
            tally, ending = run_batches(
                batches(plan.to_assess, asked, hooks),
                record.add,
                worklist,
                RunOptions(len(plan.to_assess), card.positive, folders, options.failures),
                hooks,
            )
            if plan.share_missing and ending is Ending.FINISHED:
                ending = Ending.FOLDER_LOST
            books = record.close(discovery.scans, worklist, tally, ending)
            earlier = tuple(record.nights)
            summary = replace(
                closed_books(books, discovery, ending, time.monotonic() - begun),
                to_read=tally.to_read,
                admitted=admitted(options, books.tally),
                workload=workload(card, decision, tally),
                drift=drift_of(card, tally, earlier),
            )
            if plan.to_assess:
                record.close_night(night_facts(started, card, tally))
            if earlier and not discovery.scans:  # the page is all that is left of its pictures
                listeners.say("the report and the run record stay as they were")
                return summary
            said = notices(options, summary, tally)
            facts = _facts(started, options, card, summary, said, nights_of(earlier))
            _deliver(worklist, asked, facts, hooks, still_ours)
    if ending is Ending.TOO_MANY_FAILURES:
        listeners.say(too_many_failures(options, tally))
    return summary


def _deliver(
    worklist: Worklist,
    asked: Asked,
    facts: RunFacts,
    hooks: RunHooks,
    still_ours: Callable[[], None],
) -> None:
    """Write report and run record, and once more when pictures that were missing are made.

    Making them can take long, and a night can end at any moment; only a pipe is written once.
    """
    options = asked.options
    to_pipe = options.report is not None and is_stream(options.report)
    pictures = earlier_pictures(worklist, asked)
    if not to_pipe:
        _write_outputs(options, asked.card, worklist, facts, pictures)
    made: dict[str, DrawnFilm] = {}
    if facts.summary.ending is Ending.FINISHED:
        made = made_again(worklist, pictures, asked, hooks)
    if to_pipe or made:
        still_ours()
        _write_outputs(options, asked.card, worklist, facts, pictures | made)


def _facts(
    started: str,
    options: JobOptions,
    card: ModelCard,
    summary: RunSummary,
    said: tuple[str, ...],
    nights: tuple[Night, ...],
) -> RunFacts:
    return RunFacts(
        started=started,
        finished=now(),
        options=option_facts(options),
        model=card.name,
        model_sha256=card.sha256,
        threshold_rule=(options.threshold or card.default_rule) if options.scores else "",
        threshold=decision_of(options, card).threshold if options.scores else None,
        summary=summary,
        notices=said,
        nights=nights,
        versions=versions(*PACKAGES if options.engine == GPU else ()),
    )


def _write_outputs(
    options: JobOptions,
    card: ModelCard,
    worklist: Worklist,
    facts: RunFacts,
    pictures: Mapping[str, DrawnFilm],
) -> None:
    if options.report:
        about = report_model(card, decision_of(options, card).zones, options.cam)
        manner = ReportOptions(self_contained=options.self_contained)
        write_report(options.report, templates_folder(), worklist, facts, about, manner, pictures)
    for record in options.run_records:
        page = from_record(record, options.report)
        write_run_record(record, replace(facts, page=page))
