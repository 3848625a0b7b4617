"""What a person sees of a running job, and how signals reach it."""

from __future__ import annotations

import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from xrayscan.pipeline import RunHooks

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Remembers the first stopping signal; the second one acts as if this were not here."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def received(self) -> bool:
        return self.signal is not None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the context lasts."""
        before = {number: signal.signal(number, self._note) for number in _STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        for each in _STOPPING:
            signal.signal(each, signal.SIG_DFL)
        sys.stderr.write("xrayscan: stopping after this batch; once more stops at once\n")


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
