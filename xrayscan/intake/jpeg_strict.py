"""The strict JPEG decoder, and the checks for damage that it takes all the same."""

from __future__ import annotations

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from xrayscan.intake.complaints import damaged
from xrayscan.intake.formats import Format
from xrayscan.intake.integrity import check_jpeg_end
from xrayscan.intake.jpeg_scan import check_blocks, check_scans, coding_unit
from xrayscan.intake.jpeg_seams import check_seams

UNUSUAL_SAMPLING = "subsampling"  # of libjpeg-turbo's complaint about sampling factors


def strict_grey(data: bytes) -> NDArray[np.uint8] | None:
    """Decode a JPEG to grey as stored; refuse it if it is cut, lacks a scan or is not whole.

    Returns:
        (H, W) uint8. None for a kind that the strict decoder does not know; it was checked block by
        block, if it is of a kind that can be.

    Raises:
        ScanError: what the check found.
    """
    check_jpeg_end(data)
    try:
        pixels = simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True)[:, :, 0]
    except ValueError as fault:
        if UNUSUAL_SAMPLING in str(fault) or is_unsupported(fault):
            check_blocks(data)
            return None
        raise damaged(fault, Format.JPEG) from None
    check_decoded(data, pixels)
    return np.asarray(pixels)


def check_decoded(data: bytes, pixels: NDArray[np.uint8]) -> None:
    """Refuse what the strict decoder takes: a picture without all its scans, or with a step."""
    check_scans(data)
    unit = coding_unit(data)
    if unit:
        check_seams(pixels, unit)


def is_unsupported(fault: ValueError) -> bool:
    """Whether libjpeg-turbo says that it does not know a kind of JPEG: 12 bits, or lossless."""
    return "data precision" in str(fault) or "color conversion" in str(fault)
