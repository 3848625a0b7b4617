"""What commands on labelled films ask before the work, and how they write figures after it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xrayscan.errors import OptionError, UsageError
from xrayscan.intake.overwriting import check_output
from xrayscan.journal.atomic import atomic_text, check_writable

SCHEMA = 1  # of the figures as JSON


def check_outputs(outputs: Sequence[Path | None], inputs: Sequence[Path]) -> None:
    """Refuse outputs that stand for each other, for an input or for a film.

    Raises:
        UsageError: one of them does.
        XrayscanError: one of them cannot be written.
    """
    files = [path for path in outputs if path is not None]
    places = [os.path.realpath(path) for path in files]
    if len(set(places)) < len(places):
        raise UsageError(f"{files[0]}: is given for two outputs; give each a name of its own")
    for path, place in zip(files, places, strict=True):
        if place in map(os.path.realpath, inputs):
            raise UsageError(f"{path}: is read in this run; give another name for the output")
        check_output(path, expendable=True)
        check_writable(path)


def check_prevalence(prevalence: float | None) -> None:
    """Refuse what is no share of films that has both kinds among them; None is none.

    Raises:
        UsageError: it is one.
    """
    if prevalence is not None and not 0 < prevalence < 1:
        raise OptionError("prevalence", f"{prevalence:g}", "must lie between 0 and 1")


def write_json(path: Path, facts: Mapping[str, Any]) -> None:
    """Write plain values, whole or not at all."""
    with atomic_text(path) as file:
        json.dump(facts, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
