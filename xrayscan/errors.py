"""The errors xrayscan raises on purpose.

Each carries one sentence that names the file, the fault and the next step; the command line prints
that sentence and nothing else.
"""

from __future__ import annotations

from xrayscan.records import Reason


class XrayscanError(Exception):
    """A fault of the whole run: said in one sentence, exit code 1."""


class UsageError(XrayscanError):
    """The command was called with values that cannot work: exit code 2.

    A file, folder or model that is named and not there, or cannot be opened, is such a value; what
    is wrong within one is not.
    """


class OptionError(UsageError):
    """An option has a value that cannot work.

    Attributes:
        option: its name without dashes.
        value: as it was given; None where it need not be said.
        words: what is wrong, and the next step.
    """

    def __init__(self, option: str, value: object, words: str) -> None:
        super().__init__(option, value, words)  # all three: it may be sent from a process
        self.option, self.value, self.words = option, value, words

    def __str__(self) -> str:
        given = "" if self.value is None else f" {self.value}"
        return f"--{self.option}{given}: {self.words}"


class LockedError(XrayscanError):
    """Another run is at work on the same output: exit code 11."""


class ModelError(XrayscanError):
    """A model folder is incomplete, damaged or not what its card says."""


class DataError(XrayscanError):
    """A labelled folder cannot be trained or measured on as it is."""


class StoppedError(XrayscanError):
    """Training or measuring was stopped by a signal; of a training, what was finished is kept."""


class WorkersLostError(XrayscanError):
    """A cluster is lost in the middle of a run; what is finished is kept."""


class ScanError(Exception):
    """A fault of one file. It becomes that file's row and never ends a run.

    Attributes:
        reason: machine-readable code for the CSV's ``reason`` column.
        detail: the fault and the next step, in words, without the path (the row has it).
        format: the file format as told by its content, "" where that is unknown.
        size: (width, height) in pixels of a picture that was decoded all the same.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        format: str = "",
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.format = format
        self.size = size


def words_of(fault: Exception) -> str:
    """What the system says of a fault, such as "permission denied"; of any other its own words."""
    return (getattr(fault, "strerror", None) or str(fault) or type(fault).__name__).lower()
