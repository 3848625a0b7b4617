"""What of a journal is kept in memory: where each file's last line lies, and whether it lasts."""

from __future__ import annotations

from array import array
from collections.abc import Collection

from xrayscan.journal.entries import Entry
from xrayscan.records import Scan

_UNMARKED = 0  # a mark by chance as well, once in 18 million million million: looked at, no more


class Index:
    """Numbers for each file, in columns, as a million names would not fit on a small machine.

    64 bits of a name stand for it: two of a million names share one once in 40 million journals.
    They differ from process to process; none is ever written down.
    """

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._places = array("q")
        self._marks = array("q")

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, name: str, place: int) -> None:
        """Add a file's line, or put it in the place of an earlier one.

        Args:
            name: of the file.
            place: where the line begins, bytes.
        """
        self._put(name, place, _UNMARKED)

    def add_earlier(self, entry: Entry, place: int) -> None:
        """Add a line of an earlier run, whose row may hold tonight.

        Args:
            entry: what the line says.
            place: where it begins, bytes.
        """
        scan = entry.row.scan
        lasts = entry.is_settled and not entry.row.gone_since
        holds = lasts and entry.holds_for(scan, entry.key)
        self._put(scan.name, place, _mark(scan, entry.key) if holds else _UNMARKED)

    def holds(self, scan: Scan, key: str) -> bool:
        """Whether an earlier run's row can be taken over, unread; if not, look at it."""
        row = self._rows.get(hash(scan.name))
        return row is not None and self._marks[row] == _mark(scan, key)

    def place(self, name: str) -> int | None:
        """Where the line of a file begins; of another file, once in a very long while."""
        row = self._rows.get(hash(name))
        return None if row is None else self._places[row]

    def places(self, besides: Collection[str] = ()) -> list[int]:
        """Where the lines of all files begin, in the order in which they were written.

        Args:
            besides: names of files to leave out.
        """
        if sum(hash(name) in self._rows for name in besides) == len(self):
            return []  # as on most nights, and without a set of them all
        left_out = {hash(name) for name in besides}
        return sorted(self._places[row] for name, row in self._rows.items() if name not in left_out)

    def _put(self, name: str, place: int, mark: int) -> None:
        row = self._rows.setdefault(hash(name), len(self._rows))
        if row == len(self._places):
            self._places.append(place)
            self._marks.append(mark)
        else:
            self._places[row], self._marks[row] = place, mark


def _mark(scan: Scan, key: str) -> int:
    """64 bits for a file as it is listed and for what a row of it comes from."""
    return hash((scan.name, scan.size_bytes, scan.modified_ns, key))
