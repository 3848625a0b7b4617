"""What a model gave on films of others, as ``evaluate --keep-as`` leaves it beside the card."""

from __future__ import annotations

import json
from typing import Any

from xrayscan.scoring.card import ModelCard

FILE = "evaluations.json"
SCHEMA = 1


def read_evaluations(card: ModelCard) -> list[dict[str, Any]]:
    """Read what is kept in a model's folder, of this model or of one that was there before.

    Raises:
        OSError: there is none, or it cannot be read.
        AttributeError, LookupError, TypeError, ValueError: it holds something else.
    """
    found = json.loads((card.folder / FILE).read_text(encoding="utf-8"))
    if found["schema"] != SCHEMA:
        raise ValueError(found["schema"])
    return [dict(each) for each in found["evaluations"]]


def of_card(card: ModelCard, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the very model that the card describes."""
    return [each for each in entries if each["model_sha256"] == card.sha256]


def evaluations(card: ModelCard) -> list[dict[str, Any]]:
    """What is kept of a model; nothing where it cannot be read: no run ends for it."""
    try:
        return of_card(card, read_evaluations(card))
    except (OSError, AttributeError, LookupError, TypeError, ValueError):
        return []
