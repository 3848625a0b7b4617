"""Hosts that train one model together, by Keras' own distribution under JAX.

Each runs the same command on the same files, makes its share of every batch, and has the whole
network. The first decides and writes; what is measured by one is said to all, so that every host
takes the same steps. Keras' variables say who they are:

    KERAS_DISTRIBUTION_JOB_ADDRESSES  where the first one listens, HOST:PORT
    KERAS_DISTRIBUTION_NUM_PROCESSES  how many there are
    KERAS_DISTRIBUTION_PROCESS_ID     this one's number, from 0
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from xrayscan.errors import StoppedError, UsageError, XrayscanError

_ADDRESS, COUNT, _NUMBER = (
    f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
)
_PARTING_S = 2.0  # for the others to leave, which takes them milliseconds

# Who carries what hosts say to each other: on CPUs, on NVIDIA's and AMD's GPUs, and JAX itself.
_LOST = ("Gloo", "gloo", "NCCL", "RCCL", "coordination service")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Who trains together.

    Attributes:
        number: of this one, from 0.
        count: how many there are.
    """

    number: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one decides and writes."""
        return self.number == 0

    def told_by_first(self, value: Any) -> Any:
        """Give what the first host has: numbers, arrays, or lists and dicts of them.

        All hosts ask together, each with something of the same structure and shapes.
        """
        if self.count == 1:
            return value
        from jax.experimental.multihost_utils import broadcast_one_to_all

        return broadcast_one_to_all(value)

    def any_says(self, said: bool) -> bool:
        """Whether any host says so; all ask together."""
        if self.count == 1:
            return said
        from jax.experimental.multihost_utils import process_allgather

        return bool(process_allgather(np.array(said)).any())

    def all_have(self, text: str) -> bool:
        """Whether all hosts have the same text; all ask together."""
        own = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
        return not self.any_says(not np.array_equal(self.told_by_first(own), own))

    @contextmanager
    def meeting(self) -> Iterator[None]:
        """Meet the others, and part from them at the end.

        Raises:
            UsageError: they have not the same number of devices.
            XrayscanError: one of them has gone. (Where they do not come, JAX ends the process.)
        """
        if self.count == 1:
            yield
            return
        import jax

        if "jax_enable_recoverability" not in jax.config.values:
            raise UsageError(f"{COUNT}={self.count}: several hosts need jax 0.8 or newer")
        # SIGTERM stays ours; a host that is gone ends the others by an error and not by an abort
        jax.config.update("jax_enable_preemption_service", False)  # type: ignore[no-untyped-call]
        jax.config.update("jax_enable_recoverability", True)  # type: ignore[no-untyped-call]
        try:
            # what keras.distribution.initialize does where a seed is set
            jax.distributed.initialize(_address(), self.count, self.number)
        except RuntimeError as fault:
            words = str(fault).strip().partition("\n")[0]
            raise XrayscanError(
                f"{_ADDRESS}={_address()}: the {self.count} hosts did not meet "
                f"({words}); start the same command on each"
            ) from None
        try:
            if jax.local_device_count() * self.count != jax.device_count():
                raise UsageError("hosts that train together need the same number of devices each")
            yield
            self.part()
        except StoppedError:  # by all after the same step
            self.part()
            raise
        except (ValueError, RuntimeError) as fault:  # JAX's own error is one of either
            if not any(name in str(fault) for name in _LOST):
                raise
            raise XrayscanError(
                "another host that trains along is gone; give the same command with --resume on all"
            ) from fault
        finally:
            with suppress(RuntimeError):  # what is on its way says more
                jax.distributed.shutdown()  # type: ignore[no-untyped-call]

    def part(self) -> None:
        """Wait until all are here; the first, which the others are connected by, goes last."""
        if self.count == 1:
            return
        from jax.experimental.multihost_utils import sync_global_devices

        sync_global_devices("xrayscan fit")
        if self.is_first:
            time.sleep(_PARTING_S)


ALONE = Hosts()


def named_hosts() -> Hosts:
    """Read from the environment who trains together; this host alone, if it names none.

    Raises:
        UsageError: it is incomplete, or the backend cannot do it.
    """
    count = _whole(COUNT, 1)
    if count <= 1:
        return ALONE
    import keras  # takes seconds, which faults of a command on one host need not wait for

    if keras.config.backend() != "jax":
        raise UsageError(f"{COUNT}={count}: several hosts need KERAS_BACKEND=jax")
    if not re.fullmatch(r".+:\d+", _address()):
        raise UsageError(
            f"{COUNT}={count}: give {_ADDRESS}, where the first host listens: HOST:PORT"
        )
    number = _whole(_NUMBER, count)
    if number >= count:
        raise UsageError(f"{COUNT}={count}: give {_NUMBER}, from 0 to {count - 1}")
    return Hosts(number, count)


def _address() -> str:
    """Of the first host; Keras allows for all of them, with commas between."""
    return os.environ.get(_ADDRESS, "").partition(",")[0]


def _whole(name: str, default: int) -> int:
    said = os.environ.get(name, "")
    if said and not said.isdecimal():
        raise UsageError(f"{name}={said}: give a whole number")
    return int(said or default)
