"""Where a training works and where its model ends: nothing half-written under the model's name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xrayscan.errors import DataError, StoppedError, XrayscanError
from xrayscan.training.options import FitOptions
from xrayscan.training.state import PROGRESS

TRAINING = "training"  # within a model folder: the state from which epochs can be added


@dataclass(frozen=True, slots=True)
class Place:
    """Folders of one training.

    Attributes:
        out: the model folder to be.
        work: beside it, while training lasts.
    """

    out: Path
    work: Path

    @property
    def model(self) -> Path:
        """Where the model folder is written before it gets its name."""
        return self.work / "model"

    @property
    def finished(self) -> Path:
        """Where a finished model keeps its training's state."""
        return self.out / TRAINING

    def has_progress(self) -> bool:
        """Whether a training was begun here."""
        return (self.work / PROGRESS).is_file()

    def deliver(self) -> None:
        """Give the finished model its name, the training's state within it."""
        state = self.model / TRAINING
        for path in [path for path in self.work.iterdir() if path.is_file()]:
            state.mkdir(exist_ok=True)
            path.rename(state / path.name)
        before = self.work / "before"
        if self.out.exists():
            self.out.rename(before)
        self.model.rename(self.out)
        shutil.rmtree(self.work)


def find_place(options: FitOptions) -> Place:
    """Check that there is room for a new training, or something to resume.

    Raises:
        DataError: the output exists, an unfinished training lies beside it, or there is nothing to
            resume.
    """
    out = options.out
    place = Place(out, out.absolute().with_name(f"{out.name}.{TRAINING}"))
    if options.resume:
        if not place.has_progress() and not (place.finished / PROGRESS).is_file():
            raise DataError(f"{out}: no training to resume there; leave --resume out")
    elif out.exists():
        raise DataError(
            f"{out}: exists already; choose another folder, remove it, or add epochs by --resume"
        )
    elif place.work.exists():
        raise DataError(
            f"{place.work}: holds an unfinished training; give --resume to go on, or remove it"
        )
    return place


@contextmanager
def working(place: Place) -> Iterator[None]:
    """Keep the working folder while the context lasts, and afterwards if an epoch is in it.

    Raises:
        XrayscanError: it cannot be written.
    """
    try:
        if place.has_progress():
            shutil.rmtree(place.model, ignore_errors=True)  # of an export that was stopped
        elif place.out.exists():
            shutil.copytree(place.finished, place.work)
        else:
            place.work.mkdir(parents=True)
        yield
    except OSError as fault:
        _drop_if_empty(place)
        words = (fault.strerror or str(fault)).lower()
        name = fault.filename or place.work
        raise XrayscanError(
            f"{name}: cannot be written ({words}); check space and permissions"
        ) from fault
    except BaseException as fault:
        if _drop_if_empty(place) and isinstance(fault, StoppedError):
            raise StoppedError("stopped before the first epoch; nothing is kept") from None
        raise


def _drop_if_empty(place: Place) -> bool:
    """Remove the working folder unless the weights of a finished epoch are in it."""
    empty = not any(place.work.glob("best-*"))
    if empty:
        shutil.rmtree(place.work, ignore_errors=True)
    return empty
