"""``xrayscan predict``: score folders of films."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xrayscan.cli.exits import Exit, reported
from xrayscan.cli.options import option
from xrayscan.errors import UsageError
from xrayscan.intake.admission import Admission
from xrayscan.resources import DEFAULT_MODEL

if TYPE_CHECKING:
    from xrayscan.job import JobOptions
    from xrayscan.pipeline import FailureLimit
    from xrayscan.records import RunSummary

CAM_CHOICES = ("gradcam", "gradcam++", "none")
_FAILURES = re.compile(r"(\d+)(%?)")


@reported
def predict(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Folders of films, or single files.")
    ],
    csv: Annotated[
        str,
        option(
            metavar="FILE",
            help="Write the predictions here; - for standard output. Default: beside the report, "
            "or standard output without one.",
        ),
    ] = "",
    report: Annotated[
        Path | None, option(metavar="FILE.html", help="Write the HTML report here.")
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
        str, option(metavar="METHOD", help="Heat map: gradcam, gradcam++ or none.")
    ] = CAM_CHOICES[0],
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
        int, option(min=0, help="Films that the report shows with picture and heat map.")
    ] = 200,
    max_failures: Annotated[
        str,
        option(metavar="N|P%", help="Stop with exit code 4 after more unreadable files than this."),
    ] = "",
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
    130 or 143 stopped by a signal with the outputs written for what was finished.
    """
    from xrayscan.cli.listening import StopRequest, progress_bar, set_up_logging
    from xrayscan.job import JobOptions, run_job

    set_up_logging(verbose=verbose)
    if cam not in CAM_CHOICES:
        raise UsageError(f"--cam {cam}: choose one of {', '.join(CAM_CHOICES)}")
    if csv == "-" and report is None:
        csv = ""
    options = JobOptions(
        paths=tuple(paths),
        csv=Path(csv) if csv else None,
        report=report,
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
    )
    if dry_run:
        return _list_scans(options)
    stop = StopRequest()
    summary = run_job(options, lambda total: progress_bar(total, stop, quiet=quiet))
    if not quiet:
        sys.stderr.write(summary.line() + "\n")
    return exit_code(summary, stop.signal, fail_on_positive=fail_on_positive)


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
    match = _FAILURES.fullmatch(text.strip())
    if match is None or (match.group(2) and int(match.group(1)) > 100):
        raise UsageError(f"--max-failures {text}: give a number of files or a share such as 5%")
    number = int(match.group(1))
    return FailureLimit(share=number / 100) if match.group(2) else FailureLimit(count=number)


def _list_scans(options: JobOptions) -> int:
    from xrayscan.job import find_scans
    from xrayscan.reporting.table import path_text

    discovery = find_scans(options)
    for scan in discovery.scans:
        typer.echo(path_text(scan.name))
    sys.stderr.write(
        f"found {len(discovery.scans)}, {discovery.other_files} other files left out\n"
    )
    return Exit.DONE
