"""Exit codes, and the one place where faults become a sentence and a code."""

from __future__ import annotations

import functools
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any, ParamSpec

import typer
from typer.core import TyperCommand

from xrayscan.errors import LockedError, OptionError, UsageError, XrayscanError
from xrayscan.wording import visible

P = ParamSpec("P")


class Exit(IntEnum):
    """The contract's exit codes; 128 plus the signal for stopped runs.

    FATAL comes with its sentence, but for one case: where whoever reads standard output has gone
    (``| head -1``), nobody is left who waits for the rest, and nothing is said.
    """

    DONE = 0
    FATAL = 1
    USAGE = 2
    UNREADABLE = 3
    TOO_MANY_FAILURES = 4
    POSITIVE = 5
    DRIFT = 6
    LOCKED = 11


def reported(command: Callable[P, Exit | int]) -> Callable[P, None]:
    """Make a command that returns its exit code into one that exits with it.

    What xrayscan raises on purpose is said in its one sentence. Anything else is a defect of
    xrayscan: said in one sentence as well, with the traceback for those who ask by ``--verbose``.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except BrokenPipeError:
            code = Exit.FATAL
        except KeyboardInterrupt as fault:
            code = stopped_by(getattr(fault, "signal", signal.SIGINT), _sentence(fault))
        except OptionError:
            raise  # ``Command`` knows where its value is from
        except Exception as fault:
            code = _say(_sentence(fault), _code(fault))
        raise typer.Exit(code)

    return run


class Command(TyperCommand):
    """A command that says of a wrong value where it is from: command line, environment or file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # a click of typer's own, or not
        with _blamed(ctx):
            return list(super().parse_args(ctx, args))

    def invoke(self, ctx: Any) -> Any:
        with _blamed(ctx):
            return super().invoke(ctx)


@contextmanager
def _blamed(context: Any) -> Iterator[None]:
    """Say what is wrong with an option's value, and exit; typer says so of what it finds itself."""
    try:
        yield
    except typer.BadParameter as fault:
        if fault.param and source(context, fault.param.name) == "ENVIRONMENT":
            fault.param_hint = f"'{_variable(context, fault.param)}'"
        raise
    except OptionError as fault:
        raise typer.Exit(_say(_where_from(context, fault), Exit.USAGE)) from None


def _where_from(context: Any, fault: OptionError) -> str:
    """The sentence about an option's value, as one about the variable or file that gave it."""
    found = (each for each in context.command.params if f"--{fault.option}" in each.opts)
    parameter = next(found, None)
    given_by = source(context, parameter.name) if parameter else ""
    if given_by == "ENVIRONMENT":
        given = "" if fault.value is None else f"={fault.value}"
        return f"{_variable(context, parameter)}{given}: {fault.words}"
    sentence = str(fault)
    if given_by == "DEFAULT_MAP":
        return f"--config {context.params['config']}: {sentence.removeprefix('--')}"
    return sentence


def source(context: Any, name: str) -> str:
    """Where an option's value is from: COMMANDLINE, ENVIRONMENT, DEFAULT_MAP (a file) or DEFAULT.

    Args:
        context: the command's.
        name: of the parameter.
    """
    # by its name: typer may bring a click of its own
    return getattr(context.get_parameter_source(name), "name", "")


def _variable(context: Any, parameter: Any) -> str:
    option = max(parameter.opts, key=len).lstrip("-")
    return f"{context.auto_envvar_prefix}_{option.replace('-', '_').upper()}"


def _code(fault: Exception) -> Exit:
    if isinstance(fault, LockedError):
        return Exit.LOCKED
    return Exit.USAGE if isinstance(fault, UsageError) else Exit.FATAL


def stopped_by(number: int, sentence: str) -> int:
    """Say why a command was stopped, and return the code of the signal."""
    _say(sentence, Exit.FATAL)
    return 128 + number


def echo(line: str) -> None:
    """Write lines to standard output, as UTF-8; faults of it are said as those of any output.

    Raises:
        XrayscanError: it is closed or cannot be written.
    """
    from xrayscan.journal.standard_output import standard_output

    with standard_output() as file:
        file.write(f"{_printable(line)}\n")


def remark(text: str) -> None:
    """Write lines to standard error, where that is still possible."""
    # the terminal has gone, or never was, or a signal came in the middle of another line
    with suppress(OSError, ValueError, AttributeError, RuntimeError):
        sys.stderr.write(f"{_printable(text)}\n")


def _printable(text: str) -> str:
    """Lines in which a name can neither steer the terminal nor, where it is no UTF-8, fail."""
    return "\n".join(map(visible, text.split("\n")))


def _sentence(fault: BaseException) -> str:
    """What went wrong and, from its notes, where what was finished is."""
    if isinstance(fault, XrayscanError):
        words = str(fault)
    elif isinstance(fault, MemoryError):
        words = "out of memory; give a smaller --batch-size or fewer --workers"
    elif isinstance(fault, KeyboardInterrupt):
        words = str(fault) or "stopped at once"
    else:
        logging.getLogger(__name__).debug("unexpected fault", exc_info=fault)
        short = f"{type(fault).__name__}: {fault}".partition("\n")[0]
        words = f"unexpected fault ({short}); run with --verbose and report it"
    return "; ".join((words, *getattr(fault, "__notes__", ())))


def _say(sentence: str, code: Exit) -> Exit:
    remark(f"xrayscan: {sentence}")
    return code
