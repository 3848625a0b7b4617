"""One run of ``predict`` from its options to its outputs."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from xrayscan.errors import UsageError
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import Discovery, DiscoveryOptions, discover
from xrayscan.journal.atomic import atomic_text
from xrayscan.pipeline import FailureLimit, Pipeline, RunHooks, RunOptions
from xrayscan.records import RunSummary
from xrayscan.reporting.html import ReportModel, write_report
from xrayscan.reporting.run_record import RunFacts, write_run_record
from xrayscan.reporting.worklist import Worklist
from xrayscan.resources import model_folder, templates_folder
from xrayscan.scoring.model import NO_CAM, ScoringModel
from xrayscan.scoring.thresholds import resolve_rule

THRESHOLD_DECIMALS = 7  # one more than probabilities have: thresholds lie half way between two


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What ``predict`` is asked to do.

    Attributes:
        paths: folders or files, as given.
        csv: where the CSV goes; None writes it to standard output, unless there is a report.
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

    @property
    def table(self) -> Path | None:
        """Where the CSV goes: as asked, or beside the report, or None for standard output."""
        if self.csv is None and self.report is not None:
            return self.report.with_suffix(".csv")
        return self.csv

    @property
    def run_record(self) -> Path | None:
        """Where the run record goes: beside the report, or beside the CSV."""
        main = self.report or self.table
        return main.with_suffix(".run.json") if main else None


def find_scans(options: JobOptions) -> Discovery:
    """Discover the scans of a job; its own outputs are never among them."""
    outputs = tuple(path for path in (options.table, options.report, options.run_record) if path)
    within = DiscoveryOptions(options.recursive, options.include, options.exclude, outputs)
    return discover(options.paths, within)


def run_job(
    options: JobOptions, hooks: Callable[[int], AbstractContextManager[RunHooks]]
) -> RunSummary:
    """Run ``predict``.

    Args:
        options: what to do.
        hooks: called with the number of scans found; opens what listens to the run.

    Raises:
        UsageError: paths or threshold cannot be used.
        ModelError: the model folder cannot be used.
        XrayscanError: outputs cannot be written.
    """
    _check_outputs(options)
    started = _now()
    discovery = find_scans(options)
    workers = options.workers or available_cores()
    model = ScoringModel(model_folder(options.model), workers)
    rule = options.threshold or model.card.default_rule
    resolved = resolve_rule(rule, model.card.thresholds, model.card.curve)
    threshold = round(resolved, THRESHOLD_DECIMALS)
    run_options = RunOptions(
        threshold=threshold,
        cam=options.cam if options.report else NO_CAM,
        admission=options.admission,
        batch_size=options.batch_size,
        workers=workers,
        min_age=options.min_age,
        failures=options.failures,
    )
    worklist = Worklist(model.card.positive, options.max_overlays if options.report else 0)
    with hooks(len(discovery.scans)) as listening:
        summary = Pipeline(model, run_options, listening).run(
            discovery, _open_table(options.table), worklist
        )
    facts = RunFacts(
        started=started,
        finished=_now(),
        options=_option_facts(options, workers),
        model=model.card.name,
        model_sha256=model.card.sha256,
        threshold_rule=rule,
        threshold=threshold,
        summary=summary,
        notices=_notices(options, summary),
    )
    if options.report:
        card = model.card
        about = ReportModel(card.facts, card.positive, card.negative, options.cam)
        write_report(options.report, templates_folder(), worklist, facts, about)
    if options.run_record:
        write_run_record(options.run_record, facts)
    return summary


def available_cores() -> int:
    """Cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_outputs(options: JobOptions) -> None:
    outputs = [path for path in (options.table, options.report, options.run_record) if path]
    if len({path.absolute() for path in outputs}) < len(outputs):
        raise UsageError(f"{outputs[0]}: CSV, report and run record need names of their own")
    for path in outputs:
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; give the name of a file to write")


def _open_table(path: Path | None) -> AbstractContextManager[TextIO]:
    return nullcontext(sys.stdout) if path is None else atomic_text(path)


def _option_facts(options: JobOptions, workers: int) -> dict[str, Any]:
    """The options as the run record holds them: plain values, the paths as given."""
    return {
        "paths": [os.fsencode(path).decode("utf-8", "backslashreplace") for path in options.paths],
        "model": options.model,
        "cam": options.cam,
        "admission": options.admission.value,
        "batch_size": options.batch_size,
        "workers": workers,
        "recursive": options.recursive,
        "include": list(options.include),
        "exclude": list(options.exclude),
        "min_age": options.min_age,
        "max_overlays": options.max_overlays,
    }


def _notices(options: JobOptions, summary: RunSummary) -> tuple[str, ...]:
    notices = []
    if summary.not_reached:
        words = summary.ending.value.replace("_", " ")
        notices.append(
            f"The run ended early ({words}): {summary.not_reached} files were not reached."
        )
    if options.admission is not Admission.ON:
        notices.append("Films unlike the training films were scored as well (--admission).")
    return tuple(notices)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
