"""``xrayscan merge``: join the results of a run's parts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xrayscan.cli.exits import Exit, remark, reported
from xrayscan.cli.options import option


@reported
def merge(
    tables: Annotated[list[Path], typer.Argument(metavar="CSV...", help="The CSVs of all parts.")],
    out: Annotated[Path, option("--out", metavar="FILE", help="The CSV to write.")],
    films: Annotated[
        list[str] | None,
        option(
            metavar="FOLDER",
            help="Look whether every film of this folder has its row; can be repeated.",
        ),
    ] = None,
) -> int:
    """Join the CSVs of a run that was shared out by predict --shard.

    Checks that all parts are there, are finished, have all their rows and were run alike, and that
    no film is missing or double. The run record of each part has to lie beside its CSV.
    """
    from xrayscan.merging import merge as join

    rows = join(tables, out, films or [])
    remark(f"{out}: {rows} rows of {len(tables)} parts")
    return Exit.DONE
