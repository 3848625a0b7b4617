"""Evaluations kept in a model's folder, so that its card's page says how good it is, and on whom.

They stand beside ``card.json``, not in it: a model is known by its card's sha256, and does not
become another one by being measured.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError

from xrayscan import __version__
from xrayscan.clock import today
from xrayscan.errors import XrayscanError
from xrayscan.evaluation.model_readme import README, model_readme
from xrayscan.evaluation.outputs import write_json
from xrayscan.journal.atomic import atomic_text, check_writable
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.evaluations import FILE, SCHEMA, of_card, read_evaluations

# Of all that is measured: enough to choose a model by, and small enough for its page.
_AT_THRESHOLD = ("sensitivity", "specificity", "accuracy")
_CALIBRATION = ("expected_calibration_error",)

log = logging.getLogger(__name__)


def check_keeping(card: ModelCard) -> None:
    """Check that evaluations can be kept, before hours are spent.

    Raises:
        XrayscanError: the folder cannot be written to, or holds evaluations that are none.
    """
    for name in (FILE, README):
        check_writable(card.folder / name)
    _read(card)


def keep(card: ModelCard, name: str, facts: Mapping[str, Any]) -> None:
    """Keep the main figures of an evaluation in the model's folder, and write its page anew.

    One of the same name is replaced; those of an earlier model in this folder are dropped.

    Args:
        card: of the model that was measured.
        name: what it was measured on, for people.
        facts: as ``evaluate`` has them.

    Raises:
        XrayscanError: the folder cannot be written to.
    """
    earlier = _read(card)
    mine = of_card(card, earlier)
    if len(mine) < len(earlier):
        log.warning("%s: evaluations of another model are dropped", card.folder / FILE)
    entries = [each for each in mine if each.get("name") != name]
    entries.append(_entry(card, name, facts))
    write_json(card.folder / FILE, {"schema": SCHEMA, "evaluations": entries})
    with atomic_text(card.folder / README) as file:
        file.write(model_readme(card.facts, entries))


def _read(card: ModelCard) -> list[dict[str, Any]]:
    """The evaluations of a model's folder, such as its page can be drawn with."""
    path = card.folder / FILE
    try:
        earlier = read_evaluations(card)
        model_readme(card.facts, of_card(card, earlier))
    except FileNotFoundError:
        return []
    except (OSError, AttributeError, LookupError, TypeError, ValueError, TemplateError):
        raise XrayscanError(
            f"{path}: holds no evaluations that can be added to; move it away, or put back the "
            "one that was there"
        ) from None
    return earlier


def _entry(card: ModelCard, name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    measures, flow = facts["measures"], facts["flow"]
    return {
        "name": name,
        "date": today(),
        "xrayscan": __version__,
        "model_sha256": card.sha256,
        "data": facts["data"],
        "options": facts["options"],
        "films": measures["films"],
        "without_probability": flow["without_probability"],
        "learnt_from": flow["learnt_from"],
        "rule": facts["rule"],
        "threshold": facts["threshold"],
        "auc": measures["ranking"].get("auc", {"value": None, "interval": None}),
        **{key: measures["at_threshold"][key] for key in _AT_THRESHOLD},
        **{
            key: measures["calibration"].get(key, {"value": None, "interval": None})
            for key in _CALIBRATION
        },
        "subgroups": facts["subgroups"],
    }
