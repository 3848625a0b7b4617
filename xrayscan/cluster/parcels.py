"""Calls as bytes, which any worker can take in and only one with this xrayscan can open.

Dask cuts a worker off that cannot unpickle its task; then a cluster's worker without xrayscan, or
with another, would go down with each batch that it is given. A function within a function is sent
as code and not by its name; what it fails on is an error of its task.
"""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from typing import Any


def parcel(function: Callable[..., Any], *args: Any) -> bytes:
    """A call as bytes."""
    return pickle.dumps((function, args))


def opener() -> Callable[[bytes], Any]:
    """What makes a parcel's call as a task."""

    def open_parcel(content: bytes) -> Any:
        import pickle

        function, args = pickle.loads(content)
        return function(*args)

    return open_parcel


def opener_aside() -> Callable[..., Awaitable[Any]]:
    """What makes a parcel's call beside the tasks, with the worker as first argument."""

    async def open_parcel(content: bytes, dask_worker: Any) -> Any:
        import pickle

        function, args = pickle.loads(content)
        return await function(dask_worker, *args)

    return open_parcel
