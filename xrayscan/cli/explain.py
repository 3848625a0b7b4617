"""``xrayscan explain``: one film's heat maps side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xrayscan.cli import film_options as film
from xrayscan.cli import label_options as label
from xrayscan.cli.exits import Exit, echo, reported
from xrayscan.cli.needs import MEASURING, need
from xrayscan.cli.options import option
from xrayscan.intake.admission import Admission
from xrayscan.resources import DEFAULT_MODEL


@reported
def explain(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A film.")],
    out: Annotated[Path, option(metavar="FILE.png", help="Picture to write.")],
    method: Annotated[
        str,
        option(
            metavar="NAMES",
            help="gradcam, gradcam++, scorecam and occlusion, separated by commas; the last two "
            "take seconds.",
        ),
    ] = "gradcam,gradcam++",
    model: film.Model = DEFAULT_MODEL,
    admission: label.AdmissionOption = Admission.ON,
    workers: film.Workers = 0,
    quiet: label.Quiet = False,
    verbose: film.Verbose = False,
) -> int:
    """Draw one film's heat maps by several methods, side by side.

    Each map is tested on the film: the hottest fifth is blurred away, and the probability has to
    fall further than where the map's cells lie in other places. A map that does not pass is called
    not reliable.
    """
    from xrayscan.cli.listening import quiet_libraries, set_up_logging
    from xrayscan.cores import available_cores
    from xrayscan.evaluation.explaining.explain import ExplainOptions, method_names
    from xrayscan.evaluation.explaining.explain import explain as run
    from xrayscan.evaluation.explaining.methods import TITLES

    need("explain", MEASURING)
    options = ExplainOptions(
        file, model, method_names(method), out, workers or available_cores(), admission
    )
    with quiet_libraries(verbose=verbose):
        set_up_logging(verbose=verbose)
        found = run(options)
    if not quiet:
        echo(f"P({found.positive}) {found.probability:.3f}")
        if found.remark:
            echo(found.remark)
        for name, tested in found.marks.items():
            beaten = f"{100 * tested.beaten:.0f} % of shuffled maps"
            echo(f"{TITLES[name]}: {tested.words}, beats {beaten}")
    return Exit.DONE
