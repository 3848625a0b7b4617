"""How tests start processes that signals are sent to, and wait for what they do."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable


def heed_signals() -> None:
    """As in a terminal, even where the tests run under nohup or in the background; before exec."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def wait_for(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so, and fail where it does not become so in time."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)
