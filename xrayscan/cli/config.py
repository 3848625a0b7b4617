"""Options from a TOML file: below the command line and the environment, above the defaults."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import typer

from xrayscan.cli.exits import reported_usage
from xrayscan.errors import UsageError, words_of


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
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise UsageError(f"--config {path}: cannot be read ({words_of(fault)})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UsageError(f"--config {path}: is no TOML ({fault}); mend it there") from None
    # commands may share a file; what is no command's would be passed over without a word
    commands = getattr(context.find_root().command, "commands", {command})
    for name in tables:
        if name not in commands:
            raise UsageError(
                f"--config {path}: there is no command {name}; put options below [{command}]"
            )
    table = tables.get(command, {})
    if not isinstance(table, dict):
        raise UsageError(f"--config {path}: {command} is no table; write [{command}]")
    values = {name.replace("-", "_"): value for name, value in table.items()}
    unknown = sorted(values.keys() - {str(each.name) for each in context.command.params})
    if unknown:
        raise UsageError(f"--config {path}: there is no option {unknown[0]}; see --help")
    return values
