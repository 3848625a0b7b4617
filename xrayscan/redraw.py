"""The story of ``report``: draw the page again from the CSV and the run record, without scoring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from xrayscan.errors import UsageError
from xrayscan.intake.overwriting import check_output
from xrayscan.journal.atomic import check_writable
from xrayscan.records import Assessment, Ending, Reason, RunSummary, Status, Tally, Zone
from xrayscan.reporting.html import ReportModel, ReportOptions, write_report
from xrayscan.reporting.pictures import check_files_folder
from xrayscan.reporting.run_record import RunFacts, read_run_record
from xrayscan.reporting.table import path_text
from xrayscan.reporting.table_reading import TableRow, read_table
from xrayscan.reporting.worklist import Worklist
from xrayscan.resources import model_folder, templates_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.evaluations import evaluations

FILTERS = ("status", "zone", "label", "reason", "folder")


@dataclass(frozen=True, slots=True)
class RedrawOptions:
    """What ``report`` is asked to do.

    Attributes:
        csv: predictions.
        report: the page to write; None writes it beside the CSV.
        record: run record; None takes the one beside the CSV or the page, if there is one.
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
    def run_record(self) -> Path | None:
        """The record to read: as given, or the first there is of those that belong to the files."""
        if self.record:
            return self.record
        beside = (path.with_suffix(".run.json") for path in (self.csv, self.page))
        return next((path for path in beside if path.is_file()), None)

    @property
    def earlier_pages(self) -> tuple[Path, ...]:
        """Pages whose pictures can be taken over, the likeliest first."""
        pages = [self.page, self.csv.with_suffix(".html")]
        if self.run_record:
            name = self.run_record.name.removesuffix(".json").removesuffix(".run")
            pages.append(self.run_record.with_name(f"{name}.html"))
        return tuple(dict.fromkeys(pages))


def redraw(options: RedrawOptions) -> RunSummary:
    """Draw the page; returns the accounts of the rows in it.

    Raises:
        UsageError: the page, the threshold or a filter cannot be used.
        ModelError: the model folder cannot be used.
        XrayscanError: CSV or record cannot be read, or the page cannot be written.
    """
    _check_page(options)
    # as in the page of the run: what is gone is in the CSV alone
    rows = [row for row in read_table(options.csv) if not row.assessment.gone_since]
    run = _run_facts(options, rows)
    _check_scored(options, run, rows)
    card = _card(options, run)
    _check_only(options, card)
    run = _with_threshold(options, run, card)
    shown = list(_decided(_passing(rows, options.only), run, card))
    run = _accounted(run, shown, card, left_out=len(rows) - len(shown))
    worklist = Worklist(card.positive, options.max_overlays)
    for row in shown:
        worklist.add(row, None)
    cam = str(run.options.get("cam", "gradcam"))
    model = ReportModel(card.facts, card.positive, card.negative, cam, evaluations(card))
    manner = ReportOptions(options.self_contained, options.dates, options.earlier_pages)
    write_report(options.page, templates_folder(), worklist, run, model, manner)
    return run.summary


def _check_page(options: RedrawOptions) -> None:
    page = options.page
    if page.resolve() == options.csv.resolve():
        raise UsageError(f"{page}: is the CSV itself; give the page another name")
    check_output(page, expendable=options.report is not None)
    check_writable(page)
    check_files_folder(page)


def _check_scored(options: RedrawOptions, run: RunFacts, rows: list[TableRow]) -> None:
    if run.threshold is None or any(row.assessment.status is Status.ADMITTED for row in rows):
        raise UsageError(
            f"{options.csv}: is of xrayscan check, which scores nothing; give a CSV of xrayscan "
            "predict"
        )


def _run_facts(options: RedrawOptions, rows: list[TableRow]) -> RunFacts:
    """The run as its record says; without one, what the rows know of it."""
    if options.run_record:
        return read_run_record(options.run_record)
    moments = sorted(row.assessment.assessed_at for row in rows if row.assessment.assessed_at)
    models = Counter(row.model for row in rows).most_common(1)
    thresholds = Counter(
        row.assessment.threshold for row in rows if row.assessment.threshold is not None
    ).most_common(1)
    if not (models and thresholds and moments):
        raise UsageError(
            f"{options.csv}: holds no scored film, and there is no run record beside it; give one "
            "by --record"
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
        notices=("Drawn without the run record: options and times of the run are not known.",),
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
                raise UsageError(f"--only {name}={value}: choose one of {', '.join(choices[name])}")


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
    decision = Decision(run.threshold, card.zones, card.positive, card.negative)
    for row in rows:
        # the zone stays as the run had it, which may have had limits of its own
        yield replace(decision.of(row), zone=row.zone)


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
