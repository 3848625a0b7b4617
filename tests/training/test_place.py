from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from xrayscan.errors import DataError, LockedError, StoppedError, UsageError, XrayscanError
from xrayscan.training.learning.state import PROGRESS
from xrayscan.training.options import FitOptions
from xrayscan.training.place import TRAINING, Place, find_place, watching, working


def place_in(folder: Path) -> Place:
    return find_place(FitOptions(folder / "data", folder / "model"))


def progress(epochs: int) -> str:
    return json.dumps({"history": [{}] * epochs})


def write_state(folder: Path, epochs: int = 1) -> None:
    """What a training leaves after some epochs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROGRESS).write_text(progress(epochs))
    (folder / f"last-{epochs}.weights.h5").write_text("last")
    if epochs:
        (folder / f"best-{epochs}.weights.h5").write_text("best")
        (folder / "curves.png").write_text("curves")


def write_model(folder: Path, content: str = "new") -> None:
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(content)
    (folder / "scorer.xml").write_text(content)


def tree(folder: Path) -> dict[str, str]:
    """Every file and its content; folders that are empty with a slash."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            found[name] = path.read_text()
        elif not any(path.iterdir()):
            found[f"{name}/"] = ""
    return found


# -- find_place ----------------------------------------------------------------------------------


def _nothing(_: Path) -> None:
    pass


def _file(folder: Path) -> None:
    (folder / "model").write_text("mine")


def _folder(folder: Path) -> None:
    (folder / "model").mkdir()


def _model_without_training(folder: Path) -> None:
    write_model(folder / "model")


def _model(folder: Path) -> None:
    write_model(folder / "model")
    write_state(folder / "model" / TRAINING)


def _unfinished(folder: Path) -> None:
    write_state(folder / "model.training")


def _working_folder_alone(folder: Path) -> None:
    (folder / "model.training").mkdir()


def _model_that_gets_epochs(folder: Path) -> None:
    _model(folder)
    _unfinished(folder)


Prepare = Callable[[Path], None]


@pytest.mark.parametrize(
    ("prepare", "resume", "said"),
    [
        (_file, True, "model: no training to resume there; choose another folder"),
        (_folder, True, "model: no training to resume there"),
        (_model_without_training, True, "model: no training to resume there"),
        (_file, False, "model: exists already; choose another folder, remove it"),
        (_folder, False, "model: exists already"),
        (_model, False, "model: exists already; choose another folder, remove it, or add epochs"),
        (_model_that_gets_epochs, False, "model: exists already"),
        (_unfinished, False, "model.training: holds an unfinished training; give --resume"),
    ],
)
def test_refusals(tmp_path: Path, prepare: Prepare, resume: bool, said: str) -> None:
    prepare(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(UsageError) as fault:
        find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=resume))
    assert str(fault.value).startswith(f"{tmp_path}/{said}")
    assert "\n" not in str(fault.value)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("prepare", "resume", "begun"),
    [
        (_nothing, False, False),
        (_unfinished, True, True),
        (_model, True, False),
        (_model_that_gets_epochs, True, True),
    ],
)
def test_places(tmp_path: Path, prepare: Prepare, resume: bool, begun: bool) -> None:
    prepare(tmp_path)
    before = tree(tmp_path)
    place = find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=resume))
    assert place == Place(tmp_path / "model", tmp_path / "model.training")
    assert place.model == tmp_path / "model.training" / "model"
    assert place.has_progress() is begun
    assert tree(tmp_path) == before  # nothing is made yet


@pytest.mark.parametrize("prepare", [_nothing, _working_folder_alone])
def test_what_was_stopped_before_the_first_epoch_begins_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, prepare: Prepare
) -> None:
    prepare(tmp_path)
    caplog.set_level("INFO", "xrayscan")
    place = find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=True))
    assert caplog.messages == [f"{place.out}: no finished epoch to go on from; beginning anew"]
    assert not place.resumable
    with working(place):
        assert place.work.is_dir()


@pytest.mark.parametrize("out", ["model", "./model", "not/yet/model", "../model", "with.dot"])
def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    """The working folder lies beside it, where it can be renamed from, wherever we are later."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    place = find_place(FitOptions(Path("data"), Path(out)))
    assert place.work.is_absolute()
    assert place.work.parent == Path(out).absolute().parent
    assert place.work.name == f"{Path(out).name}.training"


# -- working -------------------------------------------------------------------------------------


def test_a_new_training(tmp_path: Path) -> None:
    place = place_in(tmp_path / "not" / "yet")
    with working(place):
        assert place.work.is_dir()
        assert list(place.work.iterdir()) == []


def test_it_stays_while_it_is_not_delivered(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with working(place):
        write_state(place.work)
    assert place.has_progress()


def test_going_on(tmp_path: Path) -> None:
    """Of an export that was stopped nothing is left, of the training everything."""
    _unfinished(tmp_path)
    write_model(tmp_path / "model.training" / "model", "half")
    before = tree(tmp_path)
    place = find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=True))
    with working(place):
        assert not place.model.exists()
    assert tree(tmp_path) == {name: text for name, text in before.items() if "/model/" not in name}


def test_adding_epochs_works_on_a_copy(tmp_path: Path) -> None:
    _model(tmp_path)
    model = tree(tmp_path / "model")
    place = find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=True))
    with working(place):
        assert tree(place.work) == tree(tmp_path / "model" / TRAINING)
        write_state(place.work, 2)
    assert tree(tmp_path / "model") == model


BREAKS: Sequence[Any] = [
    KeyboardInterrupt(),
    SystemExit(3),
    RuntimeError("in the middle"),
    DataError("some file: no good; do something"),
    StoppedError("stopped; give the same command with --resume to go on"),
]


def train_and_break(place: Place, epochs: int, fault: BaseException) -> None:
    with working(place):
        write_state(place.work, epochs)
        raise fault


@pytest.mark.parametrize("fault", BREAKS, ids=repr)
def test_broken_after_an_epoch(tmp_path: Path, fault: BaseException) -> None:
    place = place_in(tmp_path)
    with pytest.raises(type(fault)) as raised:
        train_and_break(place, 1, fault)
    assert raised.value is fault
    assert place.has_progress()
    assert (place.work / "best-1.weights.h5").read_text() == "best"
    assert find_place(FitOptions(tmp_path / "data", place.out, resume=True)) == place


@pytest.mark.parametrize("fault", BREAKS, ids=repr)
def test_broken_before_the_first_epoch(tmp_path: Path, fault: BaseException) -> None:
    """Where epochs begin is saved already, but nobody waits for that: it is made again."""
    place = place_in(tmp_path)
    with pytest.raises(type(fault)) as raised:
        train_and_break(place, 0, fault)
    assert list(tmp_path.iterdir()) == []
    if isinstance(fault, StoppedError):
        assert str(raised.value) == "stopped before the first epoch; nothing is kept"
    else:
        assert raised.value is fault


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_system_error_becomes_a_sentence(tmp_path: Path, epochs: int) -> None:
    place = place_in(tmp_path)
    fault = OSError(errno.ENOSPC, "No space left on device", "some/scorer.bin")
    with pytest.raises(XrayscanError) as raised:
        train_and_break(place, epochs, fault)
    assert str(raised.value) == (
        "some/scorer.bin: cannot be written (no space left on device); check space and permissions"
    )
    assert place.has_progress() is bool(epochs)


def test_a_system_error_without_a_name(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with pytest.raises(XrayscanError) as raised, working(place):
        raise OSError("Something Else")
    assert str(raised.value).startswith(f"{place.work}: cannot be written (something else); ")


def test_two_at_once(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    with working(place):
        write_state(place.work)
        with pytest.raises(LockedError) as raised, working(place):
            pytest.fail("both are at work")
        assert str(raised.value) == (
            f"{place.lock}: another training for {place.out} holds it; wait for its end, or give "
            "another --out"
        )
        assert place.has_progress()
    with working(place):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["model.training"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Said before any film is read."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(XrayscanError) as raised:
        place_in(tmp_path / "file")
    assert str(raised.value) == f"{tmp_path / 'file'}: cannot be written; choose another --out"
    assert tree(tmp_path) == {"file": "mine"}


def test_stopped_before_anything_was_saved(tmp_path: Path) -> None:
    """Killed while the head was trained: there is nothing to resume, and nothing in the way."""
    _working_folder_alone(tmp_path)
    (tmp_path / "model.training" / ".progress.json.0a1b.part").write_text("half of it")
    place = place_in(tmp_path)
    with working(place):
        assert list(place.work.iterdir()) == []


def test_killed_while_the_state_was_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs are to be added: whatever was copied, next time it is copied again."""
    _model(tmp_path)
    options = FitOptions(tmp_path / "data", tmp_path / "model", resume=True)
    whole = tree(tmp_path / "model" / TRAINING)
    copy = shutil.copyfile
    for killed_at in range(1, 5):
        left = iter(range(killed_at - 1))

        def dies(source: Any, target: Any, left: Any = left, **how: Any) -> object:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return copy(source, target, **how)

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "copyfile", dies)
            # the process is gone: nothing cleans up
            patch.setattr("xrayscan.training.place._drop_if_empty", lambda place: False)
            with pytest.raises(KeyboardInterrupt), working(find_place(options)):
                pytest.fail("there are four files to copy")
        place = find_place(options)
        with working(place):
            assert tree(place.work) == whole
        shutil.rmtree(place.work)


# -- deliver -------------------------------------------------------------------------------------


def test_deliver(tmp_path: Path) -> None:
    place = place_in(tmp_path / "not" / "yet")
    with working(place):
        write_state(place.work, 2)
        write_model(place.model)
        place.deliver()
    assert [path.name for path in place.out.parent.iterdir()] == ["model"]
    assert tree(place.out) == {
        "card.json": "new",
        "scorer.xml": "new",
        "training/best-2.weights.h5": "best",
        "training/curves.png": "curves",
        "training/last-2.weights.h5": "last",
        "training/progress.json": progress(2),
    }


def test_deliver_what_was_not_trained(tmp_path: Path) -> None:
    """An ensemble has no training to go on with."""
    place = place_in(tmp_path)
    with working(place):
        write_model(place.model)
        place.deliver()
    assert tree(tmp_path) == {"model/card.json": "new", "model/scorer.xml": "new"}


def test_deliver_in_place_of_the_model_before(tmp_path: Path) -> None:
    write_model(tmp_path / "model", "old")
    write_state(tmp_path / "model" / TRAINING, 1)
    place = find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=True))
    with working(place):
        write_state(place.work, 2)
        for path in place.work.glob("*-1.weights.h5"):  # as a commit does
            path.unlink()
        write_model(place.model)
        place.deliver()
    assert tree(tmp_path) == {
        "model/card.json": "new",
        "model/scorer.xml": "new",
        "model/training/best-2.weights.h5": "best",
        "model/training/curves.png": "curves",
        "model/training/last-2.weights.h5": "last",
        "model/training/progress.json": progress(2),
    }
    assert find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=True)).work.name


def add_own(model: Path) -> dict[str, str]:
    """What people put into a model's folder."""
    (model / "exported" / "variables").mkdir(parents=True)
    (model / "exported" / "variables" / "all").write_text("weights")
    (model / "my-notes.txt").write_text("mine")
    (model / TRAINING / "why.txt").write_text("mine, too")
    return {
        "exported/variables/all": "weights",
        "my-notes.txt": "mine",
        "training/why.txt": "mine, too",
    }


def test_what_somebody_put_into_the_model_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Epochs are added: only what the model itself consists of is replaced."""
    _model(tmp_path)
    own = add_own(tmp_path / "model")
    (tmp_path / "model" / "link").symlink_to("my-notes.txt")
    place = find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=True))
    with working(place):
        write_state(place.work, 2)
        (place.work / "best-1.weights.h5").unlink()
        (place.work / "last-1.weights.h5").unlink()
        write_model(place.model)
        place.deliver()
    left = tree(tmp_path / "model")
    assert {name: text for name, text in left.items() if name in own} == own
    assert left["card.json"] == "new"
    assert "training/best-1.weights.h5" not in left
    assert (tmp_path / "model" / "link").readlink() == Path("my-notes.txt")
    assert "exported/variables/all, link, my-notes.txt, training/why.txt" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("killed_at", range(1, 8))
@pytest.mark.parametrize("before", ["no model", "a model"])
def test_killed_while_delivering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, killed_at: int
) -> None:
    """At whatever rename: the model before or the new one has the name, or it can be resumed."""
    own = {}
    if before == "a model":
        _model(tmp_path)
        own = add_own(tmp_path / "model")
    options = FitOptions(tmp_path / "data", tmp_path / "model", resume=before == "a model")
    place = find_place(options)
    rename, calls = Path.rename, 0

    def dies(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == killed_at:
            raise KeyboardInterrupt
        return rename(self, target)

    def deliver() -> None:
        with working(place):
            write_state(place.work, 2)
            write_model(place.model)
            monkeypatch.setattr(Path, "rename", dies)
            place.deliver()
            raise KeyboardInterrupt  # it was through before that

    with pytest.raises(KeyboardInterrupt):
        deliver()
    monkeypatch.undo()
    if (place.out / "card.json").is_file() and not place.work.exists():
        assert own.items() <= tree(place.out).items()
        return
    again = find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=True))
    with working(again):
        assert (again.work / PROGRESS).read_text() in (progress(1), progress(2))
        assert any(again.work.glob("best-*"))
        assert any(again.work.glob("last-*"))
        write_model(again.model)
        again.deliver()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "card.json").read_text() == "new"
    assert own.items() <= tree(tmp_path / "model").items()


def test_killed_while_the_working_folder_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever of it is left: epochs are added to the finished model."""
    place = place_in(tmp_path)

    def dies(folder: Path) -> None:
        next(folder.glob("*.h5")).unlink()
        raise KeyboardInterrupt

    with working(place):
        write_state(place.work)
        write_model(place.model)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "rmtree", dies)
            with pytest.raises(KeyboardInterrupt):
                place.deliver()
    state = tree(place.finished)
    again = find_place(FitOptions(tmp_path / "data", tmp_path / "model", resume=True))
    with working(again):
        assert tree(again.work) == state


@pytest.mark.parametrize(
    "name",
    ["films.csv", "film.png", "my.weights.h5", "last-1.weights.h5.txt", "notes.part", "models"],
)
def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path, name: str) -> None:
    """It only has the name that the training would take."""
    (tmp_path / "model.training").mkdir()
    (tmp_path / "model.training" / name).write_text("mine")
    with pytest.raises(UsageError, match=r"model.training: is in the way .*; move it"):
        find_place(FitOptions(tmp_path / "data", tmp_path / "model"))
    assert (tmp_path / "model.training" / name).read_text() == "mine"


@pytest.mark.parametrize("out", ["model", "train/model", "../data/model"])
@pytest.mark.parametrize("resume", [False, True])
def test_an_output_among_the_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, resume: bool
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    with pytest.raises(UsageError, match=f"--out {out}: lies within .; give a folder beside it"):
        find_place(FitOptions(Path(), Path(out), resume=resume))


def test_an_output_without_a_name() -> None:
    with pytest.raises(UsageError, match="give the name of a folder"):
        find_place(FitOptions(Path("data"), Path("/")))


# -- watching ------------------------------------------------------------------------------------


@pytest.mark.parametrize("finished", [False, True], ids=["stopped", "to get more epochs"])
def test_who_trains_along_has_a_copy_that_is_gone_afterwards(
    tmp_path: Path, finished: bool
) -> None:
    place = Place.of(tmp_path / "model")
    write_state(place.finished if finished else place.work)
    before = tree(tmp_path)
    with watching(place) as own:
        assert own.has_progress()
        assert own.work != place.work
        assert set(tree(own.work)) == {Path(name).name for name in before}
        write_state(own.work, 2)
    assert tree(tmp_path) == before
    assert not own.work.exists()


def test_who_trains_along_from_the_beginning_has_nothing(tmp_path: Path) -> None:
    with watching(Place.of(tmp_path / "model")) as own:
        assert not own.has_progress()
