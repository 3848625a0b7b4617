"""What ``--engine`` takes: this process, its GPU, a cluster here, or the address of one."""

from __future__ import annotations

import re
from importlib.util import find_spec

from xrayscan.errors import OptionError

LOCAL = "local"
GPU = "gpu"  # films are read here and scored there
IN_PROCESS = (LOCAL, GPU)  # whatever scores, the run assesses its films itself
OWN_CLUSTER = "dask"  # started for the run, on this machine

# tcp:// and tls:// are how a scheduler itself prints its address
_ADDRESS = re.compile(r"(dask|tcp|tls)://(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(\d{1,5})/?")


def check_engine(engine: str) -> None:
    """Find out whether an engine can be used.

    Raises:
        UsageError: it is none, or Dask is not installed.
    """
    if engine in IN_PROCESS:
        return
    if engine != OWN_CLUSTER:
        scheduler_address(engine)
    if find_spec("distributed") is None:
        raise OptionError("engine", engine, "needs Dask; pip install 'xrayscan[cluster]'")


def scheduler_address(engine: str) -> str:
    """The address as Dask takes it: tcp://HOST:PORT.

    Raises:
        UsageError: it is no address, or that of an encrypted cluster.
    """
    found = _ADDRESS.fullmatch(engine.strip())
    if found is None or not 1 <= int(found[3]) <= 65_535:
        raise OptionError("engine", engine, "give local, gpu, dask or dask://HOST:PORT")
    if found[1] == "tls":
        raise OptionError(
            "engine",
            engine,
            "encrypted clusters are not supported yet; give dask://HOST:PORT, "
            "on a network that you trust",
        )
    return f"tcp://{found[2]}:{found[3]}"
