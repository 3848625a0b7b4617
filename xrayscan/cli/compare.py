"""``xrayscan compare``: several models on the same labelled films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from xrayscan.cli import film_options as film
from xrayscan.cli import label_options as label
from xrayscan.cli.evaluate import measure_words
from xrayscan.cli.exits import Exit, echo, reported
from xrayscan.cli.needs import MEASURING, need
from xrayscan.cli.options import option
from xrayscan.cli.values import page_file
from xrayscan.intake.admission import Admission
from xrayscan.resources import DEFAULT_MODEL


@reported
def compare(
    data: label.Data,
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
            help="As for predict; given several times, each model has a row for each. Default: "
            "each card's.",
        ),
    ] = None,
    ensemble: Annotated[
        bool, option("--ensemble", help="Add the mean of all probabilities as one more row.")
    ] = False,
    report: label.Page = None,
    json: label.Json = None,
    positive: label.Positive = "",
    negative: label.Negative = "",
    films: label.Films = None,
    split: label.Split = "",
    unseen: label.Unseen = False,
    admission: label.AdmissionOption = Admission.ON,
    workers: film.Workers = 0,
    quiet: label.Quiet = False,
    verbose: film.Verbose = False,
) -> int:
    """Compare models, thresholds or outputs on the same films.

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
        label.options(data, films, positive, negative, split, unseen=unseen),
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
