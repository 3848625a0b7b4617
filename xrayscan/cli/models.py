"""``xrayscan models``: list, show and verify model folders."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from xrayscan.cli.exits import Exit, echo, reported
from xrayscan.resources import DEFAULT_MODEL, bundled_models, model_folder

models = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, show and verify models."
)

_Model = Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A bundled model or a folder.")]


@models.command("list")
@reported
def list_models() -> int:
    """List the bundled models."""
    from xrayscan.scoring.card import load_card

    for name, folder in bundled_models().items():
        card = load_card(folder)
        default = " (default)" if name == DEFAULT_MODEL else ""
        auc = card.facts["results"]["auc"]
        echo(f"{name}{default}: {card.architecture}, {card.facts['score']}, AUC {auc:.4f}")
    return Exit.DONE


@models.command()
@reported
def show(model: _Model) -> int:
    """Print a model's card as JSON."""
    from xrayscan.scoring.card import load_card

    echo(json.dumps(load_card(model_folder(model)).facts, indent=1, ensure_ascii=False))
    return Exit.DONE


@models.command()
@reported
def verify(model: _Model) -> int:
    """Check every file of a model folder against the sha256 in its card."""
    from xrayscan.scoring.card import load_card

    card = load_card(model_folder(model))
    echo(f"{card.folder}: {len(card.facts['files'])} files as the card describes them")
    return Exit.DONE
