"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from xrayscan import __version__
from xrayscan.cli.calibrate import calibrate
from xrayscan.cli.check import check
from xrayscan.cli.compare import compare
from xrayscan.cli.demo import demo
from xrayscan.cli.evaluate import evaluate
from xrayscan.cli.exits import Command
from xrayscan.cli.explain import explain
from xrayscan.cli.fit import fit
from xrayscan.cli.merge import merge
from xrayscan.cli.models import models
from xrayscan.cli.options import option
from xrayscan.cli.predict import predict
from xrayscan.cli.report import report
from xrayscan.cores import keep_libraries_within
from xrayscan.records import DISCLAIMER

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"auto_envvar_prefix": "XRAYSCAN", "help_option_names": ["-h", "--help"]},
    epilog=DISCLAIMER,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"xrayscan {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Score folders of chest radiographs: nothing lost, nothing damaged scored."""
    keep_libraries_within()  # before a command loads them


command = app.command(cls=Command)
command(predict)
command(check)
command(merge)
command(report)
command(fit)
command(evaluate)
command(compare)
command(calibrate)
command(explain)
app.add_typer(models, name="models")
command(demo)
