"""One scan from its file to pixels, and the processes or threads in which that happens."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from pebble import ProcessExpired, ProcessPool

from xrayscan.errors import ScanError
from xrayscan.intake.dicom_header import identifiers
from xrayscan.intake.options import USUAL, DecodeOptions
from xrayscan.intake.read import check_settled, decode, read_content
from xrayscan.intake.resize import network_input, viewing_copy
from xrayscan.records import Assessment, Reason, Scan, Status

# Longest side of the report's pictures, pixels: two fit side by side on a common screen.
VIEW_SIDE = 512
# Loaded once by the process that the reading ones are forked from.
_PRELOADED = ["xrayscan.reading", "pydicom", "simplejpeg", "PIL.Image"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How scans are read.

    Attributes:
        input_size: side of the square that the model takes, pixels; 0 where none is to look at
            films: they are read and checked alone.
        workers: processes or threads that read and decode.
        time_limit: seconds that one file may take, each file in a process that may hang or crash;
            0 reads on threads of this process, which cannot be stopped.
        min_age: files changed less than this many seconds ago are left for the next run.
        with_identifiers: rows name patients.
        decoding: how pictures are decoded.
    """

    input_size: int
    workers: int
    time_limit: float = 0.0
    min_age: float = 0.0
    with_identifiers: bool = False
    decoding: DecodeOptions = USUAL


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one scan gave: the row so far and, if it may be scored, the pixels.

    Attributes:
        row: with what is known by now.
        pixels: (S, S) float32, 0..255.
        view: (h, w) uint8.
        contradictions: of the file's header.
    """

    row: Assessment
    pixels: NDArray[np.float32] | None = None
    view: NDArray[np.uint8] | None = None
    contradictions: tuple[str, ...] = ()


class Read(Protocol):
    """Reads one scan; every fault of its file ends as its row."""

    def __call__(self, scan: Scan, options: ReadOptions, /) -> Reading: ...


class Begun(Protocol):
    """A reading that has begun."""

    def result(self) -> Reading:
        """Wait for it.

        Raises:
            MemoryError: there was not enough for this film beside what else was in hand.
        """


Submit = Callable[[Scan], Begun]


def read_scan(scan: Scan, options: ReadOptions) -> Reading:
    """Read, check and decode one scan; every fault of the file ends here, as its row."""
    # one process or thread per core reads; OpenCV's own threads would only get in their way
    cv2.setNumThreads(1)
    row = Assessment(scan, Status.UNREADABLE)
    try:
        check_settled(scan, options.min_age)
        content = read_content(scan.location)
        _check_size_as_listed(scan, len(content.data))
        row = replace(row, sha256=content.sha256)
        if options.with_identifiers:
            row = replace(row, identifiers=identifiers(content.data))
        radiograph = decode(content, scan.name, options.decoding)
    except ScanError as fault:
        return Reading(refused(row, fault))
    row = replace(
        row,
        format=radiograph.format,
        width=radiograph.width,
        height=radiograph.height,
        detail="; ".join(radiograph.notes),
        facts=radiograph.facts,
    )
    if not options.input_size:
        return Reading(row)
    return Reading(
        row,
        network_input(radiograph, options.input_size),
        viewing_copy(radiograph, VIEW_SIDE),
        radiograph.contradictions,
    )


def _check_size_as_listed(scan: Scan, size: int) -> None:
    """Refuse a file that was written to after it was looked at, however shortly."""
    if scan.modified_ns and size != scan.size_bytes:
        raise ScanError(Reason.GROWING, "changed while it was read; the next run takes it")


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
    processes = _Processes(options, read) if options.time_limit else None
    threads = ThreadPoolExecutor(options.workers, thread_name_prefix="read")

    def read_in_turn(scan: Scan) -> Reading:
        with cores:
            return processes.read(scan) if processes else read(scan, options)

    try:
        yield lambda scan: threads.submit(read_in_turn, scan)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        if processes:
            processes.close()
        threads.shutdown()


class _Processes:
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


def refused(row: Assessment, fault: ScanError) -> Assessment:
    """The row of a file that was stopped by a fault of its own."""
    return replace(
        row,
        status=fault.reason.status,
        reason=fault.reason,
        detail=fault.detail,
        format=fault.format,
        width=fault.size[0] if fault.size else None,
        height=fault.size[1] if fault.size else None,
    )
