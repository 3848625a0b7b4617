"""Lines of JSON with a checksum each: what was written whole is told from what was not."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

_DIGITS = 8  # of a CRC-32, hexadecimal


def encode_line(record: Mapping[str, Any]) -> bytes:
    """Write a record as one line: CRC-32, a space, JSON in ASCII, a line feed."""
    text = json.dumps(record, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode_line(line: bytes) -> dict[str, Any]:
    """Read back what ``encode_line`` wrote.

    Raises:
        ValueError: it is cut or changed, or nothing of the kind.
    """
    if not line.endswith(b"\n") or line[_DIGITS : _DIGITS + 1] != b" ":
        raise ValueError("no whole line of a journal")
    text = line[_DIGITS + 1 : -1]
    if int(line[:_DIGITS], 16) != zlib.crc32(text):
        raise ValueError("its checksum does not fit")
    record = json.loads(text.decode("ascii"))
    if not isinstance(record, dict):
        raise ValueError("no record")
    return record
