"""``xrayscan fit``: train a model on a labelled folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from xrayscan.cli.exits import Exit, reported
from xrayscan.cli.options import option
from xrayscan.errors import UsageError


@reported
def fit(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with one folder per class, or with train (and val) holding them.",
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
            metavar="MODEL|FILE|imagenet|none",
            help="A model to fine-tune, a file of backbone weights, imagenet (asks the network) or "
            "none. Default: the bundled model where its architecture is wanted, else none.",
        ),
    ] = "",
    epochs: Annotated[int, option(min=1, help="Epochs over the whole network.")] = 8,
    batch_size: Annotated[int, option(min=2, help="Films per training step.")] = 32,
    learning_rate: Annotated[float, option(min=0, help="Highest of the schedule.")] = 3e-4,
    augmentation: Annotated[
        str, option(metavar="PRESET", help="none, seed (as published) or strong.")
    ] = "strong",
    seed: Annotated[int, option(help="Of everything that chance decides.")] = 7,
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
    quiet: Annotated[bool, option("--quiet", "-q", help="Say only what is wrong.")] = False,
) -> int:
    """Train a model on a labelled folder.

    Patients are kept apart, the head is trained first and then the whole network, and the epoch
    that is best on patients never trained on is kept. The folder it writes has the model, the
    scorer that predict runs, thresholds chosen on those patients, and a card with all of it.
    """
    from xrayscan.cli.listening import set_up_logging
    from xrayscan.training.augmentation import PRESETS
    from xrayscan.training.fit import fit as run_fit
    from xrayscan.training.options import FitOptions, Recipe

    set_up_logging(verbose=False)
    logging.getLogger("xrayscan").setLevel(logging.WARNING if quiet else logging.INFO)
    if augmentation not in PRESETS:
        raise UsageError(f"--augmentation {augmentation}: choose one of {', '.join(PRESETS)}")
    recipe = Recipe(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        augmentation=augmentation,
        seed=seed,
    )
    options = FitOptions(
        data,
        out,
        architecture=arch,
        origin=origin,
        name=name,
        population=population,
        licence=licence,
        keep_leaks=keep_leaks,
        recipe=recipe,
    )
    folder = run_fit(options)
    if not quiet:
        typer.echo(f"model written to {folder}; try: xrayscan predict FOLDER --model {folder}")
    return Exit.DONE
