"""The workers of a Dask cluster as a crew that batches are sent to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from xrayscan.cluster.in_order import KilledError
from xrayscan.cluster.parcels import opener, opener_aside, parcel
from xrayscan.cluster.terms import Terms
from xrayscan.cluster.worker import Outcome, absolute, assess, fault_here, put_away
from xrayscan.errors import WorkersLostError, XrayscanError
from xrayscan.records import Scan

# A worker that died is started again in seconds by its nanny, a pod or job in about a minute.
WAIT_S = 120.0
LOOK_S = 1.0  # how often the scheduler is asked which workers there are
RESULT_S = 60.0  # for rows and pictures to arrive from a worker that has them: some megabytes


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A batch with the cluster: its future, and who may take it; None for anybody."""

    future: Any
    workers: frozenset[str] | None


class DaskCrew:
    """All workers of a cluster that can take part, those included that join later."""

    def __init__(
        self, client: Any, terms: Terms, say: Callable[[str], None], wait_s: float = WAIT_S
    ) -> None:
        """Ask every worker there is whether it can take part.

        Args:
            client: Dask's, connected.
            terms: what is asked of the workers.
            say: told of workers that are not used, one sentence each.
            wait_s: how long to wait where there are none.

        Raises:
            XrayscanError: none of them can.
        """
        self._client = client
        self._terms = terms
        self._say = say
        self._wait_s = wait_s
        self._numbers = count()
        self._refused: dict[str, str] = {}
        self._threads: Mapping[str, int] = {}
        self._looked = self._missing_since = -float("inf")
        self._ask_all()
        if self._refused and not self.threads():
            raise XrayscanError(
                f"{client.scheduler.address}: no worker can take part; {self._some_refusal()}"
            )

    def threads(self) -> int:
        return sum(self._usable().values())

    def send(self, scans: Sequence[Scan]) -> _Ticket:
        """Send a batch to whoever has time; names stand in no key, as others see keys."""
        workers = frozenset(self._usable()) if self._refused else None
        future = self._client.submit(
            opener(),
            parcel(assess, self._terms, [absolute(scan) for scan in scans]),
            key=f"xrayscan-{self._terms.run}-{next(self._numbers)}",
            workers=None if workers is None else list(workers),
            pure=False,
        )
        return _Ticket(future, workers)

    def wait(self, sent: _Ticket, seconds: float) -> bool:
        from distributed import CancelledError, wait

        if sent.future.done() or not seconds:
            return bool(sent.future.done())
        try:
            with self._client.as_current():
                wait(sent.future, timeout=seconds)
        except TimeoutError:
            return False
        except CancelledError:  # its outcome says so
            return True
        return True

    def outcome(self, sent: _Ticket) -> Outcome | None:
        from distributed import CancelledError, KilledWorker

        try:
            outcome: Outcome = sent.future.result(timeout=RESULT_S)
        except KilledWorker:
            raise KilledError from None
        except CancelledError:
            raise self._lost("the connection is lost") from None
        except TimeoutError:  # its worker died after it was done
            return None
        except (ImportError, AttributeError, TypeError):  # one has joined with no such xrayscan
            self._ask_all()
            if self._may_have_gone_to_refused(sent):
                return None
            raise
        return outcome

    def refuse(self, worker: str, fault: str) -> None:
        if worker not in self._refused:
            self._refused[worker] = fault
            self._say(f"{worker}: {fault}; it is not used")

    def look_after(self) -> None:
        if self.threads():
            self._missing_since = -float("inf")
            return
        now = time.monotonic()
        if self._missing_since < 0:
            self._missing_since = now
            where = self._client.scheduler.address
            self._say(f"{where}: no workers; waiting up to {self._wait_s:.0f} s for them")
        elif now - self._missing_since > self._wait_s:
            raise self._lost("no workers have come")

    def is_stranded(self, sent: _Ticket) -> bool:
        return sent.workers is not None and not sent.workers & self._usable().keys()

    def cancel(self, sent: Sequence[_Ticket]) -> None:
        if sent and self._client.status == "running":
            with suppress(OSError, TimeoutError):  # lost just now
                self._client.cancel([ticket.future for ticket in sent], force=True)

    def leave(self) -> None:
        """Have the workers put away what they hold for this run."""
        if self._client.status == "running":
            call = parcel(put_away, self._terms)
            with suppress(OSError, TimeoutError):
                # as of now: Dask waits long for an answer of one that has just died
                workers = [name for name in self._client.nthreads() if name not in self._refused]
                self._client.run(opener_aside(), call, workers=workers, on_error="ignore")

    def _usable(self) -> Mapping[str, int]:
        """Threads by address of the workers that take part, as of a moment ago."""
        now = time.monotonic()
        if now - self._looked > LOOK_S:
            self._looked = now
            self._threads = self._asked(self._client.nthreads)
        return {name: n for name, n in self._threads.items() if name not in self._refused}

    def _may_have_gone_to_refused(self, sent: _Ticket) -> bool:
        if sent.workers is None:
            return bool(self._refused)
        return not sent.workers.isdisjoint(self._refused)

    def _ask_all(self) -> None:
        """Ask the workers whether they can take part."""
        from distributed.comm import CommClosedError

        call = parcel(fault_here, self._terms)
        answers = self._asked(self._client.run, opener_aside(), call, on_error="return")
        there = self._asked(self._client.nthreads)
        for worker, answer in answers.items():
            if isinstance(answer, CommClosedError) or worker not in there:
                continue  # it has died, which says nothing of what it has; others come for it
            if isinstance(answer, Exception):
                words = f"{type(answer).__name__}: {answer}".partition("\n")[0]
                self.refuse(worker, f"has no such xrayscan ({words}); install the same there")
            elif answer:
                self.refuse(worker, answer)

    def _asked(self, ask: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            return ask(*args, **options)
        except (OSError, TimeoutError):
            raise self._lost("the connection is lost") from None

    def _lost(self, words: str) -> WorkersLostError:
        sentence = f"{self._client.scheduler.address}: {words}"
        self._say(sentence)
        return WorkersLostError(sentence)

    def _some_refusal(self) -> str:
        worker, fault = next(iter(self._refused.items()))
        return f"{worker} {fault}"
