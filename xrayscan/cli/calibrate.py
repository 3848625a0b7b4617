"""``xrayscan calibrate``: a site's own thresholds, from a small labelled folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from xrayscan.cli import film_options as film
from xrayscan.cli import label_options as label
from xrayscan.cli.exits import Exit, echo, reported
from xrayscan.cli.needs import MEASURING, need
from xrayscan.cli.options import option
from xrayscan.evaluation.correction import Correction
from xrayscan.intake.admission import Admission
from xrayscan.resources import DEFAULT_MODEL


@reported
def calibrate(
    data: label.Data,
    out: Annotated[Path, option(metavar="FOLDER", help="Folder of the site profile to write.")],
    model: film.Model = DEFAULT_MODEL,
    sensitivity: Annotated[
        float | None,
        option(metavar="SHARE", help="Choose a threshold that finds at least this share: 0.95."),
    ] = None,
    specificity: Annotated[
        float | None,
        option(metavar="SHARE", help="Choose one that clears at least this share of the others."),
    ] = None,
    prevalence: Annotated[
        float | None,
        option(
            metavar="SHARE",
            help="Share of positives among all films of the site, where the labelled ones were "
            "chosen otherwise: probabilities are shifted to it. Default: theirs.",
        ),
    ] = None,
    recalibration: Annotated[
        Correction,
        option(
            help="Correct probabilities: auto where that helps on other patients, none, or by one "
            "way in any case."
        ),
    ] = Correction.AUTO,
    population: Annotated[
        str, option(metavar="TEXT", help="Whose films these are, for the card.")
    ] = "",
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
    """Choose thresholds for one site, from a small labelled folder.

    Writes a profile: a model folder with the model's scorer unchanged, whose card has the site's
    thresholds with intervals and, where that helps on other patients, a correction of the
    probabilities. predict takes it by --model. Refuses what so few films cannot carry, and says how
    many would.
    """
    from xrayscan.cli.listening import run_measuring
    from xrayscan.cores import available_cores
    from xrayscan.evaluation.calibrate import CalibrateOptions
    from xrayscan.evaluation.calibrate import calibrate as run
    from xrayscan.evaluation.wishes import SENSITIVITY, SPECIFICITY, Wish

    wishes = ((SENSITIVITY, sensitivity), (SPECIFICITY, specificity))
    need("calibrate", MEASURING)
    options = CalibrateOptions(
        label.options(data, films, positive, negative, split, unseen=unseen),
        model,
        out,
        tuple(Wish(kind, aim) for kind, aim in wishes if aim is not None),
        prevalence,
        recalibration,
        population,
        admission,
        workers or available_cores(),
    )
    outcome = run_measuring(lambda hooks: run(options, hooks), quiet=quiet, verbose=verbose)
    if not quiet:
        for each in outcome.granted:
            for line in wish_lines(each):
                echo(line)
        echo(outcome.finding.words)
        echo(f"profile written to {out}; try: xrayscan predict FOLDER --model {out}")
    return Exit.DONE


def wish_lines(found: Mapping[str, Any]) -> list[str]:
    """What a wish came to, in sentences."""
    per = found["per_1000"]
    lines = [
        f"{found['wish']}: threshold {found['threshold']:.4f}; on these films sensitivity "
        f"{_share(found, 'sensitivity')}, specificity {_share(found, 'specificity')}"
    ]
    other = found["elsewhere"]
    if other is not None:
        lines.append(
            f"on other patients of the site expect sensitivity {other['sensitivity']:.3f}, "
            f"specificity {other['specificity']:.3f}"
        )
    missed, alarms = per["missed_interval"], per["false_alarms_interval"]
    lines.append(
        f"of 1,000 films ({1000 * per['prevalence']:.0f} positive) {per['referred']} are referred, "
        f"{per['missed']} missed ({missed[0]} to {missed[1]}), {per['false_alarms']} referred for "
        f"nothing ({alarms[0]} to {alarms[1]})"
    )
    return lines


def _share(found: Mapping[str, Any], name: str) -> str:
    from xrayscan.evaluation.estimates import words

    return words(found[name], found[f"{name}_interval"])
