"""Batches of scans sent to a crew and received in their order, a bounded number at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from xrayscan.assessing import Assessed
from xrayscan.clock import now
from xrayscan.cluster.worker import Outcome
from xrayscan.errors import ScanError
from xrayscan.reading.scans import refused
from xrayscan.records import Assessment, Reason, Scan, Status

# Batches with the crew at once, for each of its threads: one in work, one waiting for it, and one
# so that a film that takes long holds up nobody else for a while. More only cost memory.
SENT_PER_THREAD = 3
POLL_S = 1.0  # how often what is waited for is looked after: stop requests, workers that are lost


class KilledError(Exception):
    """Every worker that was given a batch has died of it, or beside it."""


class Crew(Protocol):
    """Assesses batches somewhere else."""

    def threads(self) -> int:
        """How many batches it works on at a time, now."""

    def send(self, scans: Sequence[Scan]) -> Any:
        """Hand it a batch; returns what the batch is asked for by."""

    def wait(self, sent: Any, seconds: float) -> bool:
        """Whether a batch has come to an end, in so many seconds."""

    def outcome(self, sent: Any) -> Outcome | None:
        """What became of a batch that has come to an end; None where it has to be sent again.

        Raises:
            KilledError: it has killed its workers.
        """

    def refuse(self, worker: str, fault: str) -> None:
        """Give a worker nothing more, and say why."""

    def look_after(self) -> None:
        """Find out, where nothing comes for a while, whether anything still can.

        Raises:
            WorkersLostError: nothing can.
        """

    def is_stranded(self, sent: Any) -> bool:
        """Whether a batch waits for workers that are there no more."""

    def cancel(self, sent: Sequence[Any]) -> None:
        """Forget batches, finished or not."""


@dataclass(slots=True)
class _Sent:
    """A batch that is with the crew; ``alone`` where nothing else was beside it."""

    scans: Sequence[Scan]
    ticket: Any
    alone: bool = False


class InOrder:
    """Has a crew assess scans, and hands on their rows in the scans' order."""

    def __init__(self, crew: Crew, batch_size: int, folders: Sequence[str]) -> None:
        """Begin.

        Args:
            crew: assesses.
            batch_size: scans in a batch.
            folders: that films lie below; where they are lost here too, it is no worker's fault.
        """
        self._crew = crew
        self._batch_size = batch_size
        self._folders = folders

    def batches(
        self, scans: Sequence[Scan], stop: Callable[[], bool] = lambda: False
    ) -> Iterator[list[Assessed]]:
        """Yield rows, with pictures where there are any, as ``run_batches`` takes them.

        Args:
            scans: in the order that the rows come in.
            stop: True ends with what has come back by then.

        Raises:
            WorkersLostError: the crew is.
        """
        remaining = iter(scans)
        waiting: deque[_Sent] = deque()
        try:
            while self._fill(waiting, remaining):
                yield from self._receive(waiting, stop)
                if stop():
                    yield self._finished(waiting)
                    return
        finally:
            self._crew.cancel([each.ticket for each in waiting])

    def _fill(self, waiting: deque[_Sent], remaining: Iterator[Scan]) -> bool:
        """Send what there is room for; whether there is anything to wait for."""
        # with no worker at all one batch waits for the first of them
        room = max(1, SENT_PER_THREAD * self._crew.threads())
        while len(waiting) < room:
            batch = list(islice(remaining, self._batch_size))
            if not batch:
                break
            waiting.append(self._sent(batch))
        return bool(waiting)

    def _sent(self, scans: Sequence[Scan], *, alone: bool = False) -> _Sent:
        return _Sent(scans, self._crew.send(scans), alone)

    def _receive(self, waiting: deque[_Sent], stop: Callable[[], bool]) -> Iterator[list[Assessed]]:
        """Take the first batch off, once it is done; an empty one goes ahead for each wait."""
        first = waiting[0]
        yield from self._awaited(first, stop)
        if stop():
            return
        try:
            outcome = self._crew.outcome(first.ticket)
        except KilledError:
            waiting.popleft()
            if first.alone:
                yield [(_killer(first.scans[0]), None)]
            else:
                yield from self._one_by_one(first.scans, waiting, stop)
            return
        if outcome is not None and self._is_good(outcome):
            waiting.popleft()
            yield _rows(first.scans, outcome)
        else:
            self._send_again(first)

    def _awaited(self, sent: _Sent, stop: Callable[[], bool]) -> Iterator[list[Assessed]]:
        while not stop() and not self._crew.wait(sent.ticket, POLL_S):
            self._crew.look_after()
            if self._crew.is_stranded(sent.ticket):
                self._send_again(sent)
            yield []

    def _send_again(self, sent: _Sent) -> None:
        self._crew.cancel([sent.ticket])
        sent.ticket = self._crew.send(sent.scans)

    def _is_good(self, outcome: Outcome) -> bool:
        """Whether rows can be taken; the worker they come from is given nothing more otherwise."""
        lost_here = outcome.assessed and not all(map(os.path.exists, self._folders))
        if not outcome.fault or lost_here:
            return True
        self._crew.refuse(outcome.worker, outcome.fault)
        return False

    def _one_by_one(
        self, scans: Sequence[Scan], others: Sequence[_Sent], stop: Callable[[], bool]
    ) -> Iterator[list[Assessed]]:
        """Find the film that kills workers: whoever dies of it must have nothing else in hand."""
        for each in others:
            yield from self._awaited(each, stop)
        for scan in scans:
            if stop():
                return
            alone = deque([self._sent([scan], alone=True)])
            while alone and not stop():
                yield from self._receive(alone, stop)
            self._crew.cancel([each.ticket for each in alone])

    def _finished(self, waiting: deque[_Sent]) -> list[Assessed]:
        """What has come back by now, with gaps where it has not."""
        rows: list[Assessed] = []
        for each in list(waiting):
            if not self._crew.wait(each.ticket, 0):
                continue
            try:
                outcome = self._crew.outcome(each.ticket)
            except KilledError:
                continue
            if outcome is not None and not outcome.fault:
                rows += _rows(each.scans, outcome)
        return rows


def _rows(scans: Sequence[Scan], outcome: Outcome) -> list[Assessed]:
    """The rows, of the scans as they are called here."""
    return [
        (replace(row, scan=scan), picture)
        for scan, (row, picture) in zip(scans, outcome.assessed, strict=True)
    ]


def _killer(scan: Scan) -> Assessment:
    words = "every worker that read it has died; open it elsewhere, save it anew"
    row = refused(Assessment(scan, Status.UNREADABLE), ScanError(Reason.DECODER, words))
    return replace(row, assessed_at=now())
