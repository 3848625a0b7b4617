"""``xrayscan models``: list, show, verify and export model folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from xrayscan.cli.evaluate import measure_words
from xrayscan.cli.exits import Command, Exit, echo, reported
from xrayscan.cli.needs import EXPORTING, need
from xrayscan.cli.options import option
from xrayscan.resources import DEFAULT_MODEL, bundled_models, model_folder

models = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, show, verify and export models."
)

_Model = Annotated[
    str, typer.Argument(metavar="NAME|FOLDER", help="A bundled model or a model folder.")
]


@models.command("list", cls=Command)
@reported
def list_models() -> int:
    """List the bundled models."""
    from xrayscan.scoring.card import load_card
    from xrayscan.scoring.evaluations import evaluations

    for name, folder in bundled_models().items():
        card = load_card(folder)
        default = " (default)" if name == DEFAULT_MODEL else ""
        echo(f"{name}{default}: {card.architecture}, {card.facts['score']}")
        kept = [(each["name"], measure_words(each["auc"])) for each in evaluations(card)]
        for on, auc in kept or [("its validation films", f"{card.facts['results']['auc']:.4f}")]:
            echo(f"  AUC {auc} on {on}")
    return Exit.DONE


@models.command(cls=Command)
@reported
def show(model: _Model) -> int:
    """Print a model's card as JSON."""
    from xrayscan.scoring.card import load_card

    echo(json.dumps(load_card(model_folder(model)).facts, indent=1))
    return Exit.DONE


@models.command(cls=Command)
@reported
def verify(model: _Model) -> int:
    """Check every file of a model folder against the sha256 in its card."""
    from xrayscan.scoring.card import load_card

    card = load_card(model_folder(model))
    echo(f"{card.folder}: {len(card.facts['files'])} files as the card describes them")
    return Exit.DONE


@models.command(cls=Command)
@reported
def export(
    model: _Model,
    format: Annotated[
        str, option(metavar="FORMAT", help="onnx (needs xrayscan[onnx]), tflite or saved_model.")
    ],
    out: Annotated[
        Path, option(metavar="PATH", help="File to write; of saved_model a folder, as it is.")
    ],
) -> int:
    """Write a model for other runtimes: ONNX, TFLite or SavedModel.

    Pixels go in; probability, heat maps and embedding come out. What was written is run on test
    films and compared with the scorer before it is delivered. A JSON beside it says what goes in
    and comes out, and has the thresholds.
    """
    from xrayscan.cli.listening import quiet_libraries, set_up_logging
    from xrayscan.errors import OptionError
    from xrayscan.training.outcome.deliver import ExportOptions, export_model
    from xrayscan.training.outcome.formats import Format

    need("models export", EXPORTING)
    if format not in list(Format):
        raise OptionError("format", format, f"give {', '.join(Format)}")
    options = ExportOptions(model, Format(format), out)
    with quiet_libraries(verbose=False):
        set_up_logging(verbose=False)
        difference = export_model(options)
    echo(f"{out}: as the scorer within {difference:.1g}; {options.facts.name} describes it")
    return Exit.DONE
