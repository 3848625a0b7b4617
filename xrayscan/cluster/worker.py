"""What runs on a worker: batches as tasks, with a model that is loaded once."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from xrayscan.assessing import Assessed, Assessor
from xrayscan.cluster.marks import for_the_way
from xrayscan.cluster.terms import Terms, card_file, fault_of, missing_folder
from xrayscan.errors import XrayscanError
from xrayscan.reading.readers import Submit, readers
from xrayscan.records import Reason, Scan
from xrayscan.scoring.card import load_card
from xrayscan.scoring.model import ScoringModel

# A run that was killed says no goodbye; what it has left on its workers is put away after this.
IDLE_S = 600.0
ANSWER_S = 60.0  # a share that is there answers in seconds; one that hangs, never
# A batch is read and scored in parts, so that the next part is read while one is scored.
PARTS = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        worker: its address.
        assessed: a row and, where asked for, a picture for each scan, in order.
        fault: why this worker takes no part, in words; then there need be no rows.
    """

    worker: str
    assessed: tuple[Assessed, ...] = ()
    fault: str = ""


async def fault_here(worker: Any, terms: Terms) -> str:
    """As ``fault_of``, without holding up the worker that is asked, nor who asks."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(fault_of, terms), ANSWER_S)
    except TimeoutError:
        return f"did not find the folders in {ANSWER_S:.0f} s; look after the share there"


def assess(terms: Terms, scans: Sequence[Scan]) -> Outcome:
    """Assess a batch on the worker that this runs on."""
    from distributed import get_worker

    worker = get_worker()
    try:
        with _desk(worker, terms).in_use() as (assessor, submit):
            batches = list(assessor.batches_read_by(submit, scans))
    except XrayscanError as fault:
        return Outcome(worker.address, fault=str(fault))
    assessed = tuple(
        (row, for_the_way(picture) if terms.with_pictures else None)
        for each in batches
        for row, picture in each
    )
    gone = any(row.reason in (Reason.GONE, Reason.IO_ERROR) for row, _ in assessed)
    return Outcome(worker.address, assessed, missing_folder(terms) if gone else "")


class Desk:
    """What a worker holds for one run: model and readers, from the first batch on."""

    def __init__(self, terms: Terms, threads: int) -> None:
        self._terms = terms
        self._threads = threads
        self._lock = threading.Lock()
        self._users = 0
        self._left = False
        self._open = ExitStack()
        self._tools: tuple[Assessor, Submit] | None = None
        self._last_used = time.monotonic()

    @contextmanager
    def in_use(self) -> Iterator[tuple[Assessor, Submit]]:
        """Open the desk where it is not; it stays open while the context lasts.

        Raises:
            XrayscanError: this worker cannot take part, or the run is over.
        """
        with self._lock:
            if self._left:
                raise XrayscanError("came to a batch when its run was over")
            tools = self._tools = self._tools or self._opened()
            self._users += 1
        try:
            yield tools
        finally:
            with self._lock:
                self._users -= 1
                self._last_used = time.monotonic()
                self._close_if_left()

    def leave(self) -> None:
        """Close for good, once the last batch is done."""
        with self._lock:
            self._left = True
            self._close_if_left()

    @property
    def is_open(self) -> bool:
        """Whether model and readers are here."""
        return self._tools is not None

    def is_idle(self) -> bool:
        """Whether nothing has been done here for so long that nobody can be waiting."""
        with self._lock:
            return not self._users and time.monotonic() - self._last_used > IDLE_S

    def _close_if_left(self) -> None:
        if self._left and not self._users:
            self._tools = None
            self._open.close()

    def _opened(self) -> tuple[Assessor, Submit]:
        fault = fault_of(self._terms)
        if fault:
            raise XrayscanError(fault)
        card = load_card(card_file(self._terms).parent)
        asked = self._terms.options
        read = replace(asked.read, workers=self._threads)
        model = ScoringModel(card.folder, self._threads, card) if read.input_size else None
        if model:
            model.check()
        # Dask's workers may not have children unless told otherwise; readers are children
        multiprocessing.current_process().daemon = False
        part = -(-asked.batch_size // PARTS)
        assessor = Assessor(model, replace(asked, read=read, batch_size=part))
        return assessor, self._open.enter_context(readers(read, assessor.cores))


def _desk(worker: Any, terms: Terms) -> Desk:
    """This run's desk on a worker, put there where there is none."""
    from distributed.utils import sync

    if terms.run not in worker.plugins:
        sync(worker.loop, _put_desk, worker, terms)
    desk: Desk = worker.plugins[terms.run].desk
    return desk


async def _put_desk(worker: Any, terms: Terms) -> None:
    """Put a desk on a worker; here nothing comes between looking for one and putting it there."""
    from distributed import WorkerPlugin
    from tornado.ioloop import PeriodicCallback

    class Holder(WorkerPlugin):  # type: ignore[misc]
        """Has Dask close the desk with its worker, and puts it away where its run has died."""

        def __init__(self) -> None:
            self.desk = Desk(terms, worker.state.nthreads)
            self._looking = PeriodicCallback(self._look, IDLE_S / 10 * 1000)

        def setup(self, worker: Any) -> None:
            self._looking.start()

        async def teardown(self, worker: Any) -> None:
            self._looking.stop()
            await asyncio.to_thread(self.desk.leave)

        async def _look(self) -> None:
            if self.desk.is_idle():
                await worker.plugin_remove(name=terms.run)

    if terms.run not in worker.plugins:
        await worker.plugin_add(Holder(), name=terms.run)


async def put_away(worker: Any, terms: Terms) -> None:
    """Close a run's desk on a worker; what is cancelled may still come, and must find it closed."""
    await _put_desk(worker, terms)
    await asyncio.to_thread(worker.plugins[terms.run].desk.leave)


def absolute(scan: Scan) -> Scan:
    """The scan as other machines find it."""
    return replace(scan, location=os.path.abspath(scan.location))  # noqa: PTH100
