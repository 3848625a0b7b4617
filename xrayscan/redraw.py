"""The story of ``report``: draw the page again from the CSV and the run record, without scoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from xrayscan.cells import path_text
from xrayscan.errors import OptionError, UsageError
from xrayscan.intake.overwriting import check_output
from xrayscan.job.report_model import report_model
from xrayscan.journal.atomic import check_writable
from xrayscan.records import Assessment, Ending, Reason, RunSummary, Status, Tally, Zone
from xrayscan.reporting.html import ReportOptions, write_report
from xrayscan.reporting.pictures import check_files_folder
from xrayscan.reporting.run_record import RunFacts, is_of, own_rows, read_run_record
from xrayscan.reporting.table_reading import TableRow, read_table
from xrayscan.reporting.worklist import Worklist
from xrayscan.resources import model_folder, templates_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.thresholds import ZoneLimits

FILTERS = ("status", "zone", "label", "reason", "folder")


@dataclass(frozen=True, slots=True)
class RedrawOptions:
    """What ``report`` is asked to do.

    Attributes:
        csv: predictions.
        report: the page to write; None writes it beside the CSV.
        record: run record; None takes the one beside the CSV or the page that is of its rows.
        model: name of a bundled model, or a model folder; "" takes the record's.
        threshold: as for ``predict``; "" keeps the run's.
        only: values by name of a filter; a row has to have one of each.
        dates: language of dates, as a BCP 47 tag; "" for ISO 8601.
        max_overlays: films shown with a picture besides those to read first.
        self_contained: keep everything in one file.
    """

    csv: Path
    report: Path | None = None
    record: Path | None = None
    model: str = ""
    threshold: str = ""
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dates: str = ""
    max_overlays: int = 200
    self_contained: bool = False

    @property
    def page(self) -> Path:
        return self.report or self.csv.with_suffix(".html")

    @property
    def run_records(self) -> tuple[Path, ...]:
        """Records that can be of the run: the one given, or those that lie beside the files."""
        if self.record:
            return (self.record,)
        beside = (path.with_suffix(".run.json") for path in (self.csv, self.page))
        return tuple(dict.fromkeys(path for path in beside if path.is_file()))


@dataclass(frozen=True, slots=True)
class _Run:
    """The run that a CSV is of.

    Attributes:
        facts: as its record says, or as the rows know.
        rows: of the CSV, those that its page had.
        pages: whose pictures can be taken over, the likeliest first.
    """

    facts: RunFacts
    rows: list[TableRow]
    pages: tuple[Path, ...]


def redraw(options: RedrawOptions) -> RunSummary:
    """Draw the page; returns the accounts of the rows in it.

    Raises:
        UsageError: the page, the threshold or a filter cannot be used.
        ModelError: the model folder cannot be used.
        XrayscanError: CSV or record cannot be read, or the page cannot be written.
    """
    _check_page(options)
    found = _run(options)
    _check_scored(options, found)
    card = _card(options, found.facts)
    _check_only(options, card)
    run = _with_threshold(options, found.facts, card)
    shown = list(_decided(_passing(found.rows, options.only), run, card))
    run = _accounted(run, shown, card, left_out=len(found.rows) - len(shown))
    worklist = Worklist(card.positive, options.max_overlays)
    for row in shown:
        worklist.add(row, None)
    cam = str(run.options.get("cam", "gradcam"))
    model = report_model(card, _zones(run, card), cam)
    manner = ReportOptions(options.self_contained, options.dates, found.pages)
    write_report(options.page, templates_folder(), worklist, run, model, manner)
    return run.summary


def _check_page(options: RedrawOptions) -> None:
    page = options.page
    if options.only and options.report is None:
        raise OptionError(
            "only", None, f"would leave {page} with some of its rows; name another page by --report"
        )
    if page == options.csv and options.report is None:  # which has the page's name by default
        raise UsageError(f"{page}: is a page; give the CSV that it was drawn from")
    if page.resolve() == options.csv.resolve():
        raise UsageError(f"{page}: is the CSV itself; give the page another name")
    check_output(page, expendable=options.report is not None)
    check_writable(page)
    check_files_folder(page)


def _check_scored(options: RedrawOptions, run: _Run) -> None:
    admitted = any(row.assessment.status is Status.ADMITTED for row in run.rows)
    if admitted or run.facts.threshold is None:
        raise UsageError(
            f"{options.csv}: is of xrayscan check, which scores nothing; give a CSV of xrayscan "
            "predict"
        )


def _run(options: RedrawOptions) -> _Run:
    """The run as the first record says that is of the rows; without one, what they know of it."""
    rows = list(read_table(options.csv))
    pages = [options.page, options.csv.with_suffix(".html")]
    why = "the run record"
    for record in options.run_records:
        facts = read_run_record(record)
        if is_of(facts, rows):
            pages.append(record.parent / facts.page if facts.page else _page_beside(record))
            return _Run(facts, rows[: own_rows(facts)], tuple(dict.fromkeys(pages)))
        why = f"{record.name}, which is of another run"
    if options.record:
        raise UsageError(
            f"{options.record}: is not of the run that {options.csv} is of; give that one's, or "
            "leave out --record"
        )
    # what is gone is in the CSV alone
    rows = [row for row in rows if not row.assessment.gone_since]
    return _Run(_facts_of_rows(options, rows, why), rows, tuple(pages))


def _page_beside(record: Path) -> Path:
    """The page of a record that names none: of another version of xrayscan, or without a page."""
    name = record.name.removesuffix(".json").removesuffix(".run")
    return record.with_name(f"{name}.html")


def _facts_of_rows(options: RedrawOptions, rows: list[TableRow], why: str) -> RunFacts:
    moments = sorted(row.assessment.assessed_at for row in rows if row.assessment.assessed_at)
    models = Counter(row.model for row in rows).most_common(1)
    thresholds = Counter(
        row.assessment.threshold for row in rows if row.assessment.threshold is not None
    ).most_common(1)
    if not (models and thresholds and moments):
        raise UsageError(
            f"{options.csv}: holds no scored film, and there is no run record of it beside it; "
            "give one by --record"
        )
    threshold = thresholds[0][0]
    return RunFacts(
        started=moments[0],
        finished=moments[-1],
        options={"paths": []},
        model=models[0][0].name,
        model_sha256=models[0][0].sha256,
        threshold_rule=str(threshold),
        threshold=threshold,
        summary=RunSummary(0, 0, 0, 0, 0, 0, 0, 0, 0, Ending.FINISHED, 0.0),
        notices=(f"Drawn without {why}: options and times of the run are not known.",),
    )


def _card(options: RedrawOptions, run: RunFacts) -> ModelCard:
    name = options.model or str(run.options.get("model", run.model))
    card = load_card(model_folder(name))
    if card.sha256 != run.model_sha256:
        raise UsageError(
            f"{options.csv}: was scored by another model {run.model} (card sha256 "
            f"{run.model_sha256[:12]}...); give its folder by --model"
        )
    return card


def _with_threshold(options: RedrawOptions, run: RunFacts, card: ModelCard) -> RunFacts:
    """The run by another threshold, if that is asked for; what hangs on the old one goes."""
    if not options.threshold:
        return run
    threshold = card.threshold(options.threshold)
    if threshold == run.threshold:
        return run
    notice = f"Drawn again with another threshold: the run itself had {run.threshold}."
    if run.nights:
        notice += " Earlier nights count positive films by theirs."
    return replace(
        run,
        threshold=threshold,
        threshold_rule=options.threshold,
        summary=replace(run.summary, workload=""),
        notices=(*run.notices, notice),
    )


def _check_only(options: RedrawOptions, card: ModelCard) -> None:
    choices: dict[str, list[str]] = {
        "status": [status for status in Status if status is not Status.ADMITTED],  # of check alone
        "zone": list(Zone),
        "label": [card.negative, card.positive],
        "reason": list(Reason),
    }
    for name, values in options.only.items():
        for value in values:
            if value not in choices.get(name, [value]):  # folders may be called anything
                raise OptionError(
                    "only", f"{name}={value}", f"choose one of {', '.join(choices[name])}"
                )


def _passing(rows: Iterable[TableRow], only: Mapping[str, tuple[str, ...]]) -> Iterator[Assessment]:
    """The rows that have one of the values of each filter."""
    for row in rows:
        if all(_has(row.assessment, name, values) for name, values in only.items()):
            yield row.assessment


def _has(row: Assessment, name: str, values: tuple[str, ...]) -> bool:
    if name == "folder":
        path = path_text(row.scan.name)
        return any(path.startswith(f"{value.rstrip('/')}/") for value in values)
    return str(getattr(row, name) or "") in values


def _decided(rows: Iterable[Assessment], run: RunFacts, card: ModelCard) -> Iterator[Assessment]:
    assert run.threshold is not None  # see _check_scored
    decision = Decision(run.threshold, _zones(run, card), card.positive, card.negative)
    for row in rows:
        # the zone stays as the run had it: without its record its limits are not known
        yield replace(decision.of(row), zone=row.zone)


def _zones(run: RunFacts, card: ModelCard) -> ZoneLimits:
    """The limits of the review zone: those that the run was given, or the card's."""
    given = run.options.get("zones")
    return ZoneLimits(*given) if given else card.zones


def _accounted(
    run: RunFacts, rows: list[Assessment], card: ModelCard, *, left_out: int
) -> RunFacts:
    """The run with the accounts of the rows that are shown."""
    tally = Tally(len(rows))
    for row in rows:
        tally.add(row, card.positive)
    summary = replace(
        run.summary,
        found=len(rows) + run.summary.not_reached,
        positive=tally.positive,
        review=tally.review,
        scored=tally.by_status[Status.SCORED],
        not_assessed=tally.by_status[Status.NOT_ASSESSED],
        unreadable=tally.by_status[Status.UNREADABLE],
        vanished=tally.by_status[Status.VANISHED],
    )
    if not left_out:
        return replace(run, summary=summary)
    notice = f"Only some of the run's rows are shown; {left_out} are left out."
    summary = replace(summary, workload="")
    return replace(run, summary=summary, notices=(*run.notices, notice))
