"""``xrayscan evaluate``: measure a model on labelled films."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from xrayscan.cli import film_options as film
from xrayscan.cli import label_options as label
from xrayscan.cli.exits import Exit, echo, reported
from xrayscan.cli.needs import MEASURING, need
from xrayscan.cli.options import option
from xrayscan.cli.values import page_file
from xrayscan.intake.admission import Admission
from xrayscan.resources import DEFAULT_MODEL


@reported
def evaluate(
    data: label.Data,
    model: film.Model = DEFAULT_MODEL,
    report: label.Page = None,
    json: label.Json = None,
    csv: Annotated[Path | None, option(metavar="FILE", help="Write one row per film here.")] = None,
    threshold: Annotated[
        str, option(metavar="RULE", help="As for predict. Default: the card's.")
    ] = "",
    prevalence: Annotated[
        float | None,
        option(metavar="SHARE", help="Give predictive values at this prevalence, too: 0 to 1."),
    ] = None,
    subgroup: Annotated[
        list[str] | None,
        option(
            metavar="COLUMN",
            help="Measure groups of this column, too; age, sex and view are where they are known. "
            "Can be repeated.",
        ),
    ] = None,
    positive: label.Positive = "",
    negative: label.Negative = "",
    films: label.Films = None,
    split: label.Split = "",
    unseen: label.Unseen = False,
    explanations: Annotated[
        bool,
        option("--explanations", help="Test the heat maps as well; takes a few minutes."),
    ] = False,
    admission: label.AdmissionOption = Admission.ON,
    keep_as: Annotated[
        str,
        option(
            metavar="NAME",
            help="Keep the main figures in the model's folder and on its page, under this name.",
        ),
    ] = "",
    workers: film.Workers = 0,
    quiet: label.Quiet = False,
    verbose: film.Verbose = False,
) -> int:
    """Measure a model on labelled films, with intervals.

    Films go the way of predict. Those without a probability are counted both ways: left out, and
    as referred. Figures, curves, subgroups, failures with heat maps and the reporting checklist go
    into the page; all figures into the JSON.
    """
    from xrayscan.cli.listening import run_measuring
    from xrayscan.cores import available_cores
    from xrayscan.evaluation.evaluate import EvaluateOptions
    from xrayscan.evaluation.evaluate import evaluate as run

    need("evaluate", MEASURING)
    options = EvaluateOptions(
        label.options(data, films, positive, negative, split, unseen=unseen),
        model,
        threshold,
        prevalence,
        tuple(subgroup or ()),
        admission,
        workers or available_cores(),
        explanations,
        page_file(report),
        json,
        csv,
        keep_as,
    )
    found = run_measuring(lambda hooks: run(options, hooks), quiet=quiet, verbose=verbose)
    if not quiet:
        for line in summary_lines(found.facts):
            echo(line)
    return Exit.DONE


def summary_lines(facts: Mapping[str, Any]) -> list[str]:
    """The run in a few lines: films, AUC, sensitivity and specificity, or why there are none."""
    flow, measures = facts["flow"], facts["measures"]
    at, ranking = measures["at_threshold"], measures["ranking"]
    lines = [
        f"{flow['labelled']} films of {flow['patients']} patients: {flow['scored']} scored, "
        f"{flow['without_probability']} without a probability"
    ]
    if "why" in ranking:
        lines.append(ranking["why"])
        if not flow["scored"]:
            return lines
    else:
        lines.append(f"AUC {measure_words(ranking['auc'])}")
    words = ", ".join(
        f"{name} {measure_words(at[name])}" for name in ("sensitivity", "specificity")
    )
    lines.append(f"at {facts['threshold']:.4f} ({facts['rule']}): {words}")
    return lines


def measure_words(row: Mapping[str, Any]) -> str:
    """A measure with its interval, or why there is none."""
    from xrayscan.evaluation.estimates import words

    if row["value"] is None:
        return f"none ({row['why'].rstrip('.')})"
    return words(row["value"], row["interval"])
