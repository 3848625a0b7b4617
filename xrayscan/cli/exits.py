"""Exit codes, and the one place where faults become a sentence and a code."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import ParamSpec

import typer

from xrayscan.errors import UsageError, XrayscanError

P = ParamSpec("P")


class Exit(IntEnum):
    """The contract's exit codes; 128 plus the signal for stopped runs."""

    DONE = 0
    FATAL = 1
    USAGE = 2
    UNREADABLE = 3
    TOO_MANY_FAILURES = 4
    POSITIVE = 5


def reported(command: Callable[P, Exit | int]) -> Callable[P, None]:
    """Make a command that returns its exit code into one that exits with it.

    What xrayscan raises on purpose is said in its one sentence. Anything else is a defect of
    xrayscan: said in one sentence as well, with the traceback for those who ask by ``--verbose``.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except UsageError as fault:
            code = _say(str(fault), Exit.USAGE)
        except XrayscanError as fault:
            code = _say(str(fault), Exit.FATAL)
        except BrokenPipeError:  # whoever read our output has gone, e.g. `head`
            code = Exit.FATAL
        except MemoryError:
            code = _say("out of memory; give a smaller --batch-size or fewer --workers", Exit.FATAL)
        except Exception as fault:
            logging.getLogger(__name__).debug("unexpected fault", exc_info=True)
            words = f"{type(fault).__name__}: {fault}".partition("\n")[0]
            code = _say(f"unexpected fault ({words}); run with --verbose and report it", Exit.FATAL)
        raise typer.Exit(code)

    return run


def _say(sentence: str, code: Exit) -> Exit:
    # a name that is no UTF-8 must not turn the message into another fault
    printable = f"xrayscan: {sentence}".encode("utf-8", "backslashreplace").decode("utf-8")
    sys.stderr.write(printable + "\n")
    return code
