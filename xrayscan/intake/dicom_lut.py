"""Look-up tables of DICOM headers (PS3.3 C.7.6.3.1.5, C.11.1, C.11.2): from values to entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.formats import Format
from xrayscan.intake.grey import significant_peak
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.records import Reason


@dataclass(frozen=True, slots=True)
class LookUpTable:
    """An item of a Modality LUT or VOI LUT Sequence, or one colour of a palette.

    Attributes:
        first: the value that has the first entry.
        entries: (N,) whole numbers of at most 16 bits.
        peak: the entry that means white.
    """

    first: int
    entries: NDArray[np.int64]
    peak: int

    def __getitem__(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Look values up; those before and behind the table have its first and its last entry."""
        # writers give negative first values as unsigned
        first = self.first - 2**16 if self.first >= 2**15 and values.min() < 0 else self.first
        places = np.rint(values).astype(np.int64) - first
        entries: NDArray[np.int64] = np.take(self.entries, places, mode="clip")
        return entries


def look_up_table(descriptor: Sequence[int], data: Any, *, little_endian: bool) -> LookUpTable:
    """Read a table; not by pydicom, whose places in a table of 8-bit entries have 8 bits, too.

    Args:
        descriptor: number of entries, the value that has the first one, bits.
        data: the entries, as bytes or numbers.
        little_endian: the byte order of entries that are kept as words.

    Raises:
        ScanError: it has fewer entries than it says.
    """
    count, first, bits = (int(each) for each in descriptor)
    count = count % 2**16 or 2**16  # C.11.1.1
    entries = _entries(data, count, bits, "<u2" if little_endian else ">u2")
    if entries.size < count:
        detail = f"a look-up table in its header is not whole; {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, Format.DICOM)
    highest = int(entries.max())
    declared = 2**bits - 1
    # some writers state 16 bits for any table: one that never gets beyond a quarter has fewer
    peak = declared if declared // 4 < highest <= declared else significant_peak(highest)
    return LookUpTable(first, entries, peak)


def _entries(data: Any, count: int, bits: int, word: str) -> NDArray[np.int64]:
    """Unpack entries: numbers, words, or two bytes to a word, the low one first."""
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, np.int64))[:count]
    words = np.frombuffer(data, word, len(data) // 2).astype("<u2")
    packed = bits <= 8 and words.size < count
    return (words.view(np.uint8) if packed else words)[:count].astype(np.int64)
