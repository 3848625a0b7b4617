"""Options from a TOML file: below the command line and the environment, above the defaults."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import typer

from xrayscan.cli.exits import reported_usage
from xrayscan.errors import UsageError


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take a file's values as the command's defaults; called by typer before other options.

    Args:
        context: the command's.
        path: the file; None for none.
    """
    if path is None:
        return None
    with reported_usage():
        context.default_map = _values(context, path)
    return path


def _values(context: typer.Context, path: Path) -> dict[str, Any]:
    command = str(context.info_name)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get(command, {})
    except OSError as fault:
        words = (fault.strerror or str(fault)).lower()
        raise UsageError(f"--config {path}: cannot be read ({words})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UsageError(f"--config {path}: is no TOML ({fault}); mend it there") from None
    names = {str(each.name): each for each in context.command.params}
    if not isinstance(table, dict):
        raise UsageError(f"--config {path}: {command} is no table; write [{command}]")
    values = {name.replace("-", "_"): value for name, value in table.items()}
    unknown = sorted(values.keys() - names.keys())
    if unknown:
        raise UsageError(f"--config {path}: there is no option {unknown[0]}; see --help")
    return values
