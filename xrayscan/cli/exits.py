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

from xrayscan.errors import LockedError, UsageError, XrayscanError

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
        except Exception as fault:
            code = _say(_blamed(_sentence(fault), kwargs.get("config")), _code(fault))
        raise typer.Exit(code)

    return run


@contextmanager
def reported_usage() -> Iterator[None]:
    """Say what is wrong with an option that is read before its command runs, and exit."""
    try:
        yield
    except UsageError as fault:
        raise typer.Exit(_say(_sentence(fault), Exit.USAGE)) from None


def _code(fault: Exception) -> Exit:
    if isinstance(fault, LockedError):
        return Exit.LOCKED
    return Exit.USAGE if isinstance(fault, UsageError) else Exit.FATAL


def stopped_by(number: int, sentence: str) -> int:
    """Say why a command was stopped, and return the code of the signal."""
    _say(sentence, Exit.FATAL)
    return 128 + number


def echo(line: str) -> None:
    """Write a line to standard output, as UTF-8; faults of it are said as those of any output.

    Raises:
        XrayscanError: it is closed or cannot be written.
    """
    from xrayscan.journal.standard_output import standard_output

    with standard_output() as file:
        file.write(f"{line}\n")


def remark(text: str) -> None:
    """Write a line to standard error, where that is still possible."""
    # a name that is no UTF-8 must not turn the message into another fault
    printable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    # the terminal has gone, or never was, or a signal came in the middle of another line
    with suppress(OSError, ValueError, AttributeError, RuntimeError):
        sys.stderr.write(f"{printable}\n")


def _blamed(sentence: str, config: Any) -> str:
    """The sentence; of an option whose value stands in a ``ConfigFile``, with that named."""
    return sentence if config is None else str(config.blamed(sentence))


def _sentence(fault: BaseException) -> str:
    """What went wrong and, from its notes, where what was finished is."""
    if isinstance(fault, XrayscanError):
        words = str(fault)
    elif isinstance(fault, MemoryError):
        words = "out of memory; give a smaller --batch-size or fewer --workers"
    elif isinstance(fault, KeyboardInterrupt):
        words = "stopped at once"
    else:
        logging.getLogger(__name__).debug("unexpected fault", exc_info=fault)
        short = f"{type(fault).__name__}: {fault}".partition("\n")[0]
        words = f"unexpected fault ({short}); run with --verbose and report it"
    return "; ".join((words, *getattr(fault, "__notes__", ())))


def _say(sentence: str, code: Exit) -> Exit:
    remark(f"xrayscan: {sentence}")
    return code
