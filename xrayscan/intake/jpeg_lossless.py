"""Lossless JPEG (process 14), as DICOM uses it: decoded, and counted back to its coded length.

No decoder at hand says that it met the end of the data early or late: each fills up and is silent.
But what was decoded tells how many bits its code takes, and the file tells how many there are.
Numbers like H.1.2.1 are sections of ITU-T T.81.
"""

from __future__ import annotations

import struct
from typing import Any

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.intake.jpeg_scan import segments
from xrayscan.records import Reason

_LOSSLESS, _HUFFMAN_TABLES, _RESTART_INTERVAL, _SCAN = 0xC3, 0xC4, 0xDD, 0xDA
_STEPS = 1 << 16  # differences are taken modulo 2**16, H.1.2.1
_COUNTED = 1 << 23  # pixels counted at once: OpenCV counts in float32, exactly up to 2**24


def is_lossless(frame: bytes) -> bool:
    """Whether a JPEG is of this process, by its frame header."""
    markers = (marker for marker, _, _ in segments(frame))
    return next((marker for marker in markers if marker in (_LOSSLESS, _SCAN)), 0) == _LOSSLESS


def decode_lossless(frame: bytes) -> NDArray[Any]:
    """Decode a lossless JPEG: (H, W) or (H, W, 3), uint8 or uint16.

    Raises:
        ScanError: it does not hold exactly its picture. Known for grey pictures without restarts,
            which nearly all are.
        imagecodecs.Jpeg8Error: it cannot be decoded.
    """
    pixels = np.asarray(imagecodecs.jpeg8_decode(frame))
    expected = _coded_bits(frame, pixels)
    if expected is None:
        return pixels
    held = _held_bits(frame)
    if not expected <= held < expected + 8:  # the last byte is filled up, F.1.2.3
        reason, words = (
            (Reason.TRUNCATED, "ends in the middle of the picture")
            if held < expected
            else (Reason.DAMAGED, "the picture data is damaged (more is coded than its pixels)")
        )
        raise ScanError(reason, f"{words}; {COPY_AGAIN}", "JPEG")
    return pixels


def _coded_bits(frame: bytes, pixels: NDArray[Any]) -> int | None:
    """Count the bits that the pixels are coded in; None where that cannot be counted here."""
    lengths: dict[int, NDArray[np.int64]] = {}
    bits = 0
    for marker, payload, _ in segments(frame):
        if marker == _HUFFMAN_TABLES:
            lengths |= _code_lengths(payload)
        elif marker == _LOSSLESS:
            bits = payload[0]
        elif marker == _RESTART_INTERVAL and struct.unpack(">H", payload)[0]:
            return None
        elif marker == _SCAN:
            predictor, transform = payload[-3], payload[-1] & 15
            if not bits or pixels.ndim != 2 or not 1 <= predictor <= 7:
                return None
            values = pixels >> transform if transform else pixels
            differences = _differences(values, predictor, bits - transform)
            return int(_counts(differences) @ _bits_of_differences(lengths[payload[2] >> 4]))
    return None


def _code_lengths(payload: bytes) -> dict[int, NDArray[np.int64]]:
    """Read each table's code lengths by category, 0 where there is no code (B.2.4.2)."""
    tables = {}
    while payload:
        counts, values = payload[1:17], payload[17:]
        lengths = np.zeros(256, np.int64)
        lengths[list(values[: sum(counts)])] = np.repeat(np.arange(1, 17), list(counts))
        tables[payload[0]] = lengths
        payload = values[sum(counts) :]
    return tables


def _bits_of_differences(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bits that each difference is coded in: its category's code and as many bits (H.1.2.2)."""
    signed = np.arange(_STEPS)
    magnitude = np.where(signed > _STEPS // 2, _STEPS - signed, signed)
    category = np.zeros(_STEPS, np.int64)
    category[1:] = np.floor(np.log2(magnitude[1:])).astype(np.int64) + 1
    return lengths[category] + np.where(category < 16, category, 0)  # 32768 needs no further bits


def _differences(pixels: NDArray[Any], predictor: int, bits: int) -> NDArray[np.uint16]:
    """Differences of pixels from what their neighbours foretell, modulo 2**16 (H.1.1, H.1.2.1)."""
    values = pixels.astype(np.uint16, copy=False)
    found = np.empty_like(values)
    found[0, :1] = values[0, :1] - np.uint16(1 << (bits - 1))
    found[0, 1:] = values[0, 1:] - values[0, :-1]
    found[1:, 0] = values[1:, 0] - values[:-1, 0]
    foretold = _foretold(values[1:, :-1], values[:-1, 1:], values[:-1, :-1], predictor)
    np.subtract(values[1:, 1:], foretold, out=found[1:, 1:])
    return found


def _foretold(
    left: NDArray[np.uint16], above: NDArray[np.uint16], corner: NDArray[np.uint16], predictor: int
) -> NDArray[np.uint16]:
    """Foretell pixels from those beside and above (table H.1), modulo 2**16."""
    if predictor < 4:
        return (left, above, corner)[predictor - 1]
    # halves need the sign and the carry
    a, b, c = (part.astype(np.int32) for part in (left, above, corner))
    if predictor == 4:
        foretold = a + b - c
    elif predictor == 5:
        foretold = a + ((b - c) >> 1)
    elif predictor == 6:
        foretold = b + ((a - c) >> 1)
    else:
        foretold = (a + b) >> 1
    return foretold.astype(np.uint16)


def _counts(differences: NDArray[np.uint16]) -> NDArray[np.int64]:
    """How often each difference occurs: (65536,)."""
    flat = differences.reshape(1, -1)
    counts = np.zeros(_STEPS, np.int64)
    for start in range(0, flat.size, _COUNTED):
        part = flat[:, start : start + _COUNTED]
        counts += cv2.calcHist([part], [0], None, [_STEPS], [0, _STEPS]).ravel().astype(np.int64)
    return counts


def _held_bits(frame: bytes) -> int:
    """Count the bits of the coded data up to the marker behind it, less stuffed zeros (B.1.1.5)."""
    start = next(end for marker, _, end in segments(frame) if marker == _SCAN)
    end = frame.find(b"\xff\xd9", start)
    coded = frame[start : end if end >= 0 else len(frame)]
    return 8 * (len(coded) - coded.count(b"\xff\x00"))
