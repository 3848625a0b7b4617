"""Scans read in processes that may hang or crash."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import cast

from pebble import ProcessExpired, ProcessPool

from xrayscan.errors import ScanError
from xrayscan.reading.scans import VIEW_SIDE, Read, Reading, ReadOptions, refused
from xrayscan.reading.shared_arrays import ALIGNMENT, Address, Placed, SharedArrays, place
from xrayscan.records import Assessment, Reason, Scan, Status

# Loaded once by the process that the reading ones are forked from.
_PRELOADED = ["xrayscan.reading.scans", "simplejpeg", "PIL.Image"]

# What comes back of a scan: its row with the pixels, or where they were put.
_Parcel = tuple[Reading, tuple[Placed, ...] | None]


class Processes:
    """Reads scans in other processes; a scan's hang or crash becomes its row.

    As many as there are processes may be read at once. Pixels come by memory that both see, where
    there is any: through a pipe they cost as much as half of the decoding.
    """

    def __init__(self, options: ReadOptions, read: Read) -> None:
        self._options = options
        self._read = read
        warm_up()
        self._pool = ProcessPool(
            options.workers, initializer=_keep_libraries_silent, context=_context()
        )
        self._begun: set[Future[_Parcel]] = set()
        self._is_open = True
        self._lock = threading.Lock()
        self._memory: SimpleQueue[SharedArrays | None] = SimpleQueue()
        for _ in range(options.workers):
            self._memory.put(_memory_for(options))

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

    def stop(self) -> None:
        """Stop the processes; who waits for one hears of it."""
        with self._lock:
            self._is_open = False
            for task in self._begun:
                task.cancel()
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def close(self) -> None:
        """Let go of the memory, once nothing is read any more."""
        while not self._memory.empty():
            memory = self._memory.get()
            if memory:
                memory.close()

    def _result(self, scan: Scan) -> Reading:
        with self._own_memory() as memory:
            reading, placed = self._parcel(scan, memory.address if memory else None)
            if not (memory and placed):
                return reading
            pixels, view = memory.copies(placed)
        return replace(reading, pixels=pixels, view=view)

    @contextmanager
    def _own_memory(self) -> Iterator[SharedArrays | None]:
        """Memory that one scan has to itself: a process that was stopped writes to it no more."""
        memory = self._memory.get()
        try:
            yield memory
        finally:
            self._memory.put(memory)

    def _parcel(self, scan: Scan, address: Address | None) -> _Parcel:
        limit = self._options.time_limit
        with self._lock:
            if not self._is_open:
                raise CancelledError
            arguments = (self._read, scan, self._options, address)
            task = cast(
                "Future[_Parcel]", self._pool.schedule(_read_apart, args=arguments, timeout=limit)
            )
            self._begun.add(task)
        try:
            return task.result()
        finally:
            with self._lock:
                self._begun.discard(task)


def _keep_libraries_silent() -> None:
    """Let libraries warn of nothing in this process: pydicom's warnings can quote a patient."""
    warnings.simplefilter("ignore")


def _read_apart(read: Read, scan: Scan, options: ReadOptions, address: Address | None) -> _Parcel:
    """Read a scan in this process for another one, and put its pixels where that one said."""
    reading = read(scan, options)
    if address and reading.pixels is not None and reading.view is not None:
        placed = place(address, (reading.pixels, reading.view))
        if placed:
            return replace(reading, pixels=None, view=None), placed
    return reading, None


def _memory_for(options: ReadOptions) -> SharedArrays | None:
    """What holds a scan's pixels and view; None where there is no such memory."""
    with suppress(OSError):
        return SharedArrays(4 * options.input_size**2 + VIEW_SIDE**2 + ALIGNMENT)
    return None


def warm_up() -> None:
    """Begin to start what processes are forked from; it takes half a second, and is not waited for.

    Without it, the first ``Processes`` of a run do so. A terminal's signals go to all processes of
    a run, and are for the first one alone: the others are born with them blocked, as one that dies
    before its first scan would break the pool.
    """
    if _context().get_start_method() != "forkserver":
        return
    from multiprocessing import forkserver, resource_tracker  # not there on every system

    resource_tracker.ensure_running()  # else started by the next one, which unblocks SIGINT then
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _context() -> multiprocessing.context.BaseContext:
    """Where it can be, processes forked from one that has loaded the decoders and no threads."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context
