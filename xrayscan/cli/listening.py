"""What a person sees of a running job, and how signals reach it."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType
from typing import TypeVar

from xrayscan.cli.events import Events
from xrayscan.cli.exits import remark
from xrayscan.errors import StoppedError
from xrayscan.job.options import LOG_FILES
from xrayscan.journal.atomic import keep_permissions, unwritable
from xrayscan.pipeline import RunHooks
from xrayscan.records import Assessment
from xrayscan.wording import visible

T = TypeVar("T")
OpenHooks = Callable[[int], AbstractContextManager[RunHooks]]

PROGRESS_EVERY_S = 60.0  # off a terminal: a line a minute is read, more fill the log
LOG_BYTES = 5_000_000  # about 40,000 lines

# SIGHUP: the terminal was closed; Windows has none
_STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class StoppedBySignal(KeyboardInterrupt):
    """A stopping signal that ends the command on the way that lets everything clean up.

    Args:
        number: the signal.
        sentence: what to say; "" says that it was stopped at once.
    """

    def __init__(self, number: int, sentence: str = "") -> None:
        super().__init__(sentence)
        self.signal = number


class StopRequest:
    """Remembers the first stopping signal; the second one raises, and a third one kills."""

    def __init__(self, words: str = "stopping after this batch") -> None:
        self.signal: int | None = None
        self._words = words

    def received(self) -> bool:
        return self.signal is not None

    def listening(self) -> AbstractContextManager[None]:
        """Listen while the context lasts."""
        return _handled_by(self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            _stop_at_once(number, frame)
        self.signal = number
        remark(f"xrayscan: {self._words}; once more stops at once")


def stopping_at_once() -> AbstractContextManager[None]:
    """Have the first signal stop while the context lasts, where no batch is there to be finished.

    Left alone, all but SIGINT would end the process with its lock in place.
    """
    return _handled_by(_stop_at_once)


def _stop_at_once(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise StoppedBySignal(number)


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle stopping signals, but for those that are to be ignored (``nohup``)."""
    before = {number: signal.getsignal(number) for number in _STOPPING}
    heard = [number for number, earlier in before.items() if earlier != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


@contextmanager
def listening(
    total: int, stop: StopRequest, *, quiet: bool, events: Events | None = None
) -> Iterator[RunHooks]:
    """Listen to a run: signals, and progress as a bar on a terminal, as a line now and then off it.

    Args:
        total: films to assess.
        stop: remembers signals.
        quiet: show no progress.
        events: told of every row; None for none.
    """
    from tqdm import tqdm

    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    line = ProgressLine(total, shown=not (quiet or on_terminal))
    hidden = quiet or not on_terminal
    with (
        tqdm(total=total, unit="film", disable=hidden, dynamic_ncols=True) as bar,
        stop.listening(),
    ):

        def assessed(rows: Sequence[Assessment]) -> None:
            bar.update(len(rows))
            line.update(len(rows))
            if events is not None:
                events.assessed(rows)

        yield RunHooks(stop=stop.received, assessed=assessed)


def run_measuring(run: Callable[[OpenHooks], T], *, quiet: bool, verbose: bool) -> T:
    """Run what measures on labelled films, with its progress shown and signals heard.

    Args:
        run: does the work, given what opens its hooks.
        quiet: show no progress.
        verbose: say everything.

    Raises:
        StoppedBySignal: it was stopped between two batches.
    """
    stop = StopRequest()
    with quiet_libraries(verbose=verbose):
        set_up_logging(verbose=verbose)
        try:
            return run(partial(listening, stop=stop, quiet=quiet))
        except StoppedError as fault:
            raise StoppedBySignal(stop.signal or signal.SIGINT, str(fault)) from None


class ProgressLine:
    """Says at a sensible interval how far a run is, where no bar can be shown."""

    def __init__(
        self, total: int, *, shown: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._shown = shown
        self._clock = clock
        self._done = 0
        self._started = self._said = clock()

    def update(self, count: int) -> None:
        self._done += count
        now = self._clock()
        if not self._shown or now - self._said < PROGRESS_EVERY_S or self._done >= self._total:
            return
        self._said = now
        rate = self._done / (now - self._started)
        minutes = math.ceil((self._total - self._done) / rate / 60)
        remark(
            f"xrayscan: {self._done} of {self._total} films, {rate:.1f} a second, "
            f"about {minutes} min left"
        )


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


def set_up_logging(
    *, verbose: bool, usual: int = logging.WARNING, log_file: Path | None = None
) -> None:
    """Send xrayscan's own messages to stderr; what libraries say about odd files stays silent.

    Args:
        verbose: say everything, such as every file's outcome.
        usual: from which level on to speak otherwise.
        log_file: where to write the run's course as well; renewed at ``LOG_BYTES``, with
            ``LOG_FILES`` older ones kept.

    Raises:
        XrayscanError: the log file cannot be written.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Visible("%(asctime)s %(message)s", "%H:%M:%S"))
    handler.setLevel(logging.DEBUG if verbose else usual)
    own = logging.getLogger("xrayscan")
    for old in own.handlers:
        old.close()
    own.handlers = [handler, *([] if log_file is None else [_log_handler(log_file)])]
    own.setLevel(logging.DEBUG if verbose or log_file else usual)
    own.propagate = False
    # pydicom and Pillow log and warn of what every row already says in its reason, and of odd
    # headers of good films; switched off here, as no reading thread could do it for itself alone
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")


class _Visible(logging.Formatter):
    """Names of folders and classes may hold what steers a terminal, or begins a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return visible(super().formatMessage(record))


class _LogFile(RotatingFileHandler):
    """A log that a run goes on without where it cannot be written any more: said once."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, "a", LOG_BYTES, LOG_FILES, encoding="utf-8", errors="backslashreplace"
        )
        self._path = path
        self._is_lost = False

    def doRollover(self) -> None:  # noqa: N802
        """Whoever may not read the earlier log must not read the new one."""
        super().doRollover()
        keep_permissions(self._path.with_name(f"{self._path.name}.1"), self._path)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say what is wrong; logging would print a traceback for each line that is lost."""
        fault = sys.exception()
        if not isinstance(fault, OSError):
            super().handleError(record)
        elif not self._is_lost:
            self._is_lost = True
            remark(f"xrayscan: {unwritable(self._path, fault)}; the log is not whole")


def _log_handler(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path)
    except OSError as fault:
        raise unwritable(path, fault) from None
    handler.setFormatter(_Visible("%(asctime)s %(levelname)s %(message)s"))
    return handler
