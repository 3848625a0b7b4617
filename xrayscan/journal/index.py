"""What of a journal is kept in memory: where each file's last line lies, and whether it lasts."""

from __future__ import annotations

from collections.abc import Collection

from xrayscan.journal.entries import Entry
from xrayscan.records import Scan


class Index:
    """A number or two for each file, as a million names would not fit on a small machine.

    64 bits of a name stand for it: two of a million names share one once in 40 million journals.
    They differ from process to process; none is ever written down.
    """

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self._marks: dict[int, int] = {}  # of files whose row can be taken over unseen

    def __len__(self) -> int:
        return len(self._places)

    def add(self, name: str, place: int) -> None:
        """Add a file's line, or put it in the place of an earlier one.

        Args:
            name: of the file.
            place: where the line begins, bytes.
        """
        self._places[hash(name)] = place
        self._marks.pop(hash(name), None)

    def add_earlier(self, entry: Entry, place: int) -> None:
        """Add a line of an earlier run, whose row may hold tonight.

        Args:
            entry: what the line says.
            place: where it begins, bytes.
        """
        scan = entry.row.scan
        self.add(scan.name, place)
        if entry.is_settled and entry.holds_for(scan, entry.key):
            self._marks[hash(scan.name)] = _mark(scan, entry.key)

    def holds(self, scan: Scan, key: str) -> bool:
        """Whether an earlier run's row can be taken over, unread; if not, look at it."""
        return self._marks.get(hash(scan.name)) == _mark(scan, key)

    def place(self, name: str) -> int | None:
        """Where the line of a file begins; of another file, once in a very long while."""
        return self._places.get(hash(name))

    def places(self, besides: Collection[str] = ()) -> list[int]:
        """Where the lines of all files begin, in the order in which they were written.

        Args:
            besides: names of files to leave out.
        """
        if sum(hash(name) in self._places for name in besides) == len(self._places):
            return []  # as on most nights, and without a set of them all
        left_out = {hash(name) for name in besides}
        return sorted(at for name, at in self._places.items() if name not in left_out)


def _mark(scan: Scan, key: str) -> int:
    """64 bits for a file as it is listed and for what a row of it comes from."""
    return hash((scan.name, scan.size_bytes, scan.modified_ns, key))
