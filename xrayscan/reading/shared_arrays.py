"""Arrays handed from one process to another by memory that both see, not through a pipe.

The memory has no name in any folder: it is gone with the last process that has it open, however
that one ends, so that no film is ever left behind in it.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64  # bytes, of a cache line: copies of arrays that begin at one are fastest


@dataclass(frozen=True, slots=True)
class Address:
    """By which another process finds shared memory.

    Attributes:
        path: to open it by, as long as the process that made it has it open.
        identity: device and inode: when that process is gone, another one may get its number, and
            have something else open under this path.
    """

    path: str
    identity: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an array lies in shared memory, bytes from its start, and what it is."""

    offset: int
    shape: tuple[int, ...]
    dtype: str


class SharedArrays:
    """Memory of this process that another one on the same machine can place arrays in.

    Attributes:
        address: for the other process.
    """

    def __init__(self, size: int) -> None:
        """Set so many bytes aside.

        Raises:
            OSError: there is no such memory on this system; arrays have to go another way.
        """
        if sys.platform != "linux":
            raise OSError("no memory without a name here")
        descriptor = os.memfd_create("xrayscan")
        os.ftruncate(descriptor, size)
        self._memory = mmap.mmap(descriptor, size)
        self._descriptor = descriptor
        self.address = Address(f"/proc/{os.getpid()}/fd/{descriptor}", _identity(descriptor))

    def copies(self, placed: Sequence[Placed]) -> list[NDArray[Any]]:
        """Copy out what another process has placed."""
        return [
            np.ndarray(each.shape, each.dtype, self._memory, each.offset).copy() for each in placed
        ]

    def close(self) -> None:
        """Let go of it."""
        self._memory.close()
        os.close(self._descriptor)


def place(address: Address, arrays: Sequence[NDArray[Any]]) -> tuple[Placed, ...] | None:
    """Copy arrays into another process's shared memory.

    Args:
        address: of its ``SharedArrays``.
        arrays: of any shapes and dtypes but objects.

    Returns:
        What its ``copies`` takes; None where they do not fit, or it cannot be opened or is gone.
    """
    try:
        with open(address.path, "r+b", buffering=0) as file:  # noqa: PTH123
            if _identity(file.fileno()) != address.identity:
                return None
            memory = mmap.mmap(file.fileno(), 0)
    except OSError:
        return None
    with memory:
        placed, offset = [], 0
        for array in arrays:
            if offset + array.nbytes > len(memory):
                return None
            np.ndarray(array.shape, array.dtype, memory, offset)[...] = array
            placed.append(Placed(offset, array.shape, array.dtype.str))
            offset += -(-array.nbytes // ALIGNMENT) * ALIGNMENT
    return tuple(placed)


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
