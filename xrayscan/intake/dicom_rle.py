"""Run-length coded frames of DICOM files (PS3.5, annex G)."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.intake.run_lengths import expand
from xrayscan.records import Reason


def decode_rle(frame: bytes, planes: int, pixels: int) -> NDArray[Any]:
    """Decode an RLE frame whose segments hold exactly their bytes (DICOM PS3.5, G.3 to G.5).

    Args:
        frame: the coded frame.
        planes: bytes per pixel; each is coded in a segment of its own, the highest first.
        pixels: in the picture.

    Returns:
        (pixels,) uint8, uint16 or uint32 of a grey frame; of any other (planes, pixels) uint8.

    Raises:
        ScanError: a segment is missing, or holds too few or too many bytes.
    """
    count, *starts = struct.unpack_from("<16L", frame.ljust(64, b"\0"))
    ends = [*starts[1:planes], len(frame)]
    coded = [frame[start:end] for start, end in zip(starts[:planes], ends, strict=False)]
    segments = [expand(segment, pixels) for segment in coded]
    if count != planes or len(segments) != planes or None in segments:
        detail = f"its run-length coded picture is not whole; {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, Format.DICOM)
    lowest_first = [np.frombuffer(segment or b"", np.uint8) for segment in reversed(segments)]
    if planes not in (1, 2, 4):
        return np.stack(lowest_first)
    return np.stack(lowest_first, axis=1).view(f"<u{planes}").ravel()
