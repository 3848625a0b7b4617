"""``xrayscan predict``: score folders of films."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xrayscan.cli.exits import Exit, remark, reported
from xrayscan.cli.options import option
from xrayscan.errors import UsageError
from xrayscan.intake.admission import Admission
from xrayscan.resources import DEFAULT_MODEL

if TYPE_CHECKING:
    from xrayscan.job import JobOptions
    from xrayscan.pipeline import FailureLimit
    from xrayscan.records import RunSummary

_COUNT = re.compile(r"\d+")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")


@reported
def predict(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Folders of films, or single files.")
    ],
    csv: Annotated[
        str | None,
        option(
            metavar="FILE",
            help="Write the predictions here; - for standard output. Default: beside the report, "
            "or standard output without one.",
        ),
    ] = None,
    report: Annotated[
        str | None, option(metavar="FILE.html", help="Write the HTML report here.")
    ] = None,
    model: Annotated[
        str, option(metavar="NAME|FOLDER", help="A bundled model or a model folder.")
    ] = DEFAULT_MODEL,
    threshold: Annotated[
        str,
        option(
            metavar="RULE",
            help="youden, f1, sens=0.95, spec=0.95, a number from 0 to 1, or a name in the model's "
            "card. Default: the card's.",
        ),
    ] = "",
    cam: Annotated[
        str,
        option(
            metavar="METHOD",
            help="Heat map: gradcam, gradcam++ or none; gradcam:CLASS with models of more than two "
            "classes.",
        ),
    ] = "gradcam",
    admission: Annotated[
        Admission,
        option(
            help="Films unlike the model's training films: on leaves them unscored, warn scores "
            "and says so, off scores them."
        ),
    ] = Admission.ON,
    batch_size: Annotated[
        int, option(min=1, help="Films read, scored and recorded together.")
    ] = 16,
    workers: Annotated[int, option(min=0, help="Threads; 0 takes one per available core.")] = 0,
    recursive: Annotated[
        bool, option("--recursive/--no-recursive", help="Look into folders within folders.")
    ] = True,
    include: Annotated[
        list[str] | None, option(metavar="GLOB", help="Take only these; can be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, option(metavar="GLOB", help="Leave these out; can be repeated.")
    ] = None,
    min_age: Annotated[
        float,
        option(metavar="SECONDS", min=0, help="Leave files changed more recently to the next run."),
    ] = 0.0,
    max_overlays: Annotated[
        int,
        option(
            min=0,
            help="Films that the report shows with picture and heat map besides those to read "
            "first; 0 shows none at all.",
        ),
    ] = 200,
    self_contained: Annotated[
        bool,
        option(
            "--self-contained",
            help="Keep the report in one file up to 200 MB; without it, pictures beyond 25 MB "
            "become files beside it.",
        ),
    ] = False,
    max_failures: Annotated[
        str,
        option(metavar="N|P%", help="Stop with exit code 4 after more unreadable files than this."),
    ] = "",
    with_identifiers: Annotated[
        bool,
        option(
            "--with-identifiers",
            help="Add patient's name, id and birth date from DICOM headers to the CSV; without it "
            "they appear nowhere.",
        ),
    ] = False,
    fail_on_positive: Annotated[
        bool, option("--fail-on-positive", help="Exit code 5 if any film is positive.")
    ] = False,
    dry_run: Annotated[bool, option("--dry-run", help="Only list what would be read.")] = False,
    quiet: Annotated[
        bool, option("--quiet", "-q", help="No progress and no closing line.")
    ] = False,
    verbose: Annotated[bool, option("--verbose", "-v", help="Say more on standard error.")] = False,
) -> int:
    """Score films: CSV, HTML report, heat maps.

    Every file found becomes one row of the CSV, with its status and, if it has no probability, the
    reason in words.

    Exit codes: 0 done, 1 fatal, 2 wrong usage, 3 done but some files were unreadable, 4 more
    unreadable files than --max-failures, 5 positives found (only with --fail-on-positive),
    129, 130 or 143 stopped by a signal with the outputs written for what was finished.
    """
    from xrayscan.job import JobOptions

    options = JobOptions(
        paths=tuple(paths),
        csv=_file("--csv", csv),
        report=_file("--report", report),
        model=model,
        threshold=threshold,
        cam=cam,
        batch_size=batch_size,
        workers=workers,
        recursive=recursive,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        min_age=min_age,
        max_overlays=max_overlays,
        admission=admission,
        failures=failure_limit(max_failures),
        with_identifiers=with_identifiers,
        self_contained=self_contained,
    )
    if dry_run:
        return _list_scans(options)
    return _run(options, Manner(quiet, verbose, fail_on_positive))


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run shows itself."""

    quiet: bool
    verbose: bool
    fail_on_positive: bool


def _run(options: JobOptions, manner: Manner) -> int:
    from xrayscan.cli.listening import StopRequest, progress_bar, quiet_libraries, set_up_logging
    from xrayscan.job import run_job

    stop = StopRequest()
    with quiet_libraries(verbose=manner.verbose):
        set_up_logging(verbose=manner.verbose)
        summary = run_job(options, lambda total: progress_bar(total, stop, quiet=manner.quiet))
    if not manner.quiet:
        _say_if_nothing_was_found(summary.found, options)
        remark(summary.line())
    return exit_code(summary, stop.signal, fail_on_positive=manner.fail_on_positive)


def _file(option: str, value: str | None) -> Path | None:
    """Take an output's name; an empty one is more likely a script's mistake than a wish."""
    if value == "":
        raise UsageError(f"{option}: is empty; give the name of a file")
    return None if value is None else Path(value)


def exit_code(summary: RunSummary, signal: int | None, *, fail_on_positive: bool) -> int:
    """Choose the exit code; where several apply, the one that tells most about the run."""
    from xrayscan.records import Ending

    if summary.ending is Ending.STOPPED and signal is not None:
        return 128 + signal
    if summary.ending is Ending.TOO_MANY_FAILURES:
        return Exit.TOO_MANY_FAILURES
    if fail_on_positive and summary.positive:
        return Exit.POSITIVE
    return Exit.UNREADABLE if summary.unreadable else Exit.DONE


def failure_limit(text: str) -> FailureLimit:
    """Read ``--max-failures``: a count, or a share with %.

    Raises:
        UsageError: it is neither.
    """
    from xrayscan.pipeline import FailureLimit

    if not text:
        return FailureLimit()
    if _COUNT.fullmatch(text.strip()):
        return FailureLimit(count=int(text))
    share = _SHARE.fullmatch(text.strip())
    if share is None or float(share[1]) > 100:
        raise UsageError(f"--max-failures {text}: give a number of files or a share such as 5%")
    return FailureLimit(share=float(share[1]) / 100)


def _list_scans(options: JobOptions) -> int:
    from xrayscan.job import check_job, find_scans
    from xrayscan.journal.standard_output import standard_output
    from xrayscan.records import left_out
    from xrayscan.reporting.table import path_text

    check_job(options)
    discovery = find_scans(options)
    with standard_output() as file:
        file.writelines(f"{path_text(scan.name)}\n" for scan in discovery.scans)
    _say_if_nothing_was_found(len(discovery.scans), options)
    remark(f"found {len(discovery.scans)}{left_out(discovery.other_files)}")
    return Exit.DONE


def _say_if_nothing_was_found(found: int, options: JobOptions) -> None:
    if not found:
        where = ", ".join(options.paths[:3]) + ", ..." * (len(options.paths) > 3)
        remark(f"xrayscan: {where}: no films there; check the path, --include and --exclude")
