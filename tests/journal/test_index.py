from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.journal.entries import TIME_GRAIN_NS, Entry
from xrayscan.journal.index import Index
from xrayscan.records import Assessment, Reason, Scan, Status

SCAN = Scan("a.jpg", "/films/a.jpg", 1234, 10**18)
SETTLED = SCAN.modified_ns + TIME_GRAIN_NS


def entry(
    scan: Scan = SCAN, read_ns: int = SETTLED, reason: Reason | None = None, gone_since: str = ""
) -> Entry:
    status = Status.UNREADABLE if reason else Status.SCORED
    row = Assessment(scan, status, reason=reason, gone_since=gone_since)
    return Entry(row, "tonight", read_ns)


def index_of(*entries: Entry) -> Index:
    index = Index()
    for place, each in enumerate(entries):
        index.add_earlier(each, place)
    return index


@pytest.mark.parametrize(
    ("last", "scan", "key", "holds"),
    [
        pytest.param(entry(), SCAN, "tonight", True, id="as it was"),
        pytest.param(
            entry(), replace(SCAN, location="films/a.jpg"), "tonight", True, id="from elsewhere"
        ),
        pytest.param(entry(), replace(SCAN, size_bytes=1235), "tonight", False, id="another size"),
        pytest.param(entry(), replace(SCAN, modified_ns=1), "tonight", False, id="another time"),
        pytest.param(entry(), replace(SCAN, name="b.jpg"), "tonight", False, id="another file"),
        pytest.param(entry(), SCAN, "tomorrow", False, id="another model"),
        pytest.param(
            entry(read_ns=SETTLED - 1), SCAN, "tonight", False, id="read as it was changed"
        ),
        pytest.param(
            entry(reason=Reason.IO_ERROR), SCAN, "tonight", False, id="for a passing reason"
        ),
        pytest.param(
            entry(reason=Reason.DAMAGED), SCAN, "tonight", True, id="for a lasting reason"
        ),
        pytest.param(entry(gone_since="2026-11-22"), SCAN, "tonight", False, id="was gone"),
    ],
)
def test_an_entry_holds_where_nothing_can_have_changed(
    last: Entry, scan: Scan, key: str, holds: bool
) -> None:
    assert index_of(last).holds(scan, key) is holds


def test_of_a_file_nothing_is_known_of_nothing_holds() -> None:
    assert not Index().holds(SCAN, "tonight")


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(lambda: entry(replace(SCAN, size_bytes=9)), id="changed"),
        pytest.param(lambda: entry(reason=Reason.IO_ERROR), id="not readable for a while"),
    ],
)
def test_the_last_entry_counts(later: Callable[[], Entry]) -> None:
    index = index_of(entry(), later())
    assert not index.holds(SCAN, "tonight")
    assert index.place(SCAN.name) == 1
    assert len(index) == 1


def test_what_is_written_tonight_is_looked_at() -> None:
    index = index_of(entry())
    index.add(SCAN.name, 7)
    assert not index.holds(SCAN, "tonight")
    assert index.place(SCAN.name) == 7


@given(st.lists(st.sampled_from("abcdef"), max_size=20), st.sets(st.sampled_from("abcxyz")))
def test_places_are_the_last_of_each_file_in_order(names: list[str], besides: set[str]) -> None:
    index = index_of(*(entry(replace(SCAN, name=name)) for name in names))
    last = {name: place for place, name in enumerate(names)}
    assert len(index) == len(last)
    assert index.places(besides) == sorted(
        place for name, place in last.items() if name not in besides
    )
