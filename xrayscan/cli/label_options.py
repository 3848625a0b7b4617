"""Options of the commands that measure on labelled films."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xrayscan.cli.options import option
from xrayscan.intake.admission import Admission

if TYPE_CHECKING:
    from xrayscan.evaluation.films import LabelOptions

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="Labelled films: a folder with one folder per class, a CSV with columns path, label "
        "and, if known, patient, split and others, or the verdicts exported from a report.",
    ),
]
Positive = Annotated[
    str,
    option(
        metavar="LABELS",
        help="Labels that count as positive, separated by commas. Default: the model's classes.",
    ),
]
Negative = Annotated[
    str,
    option(
        metavar="LABELS",
        help="Labels that count as negative; films of labels that neither names are left out.",
    ),
]
Films = Annotated[
    Path | None,
    option(metavar="FOLDER", help="Where the paths of a CSV start from. Default: its own folder."),
]
Split = Annotated[
    str, option(metavar="NAME", help="Only the films of this split: train, val or test.")
]
Unseen = Annotated[
    bool, option("--unseen", help="Leave out the films that the model has learnt from.")
]
AdmissionOption = Annotated[Admission, option(help="As for predict.")]
Page = Annotated[Path | None, option(metavar="FILE.html", help="Write the page here.")]
Json = Annotated[Path | None, option(metavar="FILE", help="Write all figures here, as JSON.")]
Quiet = Annotated[bool, option("--quiet", "-q", help="No progress and no closing lines.")]


def options(
    data: Path, films: Path | None, positive: str, negative: str, split: str, *, unseen: bool
) -> LabelOptions:
    """What the options that all commands on labelled films share come to."""
    from xrayscan.evaluation.films import LabelOptions

    return LabelOptions(data, films, _names(positive), _names(negative), split, unseen)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
