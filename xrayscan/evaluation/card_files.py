"""The last files of a model folder: its card, which vouches for all others, and the page of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xrayscan.evaluation.model_readme import README, model_readme
from xrayscan.scoring.card import CARD, file_sha256


def write_card(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write ``card.json`` and README of a model folder that has all else.

    Args:
        folder: the model folder.
        facts: the card, but for the sha256 of the files that lie there.

    Raises:
        OSError: they cannot be written.
    """
    files = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    card = json.dumps({**facts, "files": files}, indent=1, allow_nan=False)
    (folder / CARD).write_text(f"{card}\n", encoding="utf-8")
    (folder / README).write_text(model_readme(facts), encoding="utf-8")
