"""Where a training works and where its model ends: nothing half-written under the model's name."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from xrayscan.errors import LockedError, OptionError, StoppedError, UsageError, XrayscanError
from xrayscan.journal.atomic import sync_tree, unwritable
from xrayscan.journal.lock import SUFFIX, locked
from xrayscan.training.learning.state import CURVES, PROGRESS, WEIGHTS, finished_epochs
from xrayscan.training.options import FitOptions

log = logging.getLogger(__name__)

_MODEL, _BEFORE = "model", "before"  # folders within the working folder
# everything that a training can leave there, and nothing that could be anybody's
_OURS = re.compile(
    rf"{_MODEL}|{_BEFORE}|{CURVES}|\.?{PROGRESS}(\..*\.part)?|(last|best)-\d+{re.escape(WEIGHTS)}"
)
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

    @classmethod
    def of(cls, out: Path) -> Place:
        """The place of a training that is to end in ``out``."""
        return cls(out, out.absolute().with_name(f"{out.name}.{TRAINING}"))

    @property
    def model(self) -> Path:
        """Where the model folder is written before it gets its name."""
        return self.work / _MODEL

    @property
    def finished(self) -> Path:
        """Where a finished model keeps its training's state."""
        return self.out / TRAINING

    @property
    def lock(self) -> Path:
        """What keeps two trainings for one model apart."""
        return self.work.with_name(f"{self.work.name}{SUFFIX}")

    def has_progress(self) -> bool:
        """Whether a training was begun here."""
        return (self.work / PROGRESS).is_file()

    @property
    def resumable(self) -> bool:
        """Whether a training was begun or finished here that can go on."""
        return self.has_progress() or (self.finished / PROGRESS).is_file()

    def deliver(self) -> None:
        """Give the finished model its name, the training's state within it.

        What somebody put beside the model before goes along. All is copied: killed anywhere here,
        the training can still be resumed, and nothing is lost.
        """
        state = self.model / TRAINING
        for path in [path for path in self.work.iterdir() if path.is_file()]:
            state.mkdir(exist_ok=True)
            shutil.copy2(path, state)
        before = self.work / _BEFORE
        # where the last delivery was killed between the two names, the model before has none
        _carry_over(self.out if self.out.exists() else before, self.model)
        sync_tree(self.model)  # on the disk before what it was made from goes
        if self.out.exists():
            shutil.rmtree(before, ignore_errors=True)  # of a delivery that was stopped
            self.out.rename(before)
        self.model.rename(self.out)
        (self.work / PROGRESS).unlink(missing_ok=True)  # what is left of the rest is no training
        shutil.rmtree(self.work)


def _carry_over(before: Path, model: Path) -> None:
    """Copy what the model before has and the new one does not write: notes, figures, exports."""
    kept = []
    for path in sorted(before.rglob("*")):  # a folder comes before what is in it
        name = path.relative_to(before)
        is_state = name.parent == Path(TRAINING) and _OURS.fullmatch(name.name)
        if is_state or os.path.lexists(model / name):
            continue
        if path.is_dir() and not path.is_symlink():
            (model / name).mkdir()
        else:
            shutil.copy2(path, model / name, follow_symlinks=False)
            kept.append(str(name))
    if kept:
        log.warning(
            "kept from the model before, whose figures and exports are not the new one's: %s",
            ", ".join(kept),
        )


def find_place(options: FitOptions) -> Place:
    """Check that there is room for a new training, or something to resume.

    What was stopped before its first epoch has left nothing: resumed, it begins anew.

    Raises:
        UsageError: the output has no name, lies among the films, or exists and is no training if
            one is to be resumed, or an unfinished training lies beside it.
        XrayscanError: it cannot be written.
    """
    out = options.out
    if not out.name:
        raise OptionError("out", out, "give the name of a folder that does not exist yet")
    if options.data.resolve() in out.resolve().parents:
        # the next run would take the folder for a class, and its pictures for films
        raise OptionError("out", out, f"lies within {options.data}; give a folder beside it")
    parent = next(path for path in out.absolute().parents if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise XrayscanError(f"{parent}: cannot be written; choose another --out")
    place = Place.of(out)
    if options.resume and not place.resumable:
        if out.exists():
            raise UsageError(f"{out}: no training to resume there; choose another folder")
        log.info("%s: no finished epoch to go on from; beginning anew", out)
    elif out.exists() and not options.resume:
        raise UsageError(
            f"{out}: exists already; choose another folder, remove it, or add epochs by --resume"
        )
    elif place.has_progress() and not options.resume:
        raise UsageError(
            f"{place.work}: holds an unfinished training; give --resume to go on, or remove it"
        )
    if not _is_ours(place.work):
        raise UsageError(
            f"{place.work}: is in the way of the training; move it, or choose another --out"
        )
    return place


def _is_ours(work: Path) -> bool:
    """Whether nothing is there, or only what a training that was stopped left."""
    if not work.exists():
        return True
    names = {path.name for path in work.iterdir()} if work.is_dir() else {""}
    return all(_OURS.fullmatch(name) for name in names)


@contextmanager
def working(place: Place) -> Iterator[None]:
    """Keep the working folder while the context lasts, and afterwards if an epoch is in it.

    Raises:
        LockedError: another training for the same model works there.
        XrayscanError: it cannot be written.
    """
    with ExitStack() as held:
        try:
            held.enter_context(locked(place.lock))
        except LockedError:
            raise LockedError(
                f"{place.lock}: another training for {place.out} holds it; wait for its end, or "
                "give another --out"
            ) from None
        held.enter_context(_kept(place))
        yield


@contextmanager
def _kept(place: Place) -> Iterator[None]:
    try:
        if place.has_progress():
            shutil.rmtree(place.model, ignore_errors=True)  # of an export that was stopped
        else:
            shutil.rmtree(place.work, ignore_errors=True)  # stopped before anything was finished
            if place.out.exists():
                _copy(place.finished, place.work)
            else:
                place.work.mkdir(parents=True)
        yield
    except OSError as fault:
        _drop_if_empty(place)
        raise unwritable(fault.filename or place.work, fault) from fault
    except BaseException as fault:
        if _drop_if_empty(place) and isinstance(fault, StoppedError):
            raise StoppedError("stopped before the first epoch; nothing is kept") from None
        raise


@contextmanager
def watching(place: Place) -> Iterator[Place]:
    """Make a place of its own for a host that trains along and whose files nobody needs.

    It has what is in ``place`` to be resumed, and is gone with the context.
    """
    try:
        with TemporaryDirectory(prefix="xrayscan-") as folder:
            own = Place.of(Path(folder) / place.out.name)
            for state in (place.work, place.finished):
                if (state / PROGRESS).is_file():
                    _copy(state, own.work)
                    break
            yield own
    except OSError as fault:
        raise unwritable(fault.filename or gettempdir(), fault) from fault


def _copy(state: Path, work: Path) -> None:
    """Copy a training's state; what says that it is one comes last, and whole."""
    work.mkdir(parents=True)
    for path in state.iterdir():
        # somebody's own would be in the way there; it stays with the model
        if path.is_file() and _OURS.fullmatch(path.name) and path.name != PROGRESS:
            shutil.copy2(path, work)
    unfinished = work / f".{PROGRESS}.copy.part"
    shutil.copy2(state / PROGRESS, unfinished)
    unfinished.rename(work / PROGRESS)


def _drop_if_empty(place: Place) -> bool:
    """Remove the working folder unless a finished epoch is in it."""
    empty = not finished_epochs(place.work)
    if empty:
        shutil.rmtree(place.work, ignore_errors=True)
    return empty
