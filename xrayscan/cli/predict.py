"""``xrayscan predict``: score folders of films."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xrayscan.cli.config import read_config
from xrayscan.cli.exits import Exit, remark, reported
from xrayscan.cli.options import option
from xrayscan.cli.running import Manner, run_predict, say_nothing_was_found
from xrayscan.cli.values import failure_limit, output_file, read_shard, table_file, zone_limits
from xrayscan.intake.admission import Admission
from xrayscan.intake.options import MAX_PIXELS, TIME_LIMIT_S
from xrayscan.resources import DEFAULT_MODEL

if TYPE_CHECKING:
    from xrayscan.job.options import JobOptions


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
    workers: Annotated[
        int, option(min=0, help="Films in hand at once; 0 takes one per available core.")
    ] = 0,
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
    max_pixels: Annotated[
        int,
        option(metavar="N", min=1, help="Refuse pictures that claim more pixels, undecoded."),
    ] = MAX_PIXELS,
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
    zones: Annotated[
        str,
        option(
            metavar="LOW,HIGH",
            help="Limits of the review zone, from 0 to 1. Default: the model's card's.",
        ),
    ] = "",
    fresh: Annotated[
        bool, option("--fresh", help="Take nothing over from earlier runs: score every film.")
    ] = False,
    verify_content: Annotated[
        bool,
        option(
            "--verify-content",
            help="Compare the content of every file with that of earlier runs, not size and time "
            "alone.",
        ),
    ] = False,
    shard: Annotated[
        str,
        option(
            metavar="I/N",
            help="Take the I-th of N parts of the films, always the same ones; see merge.",
        ),
    ] = "",
    lock_wait: Annotated[
        float,
        option(metavar="SECONDS", min=0, help="Wait so long for another run on the same output."),
    ] = 0.0,
    time_limit: Annotated[
        float,
        option(
            metavar="SECONDS",
            min=0,
            help="For reading one file, in a process of its own, so that a decoder that hangs or "
            "crashes costs one row; 0 reads without this protection.",
        ),
    ] = TIME_LIMIT_S,
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
    fail_on_drift: Annotated[
        bool,
        option(
            "--fail-on-drift",
            help="Exit code 6 if tonight's films differ from those before or in training.",
        ),
    ] = False,
    json: Annotated[
        bool,
        option("--json", help="Say everything on standard output, one JSON object a line."),
    ] = False,
    log_file: Annotated[
        Path | None,
        option(metavar="FILE", help="Write the run's course here as well; old files are kept."),
    ] = None,
    config: Annotated[
        Path | None,
        option(
            metavar="FILE.toml",
            is_eager=True,
            callback=read_config,
            help="Options by their names, in a table [predict]; the command line wins.",
        ),
    ] = None,
    dry_run: Annotated[bool, option("--dry-run", help="Only list what would be read.")] = False,
    quiet: Annotated[bool, option("--quiet", "-q", help="Say nothing when all is well.")] = False,
    verbose: Annotated[bool, option("--verbose", "-v", help="Say more on standard error.")] = False,
) -> int:
    """Score films: CSV, HTML report, heat maps.

    Every file found becomes one row of the CSV, with its status and, if it has no probability, the
    reason in words.

    Exit codes: 0 done, 1 fatal, 2 wrong usage, 3 done but some files were unreadable, 4 more
    unreadable files than --max-failures, 5 positives found (only with --fail-on-positive), 6 drift
    (only with --fail-on-drift), 11 another run is at work on the same output, 129, 130 or 143
    stopped by a signal with the outputs written for what was finished.

    Run again with the same CSV, it scores what is new or changed and takes the rest over.
    """
    from xrayscan.job.options import JobOptions

    options = JobOptions(
        paths=tuple(paths),
        csv=table_file(csv, report, json=json),
        report=output_file("--report", report),
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
        fresh=fresh,
        verify_content=verify_content,
        lock_wait=lock_wait,
        time_limit=time_limit,
        zones=zone_limits(zones),
        shard=read_shard(shard),
        max_pixels=max_pixels,
        self_contained=self_contained,
    )
    if dry_run:
        return _list_scans(options)
    manner = Manner(quiet, verbose, fail_on_positive, fail_on_drift, json, log_file)
    return run_predict(options, manner)


def _list_scans(options: JobOptions) -> int:
    from xrayscan.job.choices import check_job
    from xrayscan.job.options import find_scans
    from xrayscan.journal.standard_output import standard_output
    from xrayscan.records import left_out
    from xrayscan.reporting.table import path_text

    check_job(options)
    discovery = find_scans(options)
    with standard_output() as file:
        file.writelines(f"{path_text(scan.name)}\n" for scan in discovery.scans)
    if not discovery.scans:
        say_nothing_was_found(options)
    remark(f"found {len(discovery.scans)}{left_out(discovery.other_files)}")
    return Exit.DONE
