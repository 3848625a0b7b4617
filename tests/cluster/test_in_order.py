"""Order, bounds and accounts of what is sent out, with a crew that can be anything but faithful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrayscan.assessing import Assessed
from xrayscan.cluster.in_order import SENT_PER_THREAD, InOrder, KilledError
from xrayscan.cluster.worker import Outcome, absolute
from xrayscan.errors import WorkersLostError
from xrayscan.records import Assessment, Reason, Scan, Status


def scan(number: int) -> Scan:
    return Scan(f"{number:04}.png", f"films/{number:04}.png", 1, 1)


@dataclass
class FakeCrew:
    """Does what it is told to, at once; counts what it has in hand.

    Attributes:
        poison: scans that kill whoever reads them.
        slow: tickets that take so many waits.
        unlucky: batches that die though nothing is wrong with them, by their number.
        lost: results that have to be asked for again, by their number.
        refusing: batches that a worker refuses, by their number.
        workers: how many threads there are at each question, the last for ever.
    """

    poison: frozenset[str] = frozenset()
    slow: dict[int, int] = field(default_factory=dict)
    unlucky: frozenset[int] = frozenset()
    lost: frozenset[int] = frozenset()
    refusing: frozenset[int] = frozenset()
    workers: Sequence[int] = (2,)
    in_hand: dict[int, Sequence[Scan]] = field(default_factory=dict)
    sent: int = 0
    most: int = 0
    asked: int = 0
    looked: int = 0
    refused: list[str] = field(default_factory=list)

    def threads(self) -> int:
        self.asked += 1
        return self.workers[min(self.asked, len(self.workers)) - 1]

    def send(self, scans: Sequence[Scan]) -> int:
        self.in_hand[self.sent] = [absolute(each) for each in scans]
        self.most = max(self.most, len(self.in_hand))
        self.sent += 1
        return self.sent - 1

    def wait(self, sent: int, seconds: float) -> bool:
        left = self.slow.get(sent, 0)
        self.slow[sent] = left - bool(seconds)
        return left <= 0

    def outcome(self, sent: int) -> Outcome | None:
        scans = self.in_hand[sent]
        unlucky = sent in self.unlucky and len(scans) > 1  # beside a killer; later it is alone
        if unlucky or any(each.name in self.poison for each in scans):
            del self.in_hand[sent]
            raise KilledError
        if sent in self.lost:
            return None
        if sent in self.refusing:
            return Outcome("tcp://worker", fault="has no share")
        del self.in_hand[sent]
        rows = tuple((Assessment(each, Status.NOT_ASSESSED), None) for each in scans)
        return Outcome("tcp://worker", rows)

    def refuse(self, worker: str, fault: str) -> None:
        self.refused.append(f"{worker} {fault}")

    def look_after(self) -> None:
        self.looked += 1

    def is_stranded(self, sent: int) -> bool:
        return False

    def cancel(self, sent: Sequence[int]) -> None:
        for each in sent:
            self.in_hand.pop(each, None)


def rows_of(batches: Sequence[list[Assessed]]) -> list[Assessment]:
    return [row for row, _ in chain.from_iterable(batches)]


NUMBERS = st.frozensets(st.integers(0, 60), max_size=8)


@settings(max_examples=200)
@given(
    count=st.integers(0, 60),
    batch_size=st.integers(1, 9),
    workers=st.lists(st.integers(0, 5), min_size=1, max_size=9),
    slow=st.dictionaries(st.integers(0, 60), st.integers(1, 3), max_size=8),
    poison=st.frozensets(st.integers(0, 59), max_size=3),
    unlucky=NUMBERS,
    lost=NUMBERS,
    refusing=NUMBERS,
)
def test_every_scan_comes_back_once_in_its_order_whatever_happens(
    count, batch_size, workers, slow, poison, unlucky, lost, refusing
) -> None:
    scans = [scan(number) for number in range(count)]
    names = frozenset(scan(number).name for number in poison)
    crew = FakeCrew(names, dict(slow), unlucky, lost, refusing, workers)
    rows = rows_of(list(InOrder(crew, batch_size, ()).batches(scans)))
    assert [row.scan for row in rows] == scans, "as they are called here, and in order"
    killers = {row.scan.name for row in rows if row.reason is Reason.DECODER}
    assert killers == names & {each.name for each in scans}
    assert crew.most <= max(1, SENT_PER_THREAD * max(workers)) + 1, "one more to find a killer"
    assert not crew.in_hand, "and nothing is left behind"


def test_the_killers_row_says_what_to_do() -> None:
    crew = FakeCrew(frozenset({scan(3).name}))
    rows = rows_of(list(InOrder(crew, 4, ()).batches([scan(n) for n in range(8)])))
    assert (rows[3].status, rows[3].reason) == (Status.UNREADABLE, Reason.DECODER)
    assert rows[3].assessed_at
    assert "every worker that read it has died" in rows[3].detail


def test_bad_luck_is_not_held_against_a_batch() -> None:
    """Whoever stands beside a killer dies with its worker; alone, it lives."""
    crew = FakeCrew(unlucky=frozenset({0, 1}))
    rows = rows_of(list(InOrder(crew, 4, ()).batches([scan(n) for n in range(8)])))
    assert [row.reason for row in rows] == [None] * 8


def test_refusals_are_passed_on_and_the_batch_goes_to_another() -> None:
    crew = FakeCrew(refusing=frozenset({0}))
    rows = rows_of(list(InOrder(crew, 4, ()).batches([scan(n) for n in range(8)])))
    assert len(rows) == 8
    assert crew.refused == ["tcp://worker has no share"]


def test_while_nothing_comes_the_run_can_be_stopped() -> None:
    crew = FakeCrew(slow={0: 5})
    batches = InOrder(crew, 4, ()).batches([scan(n) for n in range(8)])
    assert [next(batches), next(batches)] == [[], []]
    assert crew.looked == 2
    batches.close()  # type: ignore[attr-defined]  # an iterator to whom it may concern
    assert not crew.in_hand


def test_a_stop_keeps_what_has_come_back_and_sends_nothing_more() -> None:
    crew = FakeCrew(slow={0: 10**6})
    stopped = False
    batches = InOrder(crew, 4, ()).batches([scan(n) for n in range(100)], lambda: stopped)
    assert next(batches) == []
    sent, stopped = crew.sent, True
    (kept,) = (batch for batch in batches if batch)
    assert [row.scan.name for row, _ in kept] == [scan(n).name for n in range(4, 24)]
    assert crew.sent == sent
    assert not crew.in_hand


@pytest.mark.parametrize("here", [True, False], ids=["one worker's", "everybody's"])
def test_a_lost_folder_is_told_from_a_worker_that_lost_it(tmp_path, here: bool) -> None:
    folder = tmp_path / "films"
    if here:
        folder.mkdir()

    class Blind(FakeCrew):
        def outcome(self, sent: int) -> Outcome | None:
            outcome = super().outcome(sent)
            if sent or outcome is None:
                return outcome
            rows = [
                (replace(row, status=Status.VANISHED, reason=Reason.GONE), None)
                for row, _ in outcome.assessed
            ]
            return Outcome("tcp://worker", tuple(rows), "does not see films")

    crew = Blind(workers=(1,))
    rows = rows_of(list(InOrder(crew, 2, (str(folder),)).batches([scan(n) for n in range(4)])))
    vanished = [row.status for row in rows].count(Status.VANISHED)
    assert (vanished, len(crew.refused)) == ((0, 1) if here else (2, 0))


def test_a_lost_crew_ends_the_rows() -> None:
    class Lost(FakeCrew):
        def look_after(self) -> None:
            raise WorkersLostError("no workers")

    crew = Lost(slow={1: 10**6})
    got = []
    with pytest.raises(WorkersLostError):
        got.extend(InOrder(crew, 4, ()).batches([scan(n) for n in range(8)]))
    assert [row.scan.name for row in rows_of(got)] == [scan(n).name for n in range(4)]
    assert not crew.in_hand
