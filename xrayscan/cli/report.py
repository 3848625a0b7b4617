"""``xrayscan report``: draw the report again from the predictions, without scoring."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from xrayscan.cli.exits import Exit, remark, reported
from xrayscan.cli.options import option
from xrayscan.cli.values import page_file
from xrayscan.errors import OptionError

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@reported
def report(
    csv: Annotated[Path, typer.Argument(metavar="CSV", help="What xrayscan predict wrote.")],
    page: Annotated[
        Path | None,
        option(
            "--report",
            envvar="XRAYSCAN_REPORT_REPORT",  # others are made of the parameter's name
            metavar="FILE.html",
            help="The page to write. Default: beside the CSV.",
        ),
    ] = None,
    record: Annotated[
        Path | None,
        option(
            metavar="FILE.run.json",
            help="The run record; pictures are taken from the report beside it, too. Default: "
            "beside the CSV or the page.",
        ),
    ] = None,
    model: Annotated[
        str, option(metavar="NAME|FOLDER", help="The model that scored. Default: the record's.")
    ] = "",
    threshold: Annotated[
        str, option(metavar="RULE", help="Decide by another threshold; as for predict.")
    ] = "",
    only: Annotated[
        list[str] | None,
        option(
            metavar="NAME=VALUE",
            help="Show only these rows: status, zone, label, reason or folder; can be repeated.",
        ),
    ] = None,
    dates: Annotated[
        str, option(metavar="LANGUAGE", help="Write dates as in de, fr, en-GB ... Default: ISO.")
    ] = "",
    max_overlays: Annotated[
        int, option(min=0, help="Films shown with picture besides those to read first.")
    ] = 200,
    self_contained: Annotated[
        bool, option("--self-contained", help="Keep the report in one file up to 200 MB.")
    ] = False,
    quiet: Annotated[bool, option("--quiet", "-q", help="No closing line.")] = False,
) -> int:
    """Draw the report again from the predictions, without scoring.

    With another threshold, other dates or only some of the rows. Pictures come from the report that
    was drawn before: the films themselves are not read.

    Exit codes: 0 done, 1 fatal, 2 wrong usage.
    """
    from xrayscan.redraw import RedrawOptions, redraw

    if dates and not _LANGUAGE.fullmatch(dates):
        raise OptionError("dates", dates, "give a language such as de or en-GB")
    options = RedrawOptions(
        csv=csv,
        report=page_file(page),
        record=record,
        model=model,
        threshold=threshold,
        only=only_rows(only or ()),
        dates=dates,
        max_overlays=max_overlays,
        self_contained=self_contained,
    )
    summary = redraw(options)
    if not quiet:
        remark(f"{options.page}: {summary.line()}")
    return Exit.DONE


def only_rows(given: list[str] | tuple[()]) -> dict[str, tuple[str, ...]]:
    """Read ``--only``: values by name.

    Raises:
        UsageError: there is no such filter.
    """
    from xrayscan.redraw import FILTERS

    values: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if name not in FILTERS or not equals or not value:
            raise OptionError("only", text, f"give one of {', '.join(FILTERS)}, = and a value")
        values[name] = (*values.get(name, ()), value)
    return values
