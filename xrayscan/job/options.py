"""What ``predict`` or ``check`` is asked to do, and where its outputs go."""

from __future__ import annotations

import logging
import os
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from xrayscan.cells import path_text
from xrayscan.cluster.engines import LOCAL, check_engine
from xrayscan.cores import available_cores
from xrayscan.errors import OptionError, UsageError
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import Discovery, DiscoveryOptions, Shard, discover
from xrayscan.intake.options import BATCH_SIZE, MAX_PIXELS
from xrayscan.intake.overwriting import check_output
from xrayscan.journal import journal, lock
from xrayscan.journal.atomic import check_writable, is_stream
from xrayscan.journal.standard_output import check_standard_output
from xrayscan.pipeline import FailureLimit
from xrayscan.records import Command
from xrayscan.reporting.pictures import check_files_folder, files_folder
from xrayscan.scoring.thresholds import ZoneLimits

_LOGGER = logging.getLogger(__name__)
STANDARD_OUTPUT = Path("-")
LOG_FILES = 5  # older ones that are kept beside the log, as NAME.1 and so on


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What ``predict`` or ``check`` is asked to do.

    Attributes:
        command: which of the two: a check scores nothing.
        paths: folders or files, as given.
        csv: where the CSV goes, "-" for standard output; None writes it beside the report, or to
            standard output without one.
        report: where the HTML report goes; None writes none.
        model: name of a bundled model, or a model folder.
        threshold: a rule, a number, or a name in the card; "" takes the card's default.
        cam: heat map method for the report, or "none".
        batch_size: films that are read, scored and recorded together.
        workers: films that are read or scored at the same time; 0 takes one per available core.
        recursive, include, exclude: see ``DiscoveryOptions``.
        min_age: files changed less than this many seconds ago are left for the next run.
        max_overlays: films shown with picture in the report besides those to read first.
        heat_test: heat maps that are shown are tested on their films.
        admission: what to do with films outside the training population.
        failures: when to give up.
        with_identifiers: the CSV names patients, and so does its journal; nothing else does.
        self_contained: the report is one file, up to a limit of its own that it states.
        max_pixels: pictures that claim more are refused.
        fresh: take nothing over from earlier runs.
        verify_content: compare the content of files with that of earlier runs.
        lock_wait: seconds to wait for another run on the same output.
        time_limit: seconds that one file may take, read in a process of its own; 0 for no limit.
        zones: the limits of the review zone; None takes the card's.
        shard: take this part of the films; None takes all.
        engine: where films are assessed, see ``cluster.engines``; no result hangs on it,
            but for a GPU's rounding.
        log: where the run's course is written as well; None writes none.
    """

    paths: tuple[str, ...]
    csv: Path | None = None
    report: Path | None = None
    model: str = ""
    threshold: str = ""
    cam: str = "gradcam"
    batch_size: int = BATCH_SIZE
    workers: int = 0
    recursive: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_age: float = 0.0
    max_overlays: int = 200
    heat_test: bool = True
    admission: Admission = Admission.ON
    failures: FailureLimit = field(default_factory=FailureLimit)
    with_identifiers: bool = False
    self_contained: bool = False
    max_pixels: int = MAX_PIXELS
    fresh: bool = False
    verify_content: bool = False
    lock_wait: float = 0.0
    time_limit: float = 0.0
    zones: ZoneLimits | None = None
    shard: Shard | None = None
    command: Command = Command.PREDICT
    engine: str = LOCAL
    log: Path | None = None

    @property
    def scores(self) -> bool:
        """Whether films are scored and called."""
        return self.command is Command.PREDICT

    @property
    def needs_model(self) -> bool:
        """Whether a model has to look at the films; where none is to admit or score, none does."""
        return self.scores or self.admission is not Admission.OFF

    @property
    def table(self) -> Path | None:
        """Where the CSV goes: as asked, or beside the report, or None for standard output."""
        if self.csv is None and self.report is not None:
            return self.report.with_suffix(".csv")
        return None if self.csv == STANDARD_OUTPUT else self.csv

    @property
    def run_records(self) -> tuple[Path, ...]:
        """Where the run record goes: beside CSV and report, where they are no devices.

        ``report`` and ``merge`` look for it beside the CSV.
        """
        files = [path for path in (self.table, self.report) if path and not is_stream(path)]
        records = [path.with_suffix(".run.json") for path in files]
        return tuple({os.path.realpath(path): path for path in records}.values())

    @property
    def journal(self) -> Path | None:
        """Where the journal goes: beside the CSV, where that is a file that stays."""
        return _beside(self.table, journal.SUFFIX)

    @property
    def lock(self) -> Path | None:
        """Where the lock is, while the run lasts."""
        return _beside(self.table, lock.SUFFIX)

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All files that the run leaves."""
        files = (self.table, self.report, *self.run_records, self.journal, self.log)
        return tuple(path for path in files if path)


def find_scans(options: JobOptions) -> Discovery:
    """Discover the scans of a job; its own outputs are never among them."""
    own = [*options.outputs]
    own += [options.lock] if options.lock else []
    own += [files_folder(options.report)] if options.report else []
    log = options.log
    own += [log.with_name(f"{log.name}.{n + 1}") for n in range(LOG_FILES)] if log else []
    within = DiscoveryOptions(options.recursive, options.include, options.exclude, tuple(own))
    found = discover(options.paths, within, _say_left_out)
    return replace(found, scans=options.shard.of(found.scans)) if options.shard else found


def _say_left_out(name: str) -> None:
    if _LOGGER.isEnabledFor(logging.DEBUG):  # there may be more of them than films
        _LOGGER.debug("%s: left out, no film", path_text(name))


def check_options(options: JobOptions) -> None:
    """Find out what can be found out before the work.

    Raises:
        UsageError, XrayscanError: of the engine, or as ``check_outputs``.
    """
    check_engine(options.engine)
    check_outputs(options)


def check_outputs(options: JobOptions) -> None:
    """Refuse outputs that would overwrite a film or each other, or that cannot be written.

    Raises:
        UsageError: they stand for something else.
        XrayscanError: one of them cannot be written.
    """
    for path in (options.csv, options.report, options.log):
        if path and not path.name:
            raise UsageError(f"{path}: is a folder; give the name of a file to write")
    if options.report == STANDARD_OUTPUT:
        raise OptionError("report", "-", "only the CSV goes to standard output; give a file")
    files = [path for path in options.outputs if not is_stream(path)]
    if len(set(map(os.path.realpath, files))) < len(files):
        raise UsageError(f"{files[0]}: CSV, report, run record and log need names of their own")
    for path in options.outputs:
        check_writable(path)
    for path in files:
        if path != options.journal:  # which moves what it does not know aside
            _check_overwriting(path, options)
    if options.report:
        check_files_folder(options.report)
    if options.table is None:
        check_standard_output()


def _check_overwriting(path: Path, options: JobOptions) -> None:
    by_name = path in (options.csv, options.report, options.log)
    is_given = path.exists() and os.path.realpath(path) in map(os.path.realpath, options.paths)
    check_output(path, expendable=by_name and not is_given)


def _beside(table: Path | None, suffix: str) -> Path | None:
    if table is None or is_stream(table):
        return None
    return table.with_name(table.name + suffix)


def option_facts(options: JobOptions) -> dict[str, Any]:
    """The options as the run record holds them: plain values, texts as given."""
    return {
        "command": options.command.value,
        "paths": list(map(journal.printable, options.paths)),
        "model": journal.printable(options.model),
        "cam": options.cam,
        "admission": options.admission.value,
        "batch_size": options.batch_size,
        "workers": options.workers or available_cores(),
        "recursive": options.recursive,
        "include": list(map(journal.printable, options.include)),
        "exclude": list(map(journal.printable, options.exclude)),
        "min_age": options.min_age,
        "max_overlays": options.max_overlays,
        "heat_test": options.heat_test,
        "with_identifiers": options.with_identifiers,
        "max_pixels": options.max_pixels,
        "self_contained": options.self_contained,
        "time_limit": options.time_limit,
        "zones": list(astuple(options.zones)) if options.zones else [],
        "shard": str(options.shard or ""),
        "engine": options.engine,
    }
