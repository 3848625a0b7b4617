"""What a person sees of a running job, and how signals reach it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from xrayscan.cli.exits import remark
from xrayscan.pipeline import RunHooks

# SIGHUP: the terminal was closed; Windows has none
_STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class StoppedAtOnce(KeyboardInterrupt):
    """The second stopping signal: ends the command on the way that lets everything clean up."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = number


class StopRequest:
    """Remembers the first stopping signal; the second one raises, and a third one kills."""

    def __init__(self, words: str = "stopping after this batch") -> None:
        self.signal: int | None = None
        self._words = words

    def received(self) -> bool:
        return self.signal is not None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the context lasts, but for signals that are to be ignored (``nohup``)."""
        before = {number: signal.getsignal(number) for number in _STOPPING}
        heard = [number for number, handler in before.items() if handler != signal.SIG_IGN]
        for number in heard:
            signal.signal(number, self._note)
        try:
            yield
        finally:
            for number in heard:
                signal.signal(number, before[number])

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            signal.signal(number, signal.SIG_DFL)
            raise StoppedAtOnce(number)
        self.signal = number
        remark(f"xrayscan: {self._words}; once more stops at once")


@contextmanager
def progress_bar(total: int, stop: StopRequest, *, quiet: bool) -> Iterator[RunHooks]:
    """Show rate and remaining time on a terminal; say nothing elsewhere."""
    from tqdm import tqdm

    hidden = quiet or not sys.stderr.isatty()
    with (
        tqdm(total=total, unit="film", disable=hidden, dynamic_ncols=True) as bar,
        stop.listening(),
    ):
        yield RunHooks(stop=stop.received, progress=bar.update)


@contextmanager
def quiet_libraries(*, verbose: bool) -> Iterator[None]:
    """Keep standard error for xrayscan's own messages while the context lasts.

    What C libraries write there by themselves (libtiff does, of damaged files) every row already
    says in its reason. File descriptors belong to the whole process: to be opened before threads
    are, and before logging is set up.

    Args:
        verbose: leave everything as it is.
    """
    if sys.stderr is None:  # closed; the next file to be opened would take its place
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    try:
        own = sys.stderr.fileno() == 2 and not verbose
    except (OSError, ValueError):  # not the process's own
        own = False
    if not own:
        yield
        return
    before = sys.stderr
    with (
        open(os.dup(2), "w", buffering=1, encoding=before.encoding, errors=before.errors) as kept,  # noqa: PTH123
        open(os.devnull, "w") as nowhere,  # noqa: PTH123
    ):
        before.flush()
        os.dup2(nowhere.fileno(), 2)
        sys.stderr = kept
        try:
            yield
        finally:
            sys.stderr = before
            os.dup2(kept.fileno(), 2)


def set_up_logging(*, verbose: bool) -> None:
    """Send xrayscan's own messages to stderr; what libraries say about odd files stays silent."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    own = logging.getLogger("xrayscan")
    own.handlers = [handler]
    own.setLevel(logging.DEBUG if verbose else logging.WARNING)
    own.propagate = False
    # pydicom and Pillow log and warn of what every row already says in its reason, and of odd
    # headers of good films; switched off here, as no reading thread could do it for itself alone
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
