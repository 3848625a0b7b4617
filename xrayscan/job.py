"""One run of ``predict`` from its options to its outputs."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from xrayscan.assessing import AssessOptions
from xrayscan.errors import UsageError
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import Discovery, DiscoveryOptions, discover
from xrayscan.intake.overwriting import is_worth_keeping
from xrayscan.journal.atomic import atomic_text, check_writable, is_stream
from xrayscan.journal.standard_output import check_standard_output, standard_output
from xrayscan.pipeline import FailureLimit, Pipeline, RunHooks, RunOptions
from xrayscan.records import RunSummary
from xrayscan.reporting.html import ReportModel, ReportOptions, write_report
from xrayscan.reporting.pictures import check_files_folder, files_folder
from xrayscan.reporting.run_record import RunFacts, write_run_record
from xrayscan.reporting.worklist import Worklist
from xrayscan.resources import model_folder, templates_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.model import NO_CAM, ScoringModel
from xrayscan.scoring.thresholds import resolve_rule

STANDARD_OUTPUT = Path("-")
THRESHOLD_DECIMALS = 7  # one more than probabilities have: thresholds lie half way between two


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What ``predict`` is asked to do.

    Attributes:
        paths: folders or files, as given.
        csv: where the CSV goes, "-" for standard output; None writes it beside the report, or to
            standard output without one.
        report: where the HTML report goes; None writes none.
        model: name of a bundled model, or a model folder.
        threshold: a rule, a number, or a name in the card; "" takes the card's default.
        cam: heat map method for the report, or "none".
        batch_size: films that are read, scored and recorded together.
        workers: threads; 0 takes one per available core.
        recursive, include, exclude: see ``DiscoveryOptions``.
        min_age: files changed less than this many seconds ago are left for the next run.
        max_overlays: films shown with picture in the report.
        admission: what to do with films outside the training population.
        failures: when to give up.
        with_identifiers: the CSV names patients; nothing else does.
        self_contained: the report is one file, up to a limit of its own that it states.
    """

    paths: tuple[str, ...]
    csv: Path | None = None
    report: Path | None = None
    model: str = ""
    threshold: str = ""
    cam: str = "gradcam"
    batch_size: int = 16
    workers: int = 0
    recursive: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_age: float = 0.0
    max_overlays: int = 200
    admission: Admission = Admission.ON
    failures: FailureLimit = field(default_factory=FailureLimit)
    with_identifiers: bool = False
    self_contained: bool = False

    @property
    def table(self) -> Path | None:
        """Where the CSV goes: as asked, or beside the report, or None for standard output."""
        if self.csv is None and self.report is not None:
            return self.report.with_suffix(".csv")
        return None if self.csv == STANDARD_OUTPUT else self.csv

    @property
    def run_record(self) -> Path | None:
        """Where the run record goes: beside the report, or beside the CSV; not beside a device."""
        files = [path for path in (self.report, self.table) if path and not is_stream(path)]
        return files[0].with_suffix(".run.json") if files else None

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All files that the run writes."""
        return tuple(path for path in (self.table, self.report, self.run_record) if path)


def find_scans(options: JobOptions) -> Discovery:
    """Discover the scans of a job; its own outputs are never among them."""
    outputs = (*options.outputs, *((files_folder(options.report),) if options.report else ()))
    within = DiscoveryOptions(options.recursive, options.include, options.exclude, outputs)
    return discover(options.paths, within)


def check_job(options: JobOptions) -> float:
    """Find out before the work whether a job can be done; returns its threshold.

    Raises:
        UsageError, ModelError, XrayscanError: as ``run_job`` does.
    """
    check_outputs(options)
    card = load_card(model_folder(options.model))
    _heat_map(options, card)
    return _threshold(options, card)


def run_job(
    options: JobOptions, hooks: Callable[[int], AbstractContextManager[RunHooks]]
) -> RunSummary:
    """Run ``predict``.

    Args:
        options: what to do.
        hooks: called with the number of scans found; opens what listens to the run.

    Raises:
        UsageError: paths, outputs or threshold cannot be used.
        ModelError: the model folder cannot be used.
        XrayscanError: outputs cannot be written.
    """
    check_outputs(options)
    started = _now()
    discovery = find_scans(options)
    workers = options.workers or available_cores()
    model = ScoringModel(model_folder(options.model), workers)
    cam = _heat_map(options, model.card)
    assess = AssessOptions(
        threshold=_threshold(options, model.card),
        cam=cam if options.report else NO_CAM,
        admission=options.admission,
        batch_size=options.batch_size,
        workers=workers,
        min_age=options.min_age,
        with_identifiers=options.with_identifiers,
    )
    worklist = Worklist(model.card.positive, options.max_overlays if options.report else 0)
    # what listens stays on until all is written: a signal must not end the report half way
    with hooks(len(discovery.scans)) as listening:
        summary = Pipeline(model, RunOptions(assess, options.failures), listening).run(
            discovery, _open_table(options.table), worklist
        )
        facts = RunFacts(
            started=started,
            finished=_now(),
            options=_option_facts(options, workers),
            model=model.card.name,
            model_sha256=model.card.sha256,
            threshold_rule=options.threshold or model.card.default_rule,
            threshold=assess.threshold,
            summary=summary,
            notices=_notices(options, summary),
        )
        _write_outputs(options, model.card, worklist, facts)
    return summary


def _write_outputs(
    options: JobOptions, card: ModelCard, worklist: Worklist, facts: RunFacts
) -> None:
    if options.report:
        about = ReportModel(card.facts, card.positive, card.negative, options.cam)
        manner = ReportOptions(self_contained=options.self_contained)
        write_report(options.report, templates_folder(), worklist, facts, about, manner)
    if options.run_record:
        write_run_record(options.run_record, facts)


def available_cores() -> int:
    """Cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_outputs(options: JobOptions) -> None:
    """Refuse outputs that would overwrite a film or each other, or that cannot be written.

    Raises:
        UsageError: they stand for something else.
        XrayscanError: one of them cannot be written.
    """
    for path in (options.csv, options.report):
        if path and not path.name:
            raise UsageError(f"{path}: is a folder; give the name of a file to write")
    if options.report == STANDARD_OUTPUT:
        raise UsageError("--report -: only the CSV goes to standard output; give a file")
    files = [path for path in options.outputs if not is_stream(path)]
    if len(set(map(os.path.realpath, files))) < len(files):
        raise UsageError(f"{files[0]}: CSV, report and run record need names of their own")
    for path in options.outputs:
        check_writable(path)
    for path in files:
        _check_overwriting(path, options)
    if options.report:
        check_files_folder(options.report)
    if options.table is None:
        check_standard_output()


def _check_overwriting(path: Path, options: JobOptions) -> None:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give the name of a file to write")
    by_name = path in (options.csv, options.report)
    is_given = path.exists() and os.path.realpath(path) in map(os.path.realpath, options.paths)
    if is_worth_keeping(path, expendable=by_name and not is_given):
        raise UsageError(
            f"{path}: exists, and is a film or nothing that xrayscan wrote; give another name"
        )


def _heat_map(options: JobOptions, card: ModelCard) -> str:
    return NO_CAM if options.cam == NO_CAM else card.heat_map(options.cam)


def _threshold(options: JobOptions, card: ModelCard) -> float:
    """The threshold that the rule comes to with this model, 0..1."""
    rule = options.threshold or card.default_rule
    return round(resolve_rule(rule, card.thresholds, card.curve), THRESHOLD_DECIMALS)


def _open_table(path: Path | None) -> AbstractContextManager[TextIO]:
    return standard_output() if path is None else atomic_text(path, keep_lines=True)


def _option_facts(options: JobOptions, workers: int) -> dict[str, Any]:
    """The options as the run record holds them: plain values, texts as given."""
    return {
        "paths": _printable(options.paths),
        "model": _printable([options.model])[0],
        "cam": options.cam,
        "admission": options.admission.value,
        "batch_size": options.batch_size,
        "workers": workers,
        "recursive": options.recursive,
        "include": _printable(options.include),
        "exclude": _printable(options.exclude),
        "min_age": options.min_age,
        "max_overlays": options.max_overlays,
        "with_identifiers": options.with_identifiers,
        "self_contained": options.self_contained,
    }


def _printable(texts: Sequence[str]) -> list[str]:
    """Texts from the command line, which need not be UTF-8, as texts that every file can hold."""
    return [os.fsencode(text).decode("utf-8", "backslashreplace") for text in texts]


def _notices(options: JobOptions, summary: RunSummary) -> tuple[str, ...]:
    notices = []
    if summary.not_reached:
        words = summary.ending.value.replace("_", " ")
        notices.append(
            f"The run ended early ({words}): {summary.not_reached} files were not reached."
        )
    if options.admission is not Admission.ON:
        notices.append("Films unlike the training films were scored as well (--admission).")
    if options.with_identifiers:
        notices.append("The CSV names patients (--with-identifiers): keep it as their files.")
    return tuple(notices)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
