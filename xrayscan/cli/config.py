"""Options from a TOML file: below the command line and the environment, above the defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from xrayscan.errors import OptionError, words_of


def read_config(context: typer.Context, file: str | None) -> str | None:
    """Take a file's values as the command's defaults; called by typer before other options.

    Args:
        context: the command's.
        file: its path; None for none.
    """
    if file is not None:
        values = _values(context, Path(file))
        context.default_map = {name.replace("-", "_"): value for name, value in values.items()}
    return file


def _values(context: typer.Context, path: Path) -> dict[str, Any]:
    table = _table(context, path)
    options = {
        str(each.name).replace("_", "-"): each
        for each in context.command.params
        if not each.is_eager
    }
    values = {name.replace("_", "-"): _at_home(value) for name, value in table.items()}
    for name, value in values.items():
        if name not in options:
            raise OptionError("config", path, f"there is no option {name}; see --help")
        option = options[name]
        takes_several = option.nargs == -1 or getattr(option, "multiple", False)
        if isinstance(value, list) != takes_several:
            form = "a list, in brackets" if takes_several else "one value, no list"
            raise OptionError("config", path, f"{name} {value}: give {form}")
        try:
            option.process_value(context, value)
        except typer.BadParameter as fault:
            raise OptionError("config", path, f"{name} {value}: {fault.message}") from None
    return values


def _at_home(value: Any) -> Any:
    """Write ``~/`` out, as a shell does on the command line."""
    if isinstance(value, list):
        return [_at_home(each) for each in value]
    if isinstance(value, str) and value.startswith("~/"):
        return os.path.expanduser(value)  # noqa: PTH111  # stays as it is where no home is known
    return value


def _table(context: typer.Context, path: Path) -> Mapping[str, Any]:
    command = str(context.info_name)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise OptionError("config", path, f"cannot be read ({words_of(fault)})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise OptionError("config", path, f"is no TOML ({fault}); mend it there") from None
    # commands may share a file; what is no command's would be passed over without a word
    commands = getattr(context.find_root().command, "commands", {command})
    for name in tables:
        if name not in commands:
            raise OptionError(
                "config", path, f"there is no command {name}; put options below [{command}]"
            )
    table = tables.get(command, {})
    if not isinstance(table, dict):
        raise OptionError("config", path, f"{command} is no table; write [{command}]")
    return table
