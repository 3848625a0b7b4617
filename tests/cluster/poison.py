"""Makes workers die of some films and hang on others, as no film of any decoder should."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import Any

from distributed import WorkerPlugin  # noqa: TID253  # imported where Dask is there

from xrayscan.assessing import Assessor
from xrayscan.cluster import worker as module
from xrayscan.reading.readers import readers
from xrayscan.reading.scans import Reading, ReadOptions, read_scan
from xrayscan.records import Scan


def read_or_hang(scan: Scan, options: ReadOptions) -> Reading:
    if scan.name.startswith("hang"):
        time.sleep(600)
    return read_scan(scan, options)


class DeadlyAssessor(Assessor):
    def batches_read_by(self, submit: Any, scans: Any) -> Any:
        if any(scan.name.startswith("poison") for scan in scans):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().batches_read_by(submit, scans)


async def die_when_asked(worker: Any, terms: Any) -> str:
    """In the place of ``fault_here``: the first worker dies, the others can take part."""
    if worker.name == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return ""


class Poison(WorkerPlugin):
    """For every worker of a cluster, and those that come for the ones that died."""

    def setup(self, worker: Any) -> None:
        module.Assessor = DeadlyAssessor  # type: ignore[attr-defined]
        module.readers = partial(readers, read=read_or_hang)  # type: ignore[attr-defined]
