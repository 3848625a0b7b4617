"""Run-length coding as TIFF calls it PackBits and DICOM calls it RLE: the same bytes."""

from __future__ import annotations


def hold_exactly(coded: bytes, expected: int) -> bool:
    """Whether coded bytes decode to so many bytes, with nothing but padding after them.

    Source: TIFF 6.0, section 9; DICOM PS3.5, G.3.1.
    """
    length = position = 0
    while length < expected and position < len(coded):
        control = coded[position]
        if control < 128:  # so many literal bytes and one
            length += min(control + 1, len(coded) - position - 1)
            position += control + 2
        else:  # 128 says nothing, more repeats one byte
            length += 257 - control if control > 128 else 0
            position += 2 if control > 128 else 1
    return length == expected and not coded[position:].strip(b"\0")
