"""Run-length coding as TIFF calls it PackBits and DICOM calls it RLE: the same bytes."""

from __future__ import annotations

import imagecodecs

_PADDING = 4096  # decoded bytes of padding at most: coded data that is a bomb is not inflated


def expand(coded: bytes, expected: int) -> bytes | None:
    """Decode run lengths; None unless they hold exactly so many bytes, and then only padding.

    Source: TIFF 6.0, section 9; DICOM PS3.5, G.3.1.
    """
    try:
        whole = imagecodecs.packbits_decode(coded, out=expected + _PADDING)
        excess = len(whole) - expected
        if excess > 0 and not coded[-2 * excess :].strip(b"\0"):  # two zeros decode to one
            whole = imagecodecs.packbits_decode(coded[: -2 * excess])
    except imagecodecs.PackbitsError:
        return None
    return bytes(whole) if len(whole) == expected else None
