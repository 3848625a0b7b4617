"""The state of a training on disk: what makes it safe to stop at any moment.

``progress.json`` names the weights files that belong to it and is replaced in one step after they
are complete; a kill between leaves the state before. The state has what the next epoch needs
(weights, optimizer with its averages and step count) and the best epoch's weights.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xrayscan.errors import DataError, XrayscanError, words_of
from xrayscan.journal.atomic import atomic_text

PROGRESS = "progress.json"
CURVES = "curves.png"
_SCHEMA = 1
WEIGHTS = ".weights.h5"

Row = dict[str, float]


def finished_epochs(folder: Path) -> int:
    """How many epochs are finished in a folder; 0 where nothing can be read."""
    try:
        return len(json.loads((folder / PROGRESS).read_text(encoding="utf-8"))["history"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


class TrainingState:
    """A training's folder and its history.

    Attributes:
        folder: where everything lies.
        identity: what must be the same for a training to go on: data and recipe.
        history: one row per finished epoch.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Begin a new state; nothing is written before the first ``save_last``."""
        self.folder = folder
        self.identity = dict(identity)
        self.history: list[Row] = []
        self._last = ""
        self._best = ""

    @classmethod
    def load(cls, folder: Path, identity: Mapping[str, Any]) -> TrainingState:
        """Read a state.

        Raises:
            DataError: it cannot be read, or belongs to a training on other data or otherwise made.
        """
        state = cls(folder, identity)
        path = folder / PROGRESS
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            if facts["schema"] != _SCHEMA:
                raise ValueError(f"schema {facts['schema']}, this version reads {_SCHEMA}")
            state.history = [dict(row) for row in facts["history"]]
            state._last, state._best = facts["last"], facts["best"]
            before = dict(facts["identity"])
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise DataError(
                f"{path}: cannot be read ({words_of(fault)}); remove {folder} and train anew"
            ) from None
        # the films last: another seed draws others, and is what was given otherwise
        names = sorted(before.keys() | state.identity.keys())
        for name in sorted(names, key=lambda name: name.startswith("films")):
            old, new = before.get(name), state.identity.get(name)
            if old != new:
                raise DataError(
                    f"{folder}: was begun with {name} {old}, not {new}; give the same as then, or "
                    "another --out to train anew"
                )
        return state

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return len(self.history)

    @property
    def last(self) -> Path | None:
        """Weights and optimizer after the last finished epoch; None before anything is saved."""
        return self.folder / self._last if self._last else None

    @property
    def best(self) -> Path:
        """Weights of the epoch with the best validation AUC."""
        return self.folder / self._best

    @property
    def best_epoch(self) -> int:
        """Its number, from 1; 0 before the first. Among equals the one with the lowest loss."""
        ranks = [
            # no number is greater or less than NaN: as the first, it would stay the best
            (-math.inf if math.isnan(row["val_auc"]) else row["val_auc"], -row["val_loss"])
            for row in self.history
        ]
        return ranks.index(max(ranks)) + 1 if ranks else 0

    def restore(self, network: Any, weights: Path) -> None:
        """Load ``last`` or ``best`` into a network.

        Raises:
            DataError: the file is missing or damaged.
        """
        try:
            network.load_weights(weights)
        except (OSError, ValueError, KeyError) as fault:
            words = str(fault).strip().partition("\n")[0]
            raise DataError(
                f"{weights}: cannot be read ({words}); remove {self.folder} and train anew"
            ) from None

    def exhausted(self, patience: int) -> bool:
        """Whether no epoch of the last ``patience`` was better than one before; 0 never says so."""
        return 0 < patience <= self.epochs - self.best_epoch

    def save_last(self, write: Callable[[Path], object], size: int = 0) -> None:
        """Write what the next epoch needs, under a name of its own until ``commit``.

        Args:
            write: writes the file.
            size: its bytes, about, where there is no earlier one that tells.
        """
        # of the epoch that is about to be finished; 0 is where the epochs begin
        number = self.epochs + 1 if self._last else 0
        self._last = self._written(f"last-{number}{WEIGHTS}", write, self._last, size)

    def finish_epoch(self, row: Row, write_best: Callable[[Path], object]) -> bool:
        """Add an epoch; keep its weights if it is the best so far.

        Returns:
            Whether it is.
        """
        self.history.append(row)
        is_best = self.best_epoch == self.epochs
        if is_best:
            self._best = self._written(f"best-{self.epochs}{WEIGHTS}", write_best, self._best)
        return is_best

    def commit(self) -> None:
        """Make what was saved the state to go on from, in one step, then drop the one before."""
        facts = {
            "schema": _SCHEMA,
            "identity": self.identity,
            "history": self.history,
            "last": self._last,
            "best": self._best,
        }
        with atomic_text(self.folder / PROGRESS) as file:
            json.dump(facts, file, indent=1)
        for path in self.folder.glob(f"*{WEIGHTS}"):
            if path.name not in (self._last, self._best):
                path.unlink()

    def _written(
        self, name: str, write: Callable[[Path], object], before: str, size: int = 0
    ) -> str:
        path = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _check_room(path, (self.folder / before).stat().st_size if before else size)
            write(path)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        except (OSError, RuntimeError) as fault:  # h5py says a full disk in either way
            number = getattr(fault, "errno", None)  # its own words for one are lines of numbers
            words = os.strerror(number) if number else str(fault).partition("\n")[0]
            raise XrayscanError(
                f"{path}: cannot be written ({words.lower()}); check space and permissions"
            ) from fault
        return name


def _check_room(path: Path, size: int) -> None:
    """Find a full disk or a spent quota before HDF5 does, which can end the whole process there.

    Args:
        path: a file that is about to be written.
        size: its bytes; nothing is known of 0.

    Raises:
        OSError: there is no room for it.
    """
    if not size or not hasattr(os, "posix_fallocate"):
        return
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    finally:
        path.unlink(missing_ok=True)
