"""Opens clusters: one of this machine's own, or one that runs somewhere."""

from __future__ import annotations

import logging
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from xrayscan.cluster.engines import OWN_CLUSTER, scheduler_address
from xrayscan.errors import XrayscanError

CONNECT_S = 10.0  # a scheduler that is there answers at once; a busy one within seconds
CLOSE_S = 10.0
START_S = 60.0  # of a worker of our own: seconds, more on a busy machine
# Ports of a cluster of this machine's own are open to this machine only.
HERE = "127.0.0.1"


@contextmanager
def connected(engine: str, workers: int) -> Iterator[Any]:
    """Connect to a cluster, or start one that ends with the context.

    Args:
        engine: as ``--engine`` takes it, of a cluster.
        workers: processes of one thread of a cluster of this machine's own.

    Yields:
        Dask's client.

    Raises:
        XrayscanError: the cluster cannot be reached or started.
    """
    _keep_to_ourselves()
    if engine != OWN_CLUSTER:
        with _client(engine, scheduler_address(engine)) as client:
            yield client
        return
    with (
        _own_cluster(workers) as cluster,
        _client(engine, cluster.scheduler_address, direct_to_workers=True) as client,
    ):
        try:
            client.wait_for_workers(1, timeout=START_S)
        except TimeoutError:
            raise XrayscanError(
                f"--engine {engine}: its workers do not start; run without it"
            ) from None
        yield client


@contextmanager
def _own_cluster(workers: int) -> Iterator[Any]:
    import dask
    from distributed import LocalCluster

    configured = {
        # a film that kills its worker twice is told apart from one that was beside it once
        "distributed.scheduler.allowed-failures": 1,
        # on one machine who is there answers at once; asking one that has just died, Dask waits
        "distributed.comm.timeouts.connect": f"{CONNECT_S:.0f}s",
        # readers are children of workers
        "distributed.worker.daemon": False,
        # Dask has workers give memory back at once; arrays of a film's size then cost page faults,
        # up to as much CPU time as decoding. These are where glibc's own, dynamic limits end up.
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 64 * 2**20,
        "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 32 * 2**20,
        # there is nobody to look: no samples of what runs every 10 ms, no ticks every 20, no pages,
        # which would be ports
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "500ms",
        "distributed.admin.system-monitor.interval": "10s",
        "distributed.scheduler.active-memory-manager.start": False,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    with (
        tempfile.TemporaryDirectory(prefix="xrayscan-", ignore_cleanup_errors=True) as scratch,
        # of workers and scheduler; LocalCluster's own ``local_directory`` is the workers' alone
        dask.config.set({**configured, "temporary-directory": scratch}),
    ):
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host=HERE,
                dashboard_address=f"{HERE}:0",
                memory_limit=0,
                silence_logs=logging.CRITICAL + 1,
                preload=[__name__],
            )
        except (OSError, RuntimeError, ValueError, TimeoutError) as fault:
            words = str(fault).partition("\n")[0]
            raise XrayscanError(
                f"--engine {OWN_CLUSTER}: cannot be started ({words}); run without it"
            ) from None
        with cluster:
            yield cluster


@contextmanager
def _client(engine: str, address: str, **options: Any) -> Iterator[Any]:
    from distributed import Client

    try:
        # a client that nobody answers would be left half made, and hold up the process's end
        where = urlsplit(address)
        socket.create_connection((where.hostname, where.port), CONNECT_S).close()
        client = Client(address, timeout=CONNECT_S, set_as_default=False, **options)
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as fault:
        words = str(fault).strip().partition("\n")[0] or type(fault).__name__
        raise XrayscanError(
            f"--engine {engine}: no Dask scheduler answers there ({words}); "
            "check the address and that it runs"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=CLOSE_S)


def _keep_to_ourselves() -> None:
    """Take the handlers away that Dask writes to standard error with; sentences are ours."""
    for name in ("distributed", "distributed.client", "bokeh", "tornado", "tornado.application"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.addHandler(logging.NullHandler())


def dask_setup(worker: Any) -> None:
    """Have a worker of our own cluster outlive signals to the whole group: it is told to end.

    Dask calls this in each worker process, by the name of this module. A handler, not SIG_IGN,
    which readers would inherit.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: None)
