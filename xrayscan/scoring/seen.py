"""Which films a model has learnt from: a model folder keeps the beginnings of their sha256."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "films_seen.npy"

Keys = NDArray[np.uint64]


def keys_of(sha256: Iterable[str]) -> Keys:
    """Keys of files, in their order: the first 64 bits of each hexadecimal sha256."""
    return np.array([int(each[:16], 16) for each in sha256], np.uint64)


def films_seen(folder: Path) -> Keys | None:
    """Return the keys of the films that a model has learnt from; None where it does not say."""
    try:
        return np.asarray(np.load(folder / FILE, allow_pickle=False), np.uint64)
    except (OSError, EOFError, ValueError):
        return None
