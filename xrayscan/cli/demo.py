"""``xrayscan demo``: the main job on sample films, from an empty machine."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from xrayscan.cli.exits import Exit, echo, remark, reported
from xrayscan.cli.options import option


@reported
def demo(
    out: Annotated[Path, option(metavar="FOLDER", help="New folder for films and results.")] = Path(
        "xrayscan-demo"
    ),
    quiet: Annotated[bool, option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Run the main job on sample films.

    Real ones, and copies damaged on purpose. Needs no network: the films come from the package
    pydicom-data.
    """
    from xrayscan.cells import path_text
    from xrayscan.cli.listening import StopRequest, listening, quiet_libraries, set_up_logging
    from xrayscan.demo import FILMS, write_sample_films
    from xrayscan.intake.admission import Admission
    from xrayscan.job.options import JobOptions
    from xrayscan.job.run import Listeners, run_job
    from xrayscan.resources import DEFAULT_MODEL

    write_sample_films(out)
    films = out / FILMS
    options = JobOptions(
        paths=(str(films),),
        csv=out / "predictions.csv",
        report=out / "report.html",
        model=DEFAULT_MODEL,
        admission=Admission.ON,
    )
    stop = StopRequest()
    with quiet_libraries(verbose=False):
        set_up_logging(verbose=False)
        hooks = partial(listening, stop=stop, quiet=quiet)
        summary = run_job(options, Listeners(hooks))
    remark(summary.line())
    for what, path in (("films", films), ("predictions", options.csv), ("report", options.report)):
        echo(f"{what + ':':<13}{path_text(str(path))}")
    return Exit.DONE if stop.signal is None else 128 + stop.signal
