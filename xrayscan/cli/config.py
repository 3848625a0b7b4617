"""Options from a TOML file: below the command line and the environment, above the defaults."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from xrayscan.cli.exits import reported_usage
from xrayscan.errors import UsageError, words_of


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of options.

    Attributes:
        path: of the file.
        values: the command's options there, by their names as on the command line.
    """

    path: Path
    values: Mapping[str, Any]

    def blamed(self, sentence: str) -> str:
        """A sentence about an option, as one about this file where the value is from here."""
        for name, value in self.values.items():
            if sentence.startswith(f"--{name} {value}: "):
                return f"--config {self.path}: {sentence.removeprefix('--')}"
        return sentence


def read_config(context: typer.Context, file: str | None) -> ConfigFile | None:
    """Take a file's values as the command's defaults; called by typer before other options.

    Args:
        context: the command's.
        file: its path; None for none.
    """
    if file is None:
        return None
    path = Path(file)
    with reported_usage():
        values = _values(context, path)
        context.default_map = {name.replace("-", "_"): value for name, value in values.items()}
    return ConfigFile(path, values)


def _values(context: typer.Context, path: Path) -> dict[str, Any]:
    table = _table(context, path)
    options = {
        str(each.name).replace("_", "-"): each
        for each in context.command.params
        if not each.is_eager
    }
    values = {name.replace("_", "-"): value for name, value in table.items()}
    for name, value in values.items():
        if name not in options:
            raise UsageError(f"--config {path}: there is no option {name}; see --help")
        option = options[name]
        takes_several = option.nargs == -1 or getattr(option, "multiple", False)
        if isinstance(value, list) != takes_several:
            form = "a list, in brackets" if takes_several else "one value, no list"
            raise UsageError(f"--config {path}: {name} {value}: give {form}")
        try:
            option.process_value(context, value)
        except typer.BadParameter as fault:
            raise UsageError(f"--config {path}: {name} {value}: {fault.message}") from None
    return values


def _table(context: typer.Context, path: Path) -> Mapping[str, Any]:
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
    return table
