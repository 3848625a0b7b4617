"""How tests start processes that signals are sent to."""

from __future__ import annotations

import signal


def heed_signals() -> None:
    """As in a terminal, even where the tests run under nohup or in the background; before exec."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
