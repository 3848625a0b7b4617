"""``xrayscan check``: are the films whole, and such as the model may judge? Nothing is scored."""

from __future__ import annotations

from typing import Annotated

from xrayscan.cli import film_options as film
from xrayscan.cli.exits import reported
from xrayscan.cli.options import option
from xrayscan.cli.running import Manner, list_scans, run_films
from xrayscan.cli.values import failure_limit, read_shard, table_file
from xrayscan.intake.admission import Admission
from xrayscan.intake.options import BATCH_SIZE, MAX_PIXELS, TIME_LIMIT_S
from xrayscan.resources import DEFAULT_MODEL


@reported
def check(
    paths: film.Paths,
    csv: Annotated[
        str | None,
        option(metavar="FILE", help="Write the rows here; - (the default) for standard output."),
    ] = None,
    model: film.Model = DEFAULT_MODEL,
    admission: Annotated[
        Admission,
        option(
            help="Films unlike the model's training films: on does not admit them, warn admits "
            "them and says so, off does not look: no model is run, files alone are checked."
        ),
    ] = Admission.ON,
    batch_size: film.BatchSize = BATCH_SIZE,
    workers: film.Workers = 0,
    recursive: film.Recursive = True,
    include: film.Include = None,
    exclude: film.Exclude = None,
    min_age: film.MinAge = 0.0,
    max_pixels: film.MaxPixels = MAX_PIXELS,
    max_failures: film.MaxFailures = "",
    fresh: film.Fresh = False,
    verify_content: film.VerifyContent = False,
    shard: film.ShardText = "",
    lock_wait: film.LockWait = 0.0,
    time_limit: film.TimeLimit = TIME_LIMIT_S,
    with_identifiers: film.WithIdentifiers = False,
    fail_on_drift: film.FailOnDrift = False,
    json: film.Json = False,
    log_file: film.LogFile = None,
    config: film.Config = None,
    dry_run: film.DryRun = False,
    quiet: film.Quiet = False,
    verbose: film.Verbose = False,
) -> int:
    """Check, without scoring, that films are whole and can be judged.

    Writes the rows of predict without probability, threshold, label and zone. Films that predict
    with the same options would score have the status admitted; all others are as predict has them.

    Exit codes as for predict: 0 done, 1 fatal, 2 wrong usage, 3 done but some files were
    unreadable, 4 more unreadable files than --max-failures, 6 drift (only with --fail-on-drift), 11
    another run is at work on the same output, 129, 130 or 143 stopped by a signal with the outputs
    written for what was finished.

    Run again with the same CSV, it looks at what is new or changed and takes the rest over.
    """
    from xrayscan.job.options import JobOptions
    from xrayscan.records import Command

    options = JobOptions(
        command=Command.CHECK,
        paths=tuple(paths),
        csv=table_file(csv, None, json=json),
        model=model,
        cam="none",
        batch_size=batch_size,
        workers=workers,
        recursive=recursive,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        min_age=min_age,
        admission=admission,
        failures=failure_limit(max_failures),
        with_identifiers=with_identifiers,
        fresh=fresh,
        verify_content=verify_content,
        lock_wait=lock_wait,
        time_limit=time_limit,
        shard=read_shard(shard),
        max_pixels=max_pixels,
        log=log_file,
    )
    if dry_run:
        return list_scans(options, verbose=verbose)
    manner = Manner(quiet, verbose, False, fail_on_drift, json)
    return run_films(options, manner)
