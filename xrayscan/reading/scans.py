"""One scan from its file to pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.options import USUAL, DecodeOptions
from xrayscan.intake.read import check_settled, decode, read_content
from xrayscan.intake.resize import network_input, viewing_copy
from xrayscan.records import Assessment, Reason, Scan, Status

# Longest side of the report's pictures, pixels: two fit side by side on a common screen.
VIEW_SIDE = 512


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
            from xrayscan.intake.dicom_header import identifiers  # pydicom: see intake.read

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
