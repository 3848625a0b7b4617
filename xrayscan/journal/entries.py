"""What a journal keeps of a file: its row, and what the row came from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from xrayscan.records import Assessment, Facts, Identifiers, Reason, Scan, Status, Zone

# A file system's times are that coarse at worst (FAT's, seconds): what was changed so shortly
# before it was read may have been changed after it, at the same time and size.
TIME_GRAIN_NS = 2_000_000_000

_SCAN = tuple(field.name for field in fields(Scan))
_WORDS = {"status": Status, "reason": Reason, "zone": Zone}
_PARTS = {"facts": Facts, "identifiers": Identifiers}


@dataclass(frozen=True, slots=True)
class Key:
    """What, beside its file, a row comes from; where that has changed, the row does not hold.

    The threshold is not among it: rows are decided anew by it without scoring.

    Attributes:
        model: the model's name.
        model_sha256: of its card.
        preprocessing: version of what happens between file and model.
        admission: what is done with films outside the training population.
        with_identifiers: rows name patients.
    """

    model: str
    model_sha256: str
    preprocessing: int
    admission: str
    with_identifiers: bool

    @property
    def id(self) -> str:
        """A short name for it, the same in every run."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:12]

    def differences(self, earlier: Key) -> list[str]:
        """What is another than in an earlier key, in words."""
        pairs = (
            ("model", _short(self), _short(earlier)),
            ("preprocessing", self.preprocessing, earlier.preprocessing),
            ("admission", self.admission, earlier.admission),
            ("with identifiers", self.with_identifiers, earlier.with_identifiers),
        )
        return [f"{name} {new}, was {old}" for name, new, old in pairs if new != old]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a run.

    Attributes:
        row: as it was recorded.
        key: the id of its key.
        read_ns: a moment before the file was read, nanoseconds since the epoch.
    """

    row: Assessment
    key: str
    read_ns: int = 0

    def is_of(self, scan: Scan, key: str) -> bool:
        """Whether the row is of a file as it was listed: nothing that it came from has changed."""
        then = self.row.scan
        same = (then.size_bytes, then.modified_ns) == (scan.size_bytes, scan.modified_ns)
        return same and self.key == key

    def holds_for(self, scan: Scan, key: str) -> bool:
        """Whether the row can be taken over: it is of the file, and no passing fault of a share."""
        passing = self.row.reason is not None and self.row.reason.passes
        return self.is_of(scan, key) and not passing

    @property
    def is_settled(self) -> bool:
        """Whether the file's time alone tells that it has not changed since."""
        return self.read_ns - self.row.scan.modified_ns >= TIME_GRAIN_NS


def to_record(entry: Entry) -> dict[str, Any]:
    """Write an entry as plain values; what is empty is left out."""
    row = {name: value for name, value in asdict(entry.row).items() if value not in (None, "")}
    further = {
        part: {name: value for name, value in row.pop(part).items() if value not in (None, "")}
        for part in _PARTS
    }
    scan = row.pop("scan")
    # the next run may be started from another folder
    scan["location"] = os.path.abspath(scan["location"])  # noqa: PTH100
    record = {"key": entry.key, "read_ns": entry.read_ns, **scan, **row}
    return record | {part: values for part, values in further.items() if values}


def from_record(record: Mapping[str, Any]) -> Entry:
    """Read back what ``to_record`` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    values = dict(record)
    key, read_ns = values.pop("key"), values.pop("read_ns")
    scan = Scan(*[values.pop(name) for name in _SCAN])
    for name, word in _WORDS.items():
        if name in values:
            values[name] = word(values[name])
    for name, part in _PARTS.items():
        if name in values:
            values[name] = part(**values[name])
    return Entry(Assessment(scan=scan, **values), key, read_ns)


def _short(key: Key) -> str:
    return f"{key.model} ({key.model_sha256[:8]})"


def kept(entry: Entry, scan: Scan) -> Entry:
    """An entry taken over for a file that is there: it may have been missed in between."""
    return Entry(replace(entry.row, scan=scan, gone_since=""), entry.key, entry.read_ns)


def unnamed(entry: Entry) -> Entry:
    """An entry that does not say who the film is of."""
    return replace(entry, row=replace(entry.row, identifiers=Identifiers()))
