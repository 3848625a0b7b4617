"""JPEG 2000 as DICOM uses it: decoded, with a check that every code-block ends with its code.

The arithmetic coder accepts any bytes, so that decoders are silent about damage within a block. But
a damaged code does not end where its bytes do. Whether it does is checked by OpenJPEG in files that
declare "predictable termination", and the declaration changes nothing else in decoding: declared on
a copy, it makes OpenJPEG look. Numbers like A.6.1 are sections of ITU-T T.800.
"""

from __future__ import annotations

import logging
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.records import Reason

_CODING_STYLE, _TILE_PART = 0xFF52, 0xFF90  # COD, SOT
_PREDICTABLE = 0x10  # predictable termination, A.6.1 and table A.19
# Passes that bypass the coder, end each on their own, or are high-throughput: not looked at.
_OTHER_CODES = 0x01 | 0x04 | 0x40
_VERBOSE = 2  # at which the decoder's warnings are logged
_LEFT_OVER = re.compile(r"PTERM check failure: \d+ remaining bytes")
_READ_BEYOND = re.compile(r"PTERM check failure: (\d+) synthesized")
# Bytes by which a good code-block can be read beyond its end: 4 seen in real files of three other
# encoders, 39 in lossy films of OpenJPEG's own; damage leaves hundreds.
_MOST_BEYOND = 64


def decode_jpeg2000(frame: bytes) -> NDArray[Any]:
    """Decode a JPEG 2000 codestream: (H, W) or (H, W, 3), integers.

    Raises:
        ScanError: a code-block does not end where its code does.
        imagecodecs.Jpeg2kError: it cannot be decoded; cut ones are among these.
    """
    start = frame.find(b"\xff\x4f\xff\x51")  # some files wrap it in boxes
    with _complaints() as complaints:
        declared = _with_termination_declared(frame[max(start, 0) :])
        pixels = imagecodecs.jpeg2k_decode(declared, verbose=_VERBOSE, numthreads=1)
    for words in complaints:
        beyond = _READ_BEYOND.search(words)
        if _LEFT_OVER.search(words) or (beyond and int(beyond[1]) > _MOST_BEYOND):
            detail = f"the picture data is damaged (a code-block is not whole); {COPY_AGAIN}"
            raise ScanError(Reason.DAMAGED, detail, "JPEG 2000")
    return np.asarray(pixels)


def size(frame: bytes) -> tuple[int, int, int]:
    """Read width, height and number of components from a codestream's header (A.5.1).

    Raises:
        ValueError: there is none.
    """
    start = frame.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(frame) < start + 42:
        raise ValueError("no JPEG 2000 header")
    right, bottom, left, top = struct.unpack_from(">4L", frame, start + 8)
    (components,) = struct.unpack_from(">H", frame, start + 40)
    return right - left, bottom - top, components


def _with_termination_declared(stream: bytes) -> bytes:
    """Declare predictable termination in the main header, where that says nothing untrue."""
    position = 2
    while position + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, position)
        if marker == _CODING_STYLE and length >= 12:
            place = position + 12  # Scod, SGcod (4), levels, width, height of code-blocks before it
            if not stream[place] & _OTHER_CODES:
                style = bytes([stream[place] | _PREDICTABLE])
                return stream[:place] + style + stream[place + 1 :]
        if marker in (_CODING_STYLE, _TILE_PART):
            break
        position += 2 + length
    return stream


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what the decoder logs on this thread while the context lasts."""
    thread, collected = threading.get_ident(), []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                collected.append(record.getMessage())

    logger, handler = logging.getLogger("imagecodecs"), Collector(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield collected
    finally:
        logger.removeHandler(handler)
