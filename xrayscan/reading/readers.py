"""Scans read side by side, on threads or in processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

from xrayscan.reading.scans import Read, Reading, ReadOptions, read_scan
from xrayscan.records import Scan


class Begun(Protocol):
    """A reading that has begun."""

    def result(self) -> Reading:
        """Wait for it.

        Raises:
            MemoryError: there was not enough for this film beside what else was in hand.
        """


Submit = Callable[[Scan], Begun]


@contextmanager
def readers(
    options: ReadOptions, cores: threading.Semaphore, read: Read = read_scan
) -> Iterator[Submit]:
    """Open what reads scans side by side; leaving the context drops what was not begun.

    Args:
        options: how, and on how many.
        cores: each scan takes one while it is read; what scores films may share them.
        read: what reads one scan; to run in other processes it must be a module's function.
    """
    processes = None
    if options.time_limit:
        # here: with what it needs it takes 20 ms to load, and many a night has no new films
        from xrayscan.reading.processes import Processes

        processes = Processes(options, read)
    threads = ThreadPoolExecutor(options.workers, thread_name_prefix="read")

    def read_in_turn(scan: Scan) -> Reading:
        with cores:
            return processes.read(scan) if processes else read(scan, options)

    try:
        yield lambda scan: threads.submit(read_in_turn, scan)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        if processes:
            processes.stop()
        threads.shutdown()
        if processes:
            processes.close()
