from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.errors import DataError, XrayscanError
from xrayscan.training.learning.state import PROGRESS, TrainingState

IDENTITY = {
    "architecture": "tiny",
    "classes": ["NORMAL", "PNEUMONIA"],
    "films (sha256)": "ab12",
    "learning_rate": 1e-3,
    "seed": 7,
}


def row(auc: float, epoch: int = 1, loss: float = 0.5) -> dict[str, float]:
    return {"epoch": epoch, "loss": 0.5, "val_auc": auc, "val_loss": loss}


def writer(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


def begun(folder: Path, *aucs: float) -> TrainingState:
    """A state after some epochs, saved and committed in the order that training does it."""
    state = TrainingState(folder, IDENTITY)
    state.save_last(writer("start"))
    state.commit()
    for epoch, auc in enumerate(aucs, start=1):
        one_epoch(state, epoch, auc)
        state.commit()
    return state


def one_epoch(state: TrainingState, epoch: int, auc: float) -> bool:
    state.save_last(writer(f"last of {epoch}"))
    return state.finish_epoch(row(auc, epoch), writer(f"best of {epoch}"))


def loaded(folder: Path, **changed: Any) -> TrainingState:
    return TrainingState.load(folder, IDENTITY | changed)


def contents(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.glob("*.h5"))


# -- what is kept --------------------------------------------------------------------------------


def test_nothing_is_written_at_first(tmp_path: Path) -> None:
    state = TrainingState(tmp_path / "work", IDENTITY)
    assert (state.epochs, state.best_epoch, state.last) == (0, 0, None)
    assert list(tmp_path.iterdir()) == []


def test_round_trip(tmp_path: Path) -> None:
    """Numbers come back as the very numbers that they were, in a folder made for them."""
    state = begun(tmp_path / "not" / "yet", 0.1 + 0.6, 1 / 3)
    again = loaded(tmp_path / "not" / "yet")
    assert again.history == state.history == [row(0.1 + 0.6, 1), row(1 / 3, 2)]
    assert again.identity == IDENTITY
    assert (again.epochs, again.best_epoch) == (2, 1)
    assert again.last is not None
    assert again.last.read_text() == "last of 2"
    assert again.best.read_text() == "best of 1"


def test_the_start_is_a_state(tmp_path: Path) -> None:
    """Stopped within the first epoch, training begins where the epochs began."""
    begun(tmp_path)
    again = loaded(tmp_path)
    assert (again.epochs, again.history) == (0, [])
    assert again.last is not None
    assert again.last.read_text() == "start"


def test_older_weights_are_removed(tmp_path: Path) -> None:
    state = begun(tmp_path, 0.8, 0.7, 0.6)
    assert contents(tmp_path) == ["best of 1", "last of 3"]
    one_epoch(state, 4, 0.9)
    assert contents(tmp_path) == ["best of 1", "best of 4", "last of 3", "last of 4"]
    state.commit()
    assert contents(tmp_path) == ["best of 4", "last of 4"]


def test_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "curves.png").write_text("curves")
    begun(tmp_path, 0.8)
    assert (tmp_path / "curves.png").read_text() == "curves"


# -- only a commit counts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "done",
    [0, 1, 2, 3],
    ids="after {} epochs".format,
)
@pytest.mark.parametrize("killed", ["before the best", "before the commit"])
def test_killed_between_saving_and_commit(tmp_path: Path, done: int, killed: str) -> None:
    """The next epoch was better and saved already, but not committed: it never was."""
    aucs = [0.7, 0.6, 0.8][:done]
    state = begun(tmp_path, *aucs)
    before = {path.name: path.read_text() for path in (state.last, state.best) if path.is_file()}
    state.save_last(writer("lost"))
    if killed == "before the commit":
        assert state.finish_epoch(row(0.99, done + 1), writer("lost"))
    again = loaded(tmp_path)
    assert [each["val_auc"] for each in again.history] == aucs
    assert again.last is not None
    assert {p.name: p.read_text() for p in (again.last, again.best) if p.is_file()} == before
    # and it goes on as if nothing had been: what was lost is written again, then removed
    one_epoch(again, done + 1, 0.9)
    again.commit()
    assert contents(tmp_path) == [f"best of {done + 1}", f"last of {done + 1}"]


def test_killed_within_the_writing_of_weights(tmp_path: Path) -> None:
    state = begun(tmp_path, 0.7)

    def killed(path: Path) -> None:
        path.write_text("half of it")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        state.save_last(killed)
    last = loaded(tmp_path).last
    assert last is not None
    assert last.read_text() == "last of 1"


@given(
    st.lists(st.tuples(st.sampled_from([0.5, 0.6, 0.7, 0.8]), st.booleans()), max_size=12),
)
def test_any_history_of_kills(
    tmp_path_factory: pytest.TempPathFactory, epochs: list[tuple[float, bool]]
) -> None:
    """Whatever epochs are lost to kills, the state is that of those committed, and no more."""
    folder = tmp_path_factory.mktemp("state")
    begun(folder)
    committed: list[float] = []
    for number, (auc, killed) in enumerate(epochs):
        state = loaded(folder)
        one_epoch(state, number, auc)
        if not killed:
            state.commit()
            committed.append(number)
    again = loaded(folder)
    aucs = [epochs[number][0] for number in committed]
    assert [each["val_auc"] for each in again.history] == aucs
    assert again.last is not None
    assert again.last.read_text() == (f"last of {committed[-1]}" if committed else "start")
    if committed:
        assert again.best_epoch == aucs.index(max(aucs)) + 1
        assert again.best.read_text() == f"best of {committed[again.best_epoch - 1]}"


# -- the best epoch ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("aucs", "best"),
    [
        ([], 0),
        ([0.5], 1),
        ([0.5, 0.6], 2),
        ([0.6, 0.5], 1),
        ([0.6, 0.6, 0.6], 1),
        ([0.5, 0.9, 0.7, 0.9], 2),
        ([1.0, 1.0], 1),
        ([0.0], 1),
        ([math.nan, 0.99, 0.95], 2),
        ([0.99, math.nan], 1),
    ],
    ids=str,
)
def test_the_first_of_the_best_is_kept(tmp_path: Path, aucs: list[float], best: int) -> None:
    state = begun(tmp_path, *aucs)
    assert state.best_epoch == best
    if aucs:
        assert state.best.read_text() == f"best of {best}"


@pytest.mark.parametrize(
    ("losses", "best"),
    [([0.3, 0.2, 0.4], 2), ([0.2, 0.2], 1), ([0.5, 0.4, 0.3], 3)],
    ids=str,
)
def test_among_equals_the_lowest_loss(tmp_path: Path, losses: list[float], best: int) -> None:
    """On easy films every epoch ranks without a fault; the later ones are surer."""
    state = TrainingState(tmp_path, IDENTITY)
    for epoch, loss in enumerate(losses, start=1):
        state.save_last(writer(f"last of {epoch}"))
        state.finish_epoch(row(1.0, epoch, loss), writer(f"best of {epoch}"))
        state.commit()
    assert state.best_epoch == loaded(tmp_path).best_epoch == best
    assert state.best.read_text() == f"best of {best}"


@given(st.lists(st.sampled_from([0.5, 0.6, 0.7, 0.8]), min_size=1, max_size=10))
def test_finish_epoch_says_which_are_better_than_all_before(
    tmp_path_factory: pytest.TempPathFactory, aucs: list[float]
) -> None:
    state = TrainingState(tmp_path_factory.mktemp("state"), IDENTITY)
    said = [one_epoch(state, number, auc) for number, auc in enumerate(aucs, start=1)]
    assert said == [auc > max(aucs[:number], default=0) for number, auc in enumerate(aucs)]


@pytest.mark.parametrize(
    ("aucs", "patience", "expected"),
    [
        ([], 1, False),
        ([0.5], 0, False),
        ([0.9, 0.5, 0.5, 0.5], 0, False),
        ([0.5], 1, False),
        ([0.5, 0.6], 1, False),
        ([0.6, 0.5], 1, True),
        ([0.6, 0.6], 1, True),  # as good is not better
        ([0.6, 0.5], 2, False),
        ([0.6, 0.5, 0.5], 2, True),
        ([0.6, 0.5, 0.7], 2, False),
        ([0.6, 0.5, 0.7, 0.6, 0.6], 2, True),
    ],
)
def test_exhausted(tmp_path: Path, aucs: list[float], patience: int, expected: bool) -> None:
    begun(tmp_path, *aucs)
    assert loaded(tmp_path).exhausted(patience) is expected


# -- what it refuses -----------------------------------------------------------------------------


def sentence(call: Callable[[], object], kind: type[XrayscanError] = DataError) -> str:
    with pytest.raises(XrayscanError) as fault:
        call()
    assert type(fault.value) is kind
    message = str(fault.value)
    assert "\n" not in message
    assert "; " in message
    return message


def test_another_seed_is_named_before_the_films_that_it_draws(tmp_path: Path) -> None:
    begun(tmp_path, 0.7)
    changed = {"films (sha256)": "cd34", "seed": 8}
    assert "was begun with seed 7, not 8; " in sentence(lambda: loaded(tmp_path, **changed))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("seed", 8, "seed 7, not 8"),
        ("learning_rate", 0.01, "learning_rate 0.001, not 0.01"),
        ("architecture", "cnn", "architecture tiny, not cnn"),
        ("films (sha256)", "cd34", "films (sha256) ab12, not cd34"),
        ("classes", ["A", "B"], "classes ['NORMAL', 'PNEUMONIA'], not ['A', 'B']"),
    ],
)
def test_another_training(tmp_path: Path, name: str, value: object, shown: str) -> None:
    begun(tmp_path, 0.7)
    message = sentence(lambda: loaded(tmp_path, **{name: value}))
    assert message.startswith(f"{tmp_path}: was begun with {shown}; ")
    assert "give the same as then" in message
    assert loaded(tmp_path).epochs == 1  # and it did no harm


@pytest.mark.parametrize(
    "change",
    [
        lambda identity: {**identity, "new_option": 1},
        lambda identity: {k: v for k, v in identity.items() if k != "seed"},
    ],
    ids=["an option that was not there", "an option that is no more"],
)
def test_other_options(
    tmp_path: Path, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> None:
    begun(tmp_path)
    message = sentence(lambda: TrainingState.load(tmp_path, change(IDENTITY)))
    assert "new_option" in message or "seed" in message


def good() -> dict[str, Any]:
    return {
        "schema": 1,
        "identity": IDENTITY,
        "history": [row(0.7)],
        "last": "last-1.weights.h5",
        "best": "best-1.weights.h5",
    }


DAMAGED = {
    "empty": b"",
    "cut": json.dumps(good()).encode()[:70],
    "no JSON": b"no JSON at all",
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "another schema": json.dumps(good() | {"schema": 2}).encode(),
    "history of numbers": json.dumps(good() | {"history": [1, 2]}).encode(),
    "history a number": json.dumps(good() | {"history": 3}).encode(),
    "identity a number": json.dumps(good() | {"identity": 3}).encode(),
    **{
        f"no {name}": json.dumps({k: v for k, v in good().items() if k != name}).encode()
        for name in good()
    },
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_progress(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PROGRESS).write_bytes(content)
    message = sentence(lambda: loaded(tmp_path))
    assert message.startswith(f"{tmp_path / PROGRESS}: cannot be read (")
    assert message.endswith(f"; remove {tmp_path} and train anew")


def test_what_the_damaged_ones_were_made_of_is_read(tmp_path: Path) -> None:
    (tmp_path / PROGRESS).write_text(json.dumps(good()))
    assert loaded(tmp_path).epochs == 1


def test_an_unknown_schema_is_named(tmp_path: Path) -> None:
    (tmp_path / PROGRESS).write_text(json.dumps(good() | {"schema": 2}))
    assert "schema 2, this version reads 1" in sentence(lambda: loaded(tmp_path))


@pytest.mark.parametrize(
    ("there", "words"),
    [("nothing", "no such file or directory"), ("a folder", "is a directory")],
)
def test_no_progress_file(tmp_path: Path, there: str, words: str) -> None:
    if there == "a folder":
        (tmp_path / PROGRESS).mkdir()
    path = tmp_path / PROGRESS
    assert sentence(lambda: loaded(tmp_path)).startswith(f"{path}: cannot be read ({words});")


FULL = {
    "of the system": OSError(errno.ENOSPC, "No space left on device"),
    "of h5py": OSError("Can't synchronously write data (No space left on device)"),
    "of h5py, in a library": RuntimeError("Unable to flush file\nfile descriptor: 5, errno = 28"),
    "no permission": PermissionError(errno.EACCES, "Permission denied"),
}


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="nothing is reserved here")
def test_room_is_asked_for_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HDF5 can end the process where a disk is full: it does not come to that."""
    asked = []

    def full(_: int, start: int, size: int) -> None:
        asked.append((start, size))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    state = TrainingState(tmp_path, IDENTITY)
    message = sentence(lambda: state.save_last(pytest.fail, 5000), XrayscanError)
    assert message == (
        f"{tmp_path / 'last-0.weights.h5'}: cannot be written (no space left on device); check "
        "space and permissions"
    )
    assert asked == [(0, 5000)]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", FULL.values(), ids=FULL)
@pytest.mark.parametrize("step", ["last", "best"])
def test_a_full_disk(tmp_path: Path, fault: Exception, step: str) -> None:
    """It is said in one sentence with the file's name, and what was committed stays."""
    state = begun(tmp_path, 0.7)

    def full(path: Path) -> None:
        path.write_text("half of it")
        raise fault

    if step == "last":
        message = sentence(lambda: state.save_last(full), XrayscanError)
    else:
        message = sentence(lambda: state.finish_epoch(row(0.8, 2), full), XrayscanError)
    assert message.startswith(str(tmp_path / step))
    assert ".weights.h5: cannot be written (" in message
    words = "unable to flush file" if isinstance(fault, RuntimeError) else str(fault.args[-1])
    assert words.lower() in message
    assert message.endswith("; check space and permissions")
    again = loaded(tmp_path)
    assert again.epochs == 1
    assert again.last is not None
    assert again.last.read_text() == "last of 1"
    assert again.best.read_text() == "best of 1"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    state = TrainingState(tmp_path / "file" / "work", IDENTITY)
    message = sentence(lambda: state.save_last(writer("start")), XrayscanError)
    assert message.startswith(f"{tmp_path / 'file' / 'work'}")


def test_a_weights_file_that_was_never_written(tmp_path: Path) -> None:
    state = TrainingState(tmp_path, IDENTITY)
    message = sentence(lambda: state.save_last(lambda path: None), XrayscanError)
    assert "no such file" in message
