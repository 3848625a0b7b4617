"""``xrayscan fit``: train a model on a labelled folder."""

from __future__ import annotations

import gc
import logging
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xrayscan.cli.exits import Exit, echo, reported, source, stopped_by
from xrayscan.cli.needs import TRAINING, need
from xrayscan.cli.options import option
from xrayscan.errors import OptionError, StoppedError, UsageError

if TYPE_CHECKING:
    from xrayscan.cli.listening import StopRequest
    from xrayscan.training.options import FitHooks, FitOptions, Recipe

_OF_TRAINING = (
    "epochs",
    "batch_size",
    "learning_rate",
    "optimizer",
    "unfreeze",
    "augmentation",
    "smoothing",
    "label_smoothing",
    "patience",
    "precision",
)

_OF_PATHS = ("data", "out", "origin", "distill", "ensemble_of")
_OF_THE_MOMENT = ("resume", "workers", "quiet", "verbose")  # they change nothing of the model


@reported
def fit(
    context: typer.Context,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with one folder per class, or with train (and val, test) holding them; or "
            "a CSV with columns path, label and, if known, patient, split, weight and others.",
        ),
    ],
    out: Annotated[Path, option(metavar="FOLDER", help="Model folder to write.")],
    arch: Annotated[
        str,
        option(
            metavar="NAME",
            help="cnn, densenet121, resnet50, mobilenet, cnn_transformer, efficientnet_lite0, vit, "
            "swin, or any of keras.applications as keras:NAME. Default: that of the model to start "
            "from.",
        ),
    ] = "",
    origin: Annotated[
        str,
        option(
            "--from",
            envvar="XRAYSCAN_FIT_FROM",  # others are made of the parameter's name
            metavar="MODEL|FILE|imagenet|none",
            help="A model to fine-tune, a file of backbone weights, imagenet (asks the network) or "
            "none. Default: the bundled model where its architecture is wanted, else none.",
        ),
    ] = "",
    preset: Annotated[
        str,
        option(
            metavar="NAME",
            help="A recipe of the bundled models, bundled-*, or of a published project: "
            "published-cnn, published-cnn-transformer, published-densenet121, "
            "published-mobilenet or published-resnet50. Options that are given win.",
        ),
    ] = "",
    classes: Annotated[
        str,
        option(
            metavar="NAMES",
            help="Take only these classes, A,B or A,B,C, the negative one first; or subtype: "
            "NORMAL, BACTERIA and VIRUS from the names of Kermany's films. Default: all.",
        ),
    ] = "",
    epochs: Annotated[
        int,
        option(
            min=0,
            help="In all, after the head; 0 trains nothing and makes the model of --from anew: "
            "calibration, thresholds, admission and heat maps on these films.",
        ),
    ] = 8,
    batch_size: Annotated[int, option(min=2, help="Films per training step.")] = 32,
    learning_rate: Annotated[
        float, option(min=0, help="Highest of the schedule; 0 takes the architecture's.")
    ] = 0.0,
    optimizer: Annotated[str, option(metavar="NAME", help="adamw or adam.")] = "adamw",
    unfreeze: Annotated[
        str,
        option(
            metavar="WHAT",
            help="What is trained after the head: all, last (blocks, at a very low rate), none, or "
            "auto: as the architecture's authors do.",
        ),
    ] = "auto",
    augmentation: Annotated[
        str,
        option(metavar="PRESET", help="none, seed (as published), strong, archives or margins."),
    ] = "strong",
    smoothing: Annotated[
        int | None,
        option(
            min=0,
            max=9,
            help="Passes of a 3 x 3 mean over the film before the network, so that it does not "
            "lean on fine detail that scaling and compression change. Default: that of the model "
            "to start from, else 0.",
        ),
    ] = None,
    label_smoothing: Annotated[float, option(min=0, max=0.5, help="Of the targets.")] = 0.05,
    patience: Annotated[
        int, option(min=0, help="Stop after this many epochs without a better one; 0 never does.")
    ] = 0,
    precision: Annotated[
        str, option(metavar="WHAT", help="float32, mixed, or auto: mixed on a GPU.")
    ] = "auto",
    distill: Annotated[
        str,
        option(metavar="MODEL", help="Learn from this model's probabilities beside the labels."),
    ] = "",
    ensemble_of: Annotated[
        list[str] | None,
        option(
            metavar="MODEL",
            help="Train nothing, but make one scorer of several models; give it for each.",
        ),
    ] = None,
    mirrored: Annotated[
        bool,
        option(
            "--mirrored",
            help="With --ensemble-of: look at each film's mirror image, too, at twice the time.",
        ),
    ] = False,
    int8: Annotated[
        bool,
        option(
            "--int8",
            help="Write the scorer in 8-bit integers, if it ranks about as well: half the time, a "
            "quarter of the size, coarser heat maps. Needs xrayscan[int8].",
        ),
    ] = False,
    resume: Annotated[
        bool,
        option(
            "--resume",
            help="Go on with a training that was stopped, or add epochs to a finished model; where "
            "no epoch was finished, begin anew.",
        ),
    ] = False,
    seed: Annotated[
        int, option(min=0, max=2**32 - 1, help="Of everything that chance decides.")
    ] = 7,
    folds: Annotated[int, option(min=2, help="Validate on one part in this many, by patient.")] = 7,
    limit: Annotated[
        int, option(min=0, help="A quick trial on about this many films; 0 takes all.")
    ] = 0,
    name: Annotated[str, option(help="The model's name in its card. Default: the folder's.")] = "",
    population: Annotated[
        str, option(metavar="TEXT", help="Whose films these are, for the card.")
    ] = "",
    licence: Annotated[
        str, option(metavar="TEXT", help="The data's source and licence, for the card.")
    ] = "",
    keep_leaks: Annotated[
        bool,
        option("--keep-leaks", help="Train on films that are also in val or test, too."),
    ] = False,
    workers: Annotated[
        int, option(min=0, help="Threads for films; 0 takes one per available core.")
    ] = 0,
    quiet: Annotated[bool, option("--quiet", "-q", help="Say only what is wrong.")] = False,
    verbose: Annotated[bool, option("--verbose", "-v", help="Say more on standard error.")] = False,
) -> int:
    """Train a model on a labelled folder.

    Patients are kept apart, the head is trained first and then the rest, and the epoch that is best
    on patients never trained on is kept. The folder it writes has the model, the scorer that
    predict runs, thresholds chosen on those patients, a card and a report with all of it. Stopped
    at any moment, it goes on by --resume.
    """
    from xrayscan.cli.listening import quiet_libraries

    need("fit", TRAINING)
    _check_trains(context)
    # the context has paths as text with typer before 0.29
    options = _options(_with_preset(context) | {"data": data, "out": out})
    options = replace(options, command=_command(context))
    with quiet_libraries(verbose=verbose):  # TensorFlow says much of itself on start
        code = _run(options, quiet=quiet, verbose=verbose)
        gc.collect()  # what is left of a stopped training, of which TensorFlow complains at exit
    return code


def _run(options: FitOptions, *, quiet: bool, verbose: bool) -> int:
    from xrayscan.cli.listening import StopRequest, set_up_logging
    from xrayscan.training.fit import fit as run_fit

    set_up_logging(verbose=verbose, usual=logging.WARNING if quiet else logging.INFO)
    stop = StopRequest("stopping after this step")
    try:
        with stop.listening():
            folder = run_fit(options, _hooks(stop, quiet=quiet))
    except StoppedError as fault:
        return stopped_by(stop.signal or signal.SIGINT, str(fault))
    if folder and not quiet:
        echo(f"model written to {folder}; try: xrayscan predict FOLDER --model {folder}")
    return Exit.DONE


def _with_preset(context: typer.Context) -> dict[str, Any]:
    """The command's values; the preset's where the user gave none."""
    from xrayscan.training.presets import preset

    given = context.params
    return given | {
        name: value
        for name, value in preset(given["preset"]).items()
        if not _is_given(context, name)
    }


def _is_given(context: typer.Context, name: str) -> bool:
    return source(context, name) != "DEFAULT"


def _command(context: typer.Context) -> str:
    """The command as it was given, for the card; of paths the names alone."""
    return shlex.join(["xrayscan", "fit", *_words(context)])


def _words(context: typer.Context) -> Iterator[str]:
    from xrayscan.training.options import last_name

    for parameter in context.command.params:
        name = str(parameter.name)
        value = context.params[name]
        # a flag can be given as off by its environment variable, and has no word for that
        if name in _OF_THE_MOMENT or value is False or not _is_given(context, name):
            continue
        spelling = [max(parameter.opts, key=len)] if parameter.param_type_name == "option" else []
        for each in value if isinstance(value, (list, tuple)) else [value]:
            yield from spelling
            if not isinstance(each, bool):
                yield last_name(each) if name in _OF_PATHS else str(each)


def _check_trains(context: typer.Context) -> None:
    """Refuse what is asked of a training where there is none."""
    if context.params["ensemble_of"]:
        command, used = "--ensemble-of", set[str]()
    elif not _with_preset(context)["epochs"]:
        command, used = "--epochs 0", {"epochs", "smoothing"}  # it can go in front of any network
    else:
        return
    idle = [name for name in _OF_TRAINING if name not in used and _is_given(context, name)]
    if idle:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
        raise UsageError(f"{command}: trains nothing; leave {names} out")


def _options(values: dict[str, Any]) -> FitOptions:
    from xrayscan.cores import available_cores
    from xrayscan.training.options import FitOptions

    texts = ("classes", "name", "population", "licence")
    others = ("folds", "limit", "keep_leaks", "resume", "mirrored", "int8")
    return FitOptions(
        values["data"],
        values["out"],
        values["arch"],
        values["origin"],
        teacher=values["distill"],
        ensemble_of=tuple(values["ensemble_of"] or ()),
        workers=values["workers"] or available_cores(),
        recipe=_recipe(values),
        **{name: values[name] for name in (*texts, *others)},
    )


def _recipe(values: dict[str, Any]) -> Recipe:
    from xrayscan.training.learning.augmentation import PRESETS
    from xrayscan.training.options import Optimizer, Precision, Recipe, Unfreeze

    chosen = {
        "optimizer": [each.value for each in Optimizer],
        "unfreeze": [each.value for each in Unfreeze],
        "precision": [each.value for each in Precision],
        "augmentation": list(PRESETS),
    }
    for name, choices in chosen.items():
        if values[name] not in choices:
            raise OptionError(name, values[name], f"choose one of {', '.join(choices)}")
    direct = ("epochs", "batch_size", "learning_rate", "label_smoothing", "smoothing")
    return Recipe(
        optimizer=Optimizer(values["optimizer"]),
        unfreeze=Unfreeze(values["unfreeze"]),
        precision=Precision(values["precision"]),
        patience=values["patience"],
        seed=values["seed"],
        augmentation=values["augmentation"],
        **{name: values[name] for name in direct},
    )


def _hooks(stop: StopRequest, *, quiet: bool) -> FitHooks:
    from tqdm import tqdm

    from xrayscan.training.options import FitHooks

    shown = sys.stderr.isatty() and not quiet
    bar = partial(tqdm, file=sys.stderr, unit="step", dynamic_ncols=True) if shown else None
    return FitHooks(stop.received, bar)
