"""``xrayscan predict``: score folders of films."""

from __future__ import annotations

from typing import Annotated

from xrayscan.cli import film_options as film
from xrayscan.cli.exits import reported
from xrayscan.cli.options import option
from xrayscan.cli.running import Manner, list_scans, run_films
from xrayscan.cli.values import failure_limit, page_file, read_shard, table_file, zone_limits
from xrayscan.cluster.engines import LOCAL
from xrayscan.intake.admission import Admission
from xrayscan.intake.options import BATCH_SIZE, MAX_PIXELS, TIME_LIMIT_S
from xrayscan.resources import DEFAULT_MODEL


@reported
def predict(
    paths: film.Paths,
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
    model: film.Model = DEFAULT_MODEL,
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
    batch_size: film.BatchSize = BATCH_SIZE,
    workers: film.Workers = 0,
    recursive: film.Recursive = True,
    include: film.Include = None,
    exclude: film.Exclude = None,
    min_age: film.MinAge = 0.0,
    max_pixels: film.MaxPixels = MAX_PIXELS,
    max_overlays: Annotated[
        int,
        option(
            min=0,
            help="Films that the report shows with picture and heat map besides those to read "
            "first; 0 shows none at all.",
        ),
    ] = 200,
    heat_test: Annotated[
        bool,
        option(
            "--heat-test/--no-heat-test",
            help="Test each heat map that the report shows on its film, which about doubles the "
            "time for that film.",
        ),
    ] = True,
    self_contained: Annotated[
        bool,
        option(
            "--self-contained",
            help="Keep the report in one file up to 200 MB; without it, pictures beyond 25 MB "
            "become files beside it.",
        ),
    ] = False,
    max_failures: film.MaxFailures = "",
    zones: Annotated[
        str,
        option(
            metavar="LOW,HIGH",
            help="Limits of the review zone, from 0 to 1. Default: the model's card's.",
        ),
    ] = "",
    fresh: film.Fresh = False,
    verify_content: film.VerifyContent = False,
    shard: film.ShardText = "",
    engine: Annotated[
        str,
        option(
            metavar="ENGINE",
            help="Where films are assessed: local; gpu, scored by this machine's GPU; dask, on "
            "worker processes of this machine; dask://HOST:PORT, on the workers of a Dask cluster "
            "that see the same paths.",
        ),
    ] = LOCAL,
    lock_wait: film.LockWait = 0.0,
    time_limit: film.TimeLimit = TIME_LIMIT_S,
    with_identifiers: film.WithIdentifiers = False,
    fail_on_positive: Annotated[
        bool, option("--fail-on-positive", help="Exit code 5 if any film is positive.")
    ] = False,
    fail_on_drift: film.FailOnDrift = False,
    json: film.Json = False,
    log_file: film.LogFile = None,
    config: film.Config = None,
    dry_run: film.DryRun = False,
    quiet: film.Quiet = False,
    verbose: film.Verbose = False,
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
        report=page_file(report),
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
        heat_test=heat_test,
        admission=admission,
        failures=failure_limit(max_failures),
        with_identifiers=with_identifiers,
        fresh=fresh,
        verify_content=verify_content,
        lock_wait=lock_wait,
        time_limit=time_limit,
        zones=zone_limits(zones),
        shard=read_shard(shard),
        engine=engine,
        max_pixels=max_pixels,
        log=log_file,
        self_contained=self_contained,
    )
    if dry_run:
        return list_scans(options, verbose=verbose)
    manner = Manner(quiet, verbose, fail_on_positive, fail_on_drift, json)
    return run_films(options, manner)
