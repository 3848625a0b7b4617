"""Whether outputs can be written, and would destroy nothing: asked before the work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xrayscan.errors import UsageError
from xrayscan.intake.overwriting import is_worth_keeping
from xrayscan.journal.atomic import check_writable


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
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; give the name of a file to write")
        if place in map(os.path.realpath, inputs):
            raise UsageError(f"{path}: is read in this run; give another name for the output")
        if is_worth_keeping(path, expendable=True):
            raise UsageError(f"{path}: exists, and is a film; give another name")
        check_writable(path)
