"""Scans read in processes that may hang or crash."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import CancelledError, Future
from typing import cast

from pebble import ProcessExpired, ProcessPool

from xrayscan.errors import ScanError
from xrayscan.reading.scans import Read, Reading, ReadOptions, refused
from xrayscan.records import Assessment, Reason, Scan, Status

# Loaded once by the process that the reading ones are forked from.
_PRELOADED = ["xrayscan.reading.scans", "pydicom", "simplejpeg", "PIL.Image"]


class Processes:
    """Reads scans in other processes; a scan's hang or crash becomes its row."""

    def __init__(self, options: ReadOptions, read: Read) -> None:
        self._options = options
        self._read = read
        self._pool = ProcessPool(options.workers, context=_context())
        self._begun: set[Future[Reading]] = set()
        self._is_open = True
        self._lock = threading.Lock()

    def read(self, scan: Scan) -> Reading:
        try:
            try:
                return self._result(scan)
            except ProcessExpired:
                # whoever stops this run by a signal to all its processes, or is short of memory,
                # kills readers that have done nothing wrong: only what crashes twice is the file's
                return self._result(scan)
        except TimeoutError:
            words = f"its decoder did not end within {self._options.time_limit:g} s"
        except ProcessExpired as fault:
            words = f"its decoder crashed twice (exit code {fault.exitcode})"
        fault_of_file = ScanError(Reason.DECODER, f"{words}; open it elsewhere, save it anew")
        return Reading(refused(Assessment(scan, Status.UNREADABLE), fault_of_file))

    def close(self) -> None:
        """Stop the processes; who waits for one hears of it."""
        with self._lock:
            self._is_open = False
            for task in self._begun:
                task.cancel()
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def _result(self, scan: Scan) -> Reading:
        limit = self._options.time_limit
        with self._lock:
            if not self._is_open:
                raise CancelledError
            task = cast(
                "Future[Reading]",
                self._pool.schedule(self._read, args=(scan, self._options), timeout=limit),
            )
            self._begun.add(task)
        try:
            return task.result()
        finally:
            with self._lock:
                self._begun.discard(task)


def _context() -> multiprocessing.context.BaseContext:
    """Where it can be, processes forked from one that has loaded the decoders and no threads."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context
