"""``xrayscan compare``: several models on the same labelled films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from xrayscan.cli.evaluate import (
    Data,
    Films,
    Negative,
    Positive,
    Quiet,
    Split,
    Unseen,
    Verbose,
    label_options,
    measure_words,
)
from xrayscan.cli.exits import Exit, echo, reported
from xrayscan.cli.film_options import Workers
from xrayscan.cli.needs import MEASURING, need
from xrayscan.cli.options import option
from xrayscan.cli.values import page_file
from xrayscan.intake.admission import Admission
from xrayscan.resources import DEFAULT_MODEL


@reported
def compare(
    data: Data,
    model: Annotated[
        list[str] | None,
        option(
            metavar="NAME|FOLDER",
            help=f"A model; give it for each. Default: {DEFAULT_MODEL}, where no --external is.",
        ),
    ] = None,
    external: Annotated[
        list[Path] | None,
        option(
            metavar="FILE.csv",
            help="Another model's outputs, with columns path and probability, as predict writes "
            "them; can be repeated.",
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        option(
            metavar="RULE",
            help="As of predict; given several times, each model has a row for each. Default: each "
            "card's.",
        ),
    ] = None,
    ensemble: Annotated[
        bool, option("--ensemble", help="Add the mean of all probabilities as one more row.")
    ] = False,
    report: Annotated[Path | None, option(metavar="FILE.html", help="Write the page here.")] = None,
    json: Annotated[
        Path | None, option(metavar="FILE", help="Write all figures here, as JSON.")
    ] = None,
    positive: Positive = "",
    negative: Negative = "",
    films: Films = None,
    split: Split = "",
    unseen: Unseen = False,
    admission: Annotated[Admission, option(help="As of predict.")] = Admission.ON,
    workers: Workers = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Compare models, thresholds or other models' outputs on the same films.

    On the films that all have a probability for: measures with intervals side by side, paired tests
    (DeLong for the AUC, McNemar for the calls), ROC curves in one picture, and the films on which
    the calls differ.
    """
    from xrayscan.cli.listening import run_measuring
    from xrayscan.cores import available_cores
    from xrayscan.evaluation.compare import CompareOptions
    from xrayscan.evaluation.compare import compare as run

    need("compare", MEASURING)
    options = CompareOptions(
        label_options(data, films, positive, negative, split, unseen=unseen),
        tuple(model or ()),
        tuple(external or ()),
        tuple(threshold or ()),
        ensemble,
        admission,
        workers or available_cores(),
        page_file(report),
        json,
    )
    facts = run_measuring(lambda hooks: run(options, hooks), quiet=quiet, verbose=verbose)
    if not quiet:
        for row in facts["rows"]:
            words = ", ".join(
                f"{title} {measure_words(row[name])}"
                for name, title in (("auc", "AUC"), ("sensitivity", "sensitivity"))
            )
            specificity = measure_words(row["specificity"])
            echo(f"{row['name']} ({row['rule']}): {words}, specificity {specificity}")
    return Exit.DONE
