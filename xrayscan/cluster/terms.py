"""What a worker has to have in common with the run that it works for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xrayscan.assessing import AssessOptions
from xrayscan.errors import UsageError
from xrayscan.reporting.run_record import versions
from xrayscan.resources import bundled_models, model_folder
from xrayscan.scoring.card import CARD, ModelCard, file_sha256


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run asks of a worker.

    Attributes:
        run: tells this run from all others.
        versions: of xrayscan and of what else can change a result.
        model: name of a bundled model, which may lie elsewhere there, or an absolute folder.
        card_sha256: of the model's card, which vouches for all its files.
        folders: absolute paths that films lie below, the same there as here.
        options: how films are assessed.
        with_pictures: send pictures back for the report.
    """

    run: str
    versions: Mapping[str, str]
    model: str
    card_sha256: str
    folders: tuple[str, ...]
    options: AssessOptions
    with_pictures: bool


def own_versions() -> dict[str, str]:
    """Versions that results hang on; Python's own is not one of them."""
    return {name: value for name, value in versions().items() if name != "python"}


def model_name(model: str, card: ModelCard) -> str:
    """How a worker finds the run's model: by name where it is bundled, else by its folder."""
    return model if model in bundled_models() else str(card.folder.absolute())


def fault_of(terms: Terms) -> str:
    """What keeps this worker from taking part, and the next step; "" where nothing does."""
    return _other_versions(terms) or missing_folder(terms) or _other_model(terms)


def missing_folder(terms: Terms) -> str:
    """Which of the films' folders this worker does not see, in words."""
    unseen = [folder for folder in terms.folders if not os.path.exists(folder)]  # noqa: PTH110
    return f"does not see {unseen[0]}; mount the share there under the same path" if unseen else ""


def card_file(terms: Terms) -> Path:
    """Where this worker has the model's card.

    Raises:
        UsageError: it has no such model.
    """
    return model_folder(terms.model) / CARD


def _other_versions(terms: Terms) -> str:
    here = own_versions()
    for name, wanted in terms.versions.items():
        if here.get(name) != wanted:
            return f"has {name} {here.get(name)} and this run {wanted}; install the same there"
    return ""


def _other_model(terms: Terms) -> str:
    try:
        found = file_sha256(card_file(terms))
    except (UsageError, OSError):
        return f"has no model {terms.model}; bring it there under the same path"
    if found != terms.card_sha256:
        both = f"card sha256 {found[:12]} and this run's {terms.card_sha256[:12]}"
        return f"has another model {terms.model} ({both}); bring the same there"
    return ""
