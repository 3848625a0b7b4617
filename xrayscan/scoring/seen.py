"""Which films a model has learnt from: a model folder keeps what they are known by, no more.

The beginnings of the files' sha256, and what the films look like in 143 bits, so that a film is
known in another encoding and at another size, too. Nothing of patients is kept: a key made of a
patient's id could be found out by trying all ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.scoring.looks import NEAR_BITS, NO_LOOK, Looks, nearest, stacked

FILE, LOOKS_FILE = "films_seen.npy", "films_looks.npy"

Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Films as they are known again.

    Attributes:
        files: (N,) the first 64 bits of each file's sha256.
        looks: (M, LOOK_BYTES) what they look like; none in models of before this was kept.
    """

    files: Keys = field(default_factory=lambda: np.zeros(0, np.uint64))
    looks: Looks = field(default_factory=lambda: stacked([]))

    @classmethod
    def of(cls, sha256: Iterable[str], looks: Looks) -> Seen:
        """The films of these files; what could not be read has no sha256 and ``NO_LOOK``."""
        return cls(_keys(each for each in sha256 if each), looks[looks.any(axis=1)])

    @classmethod
    def kept_in(cls, folder: Path) -> Seen | None:
        """What a model folder keeps; None where it does not say."""
        try:
            files = np.asarray(np.load(folder / FILE, allow_pickle=False), np.uint64)
            looks = folder / LOOKS_FILE
            return cls(files, np.load(looks, allow_pickle=False)) if looks.exists() else cls(files)
        except (OSError, EOFError, ValueError):
            return None

    def and_of(self, other: Seen) -> Seen:
        """All films of both, each once."""
        return Seen(
            np.union1d(self.files, other.files),
            np.unique(np.concatenate([self.looks, other.looks]), axis=0),
        )

    def keep_in(self, folder: Path) -> None:
        """Write it to a model folder."""
        np.save(folder / FILE, self.files)
        np.save(folder / LOOKS_FILE, self.looks)

    def knows(self, sha256: Sequence[str], looks: Looks) -> NDArray[np.bool_]:
        """Tell of N films which are among these: the same file, or one that looks the same.

        Args:
            sha256: hexadecimal; "" of what could not be read.
            looks: (N, LOOK_BYTES).
        """
        same = np.isin(_keys(each or "0" for each in sha256), self.files)
        if not len(self.looks):
            return same
        _, apart = nearest(looks, self.looks)
        return np.asarray(same | ((apart <= NEAR_BITS) & (looks != NO_LOOK).any(axis=1)), np.bool_)


def _keys(sha256: Iterable[str]) -> Keys:
    return np.array([int(each[:16], 16) for each in sha256], np.uint64)
