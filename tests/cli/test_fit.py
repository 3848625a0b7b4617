"""``xrayscan fit`` as a user runs it: a process of its own, killed and stopped for real."""

from __future__ import annotations

import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.processes import heed_signals
from tests.training.conftest import draw_folder
from xrayscan.cli.app import app
from xrayscan.cores import available_cores
from xrayscan.scoring.card import load_card
from xrayscan.scoring.model import ScoringModel

EPOCHS = 5
ARGUMENTS = ["--arch", "cnn", "--from", "none", "--batch-size", "4", "--folds", "3"]
PATIENCE = 120  # seconds for a process to come as far as it should


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("drawn"), 45)


def command(data: Path, out: Path, *more: str) -> list[str]:
    fit = [sys.executable, "-m", "xrayscan", "fit", str(data), "--out", str(out), *ARGUMENTS]
    return [*fit, "--epochs", str(EPOCHS), *more]


def finished(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def stop_in_epoch(command: list[str], epoch: int, number: signal.Signals) -> tuple[int, str]:
    """Start, wait until ``epoch - 1`` epochs are finished and a little more, and send a signal."""
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, preexec_fn=heed_signals
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if f"epoch {epoch - 1}:" in line:
                break
        time.sleep(0.15)
        process.send_signal(number)
        return process.wait(PATIENCE), process.stderr.read()


def epochs_of(progress: Path) -> list[dict[str, float]]:
    history: list[dict[str, float]] = json.loads(progress.read_text())["history"]
    return history


@pytest.fixture(scope="module")
def unbroken(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "model"
    done = finished(command(data, out))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"model written to {out}; try: xrayscan predict FOLDER --model {out}\n"
    return out


def test_the_folder_it_leaves_scores(unbroken: Path) -> None:
    assert {"card.json", "report.html", "README.md"} <= {path.name for path in unbroken.iterdir()}
    assert ScoringModel(unbroken, 1).card.architecture == "cnn"


def test_card_and_page_say_how_it_was_made(data: Path, unbroken: Path) -> None:
    training = load_card(unbroken).facts["training"]
    arguments = [data.name, "--out", "model", *ARGUMENTS, "--epochs", str(EPOCHS)]
    said = shlex.split(training["command"])
    assert said[:3] == ["xrayscan", "fit", data.name]
    assert sorted(said[2:]) == sorted(arguments)
    assert str(data.parent) not in training["command"]
    seconds = sum(row["seconds"] for row in epochs_of(unbroken / "training" / "progress.json"))
    assert training["seconds"] == round(seconds)
    assert training["machine"].startswith(f"{platform.machine()}, {available_cores()} core")
    page = (unbroken / "README.md").read_text(encoding="utf-8")
    assert f"| Command | `{training['command']}` |" in page


def test_killed_in_an_epoch_and_resumed(data: Path, unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    code, _ = stop_in_epoch(command(data, out), 3, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not out.exists()
    before = epochs_of(tmp_path / "model.training" / "progress.json")
    assert 2 <= len(before) < EPOCHS
    assert finished(command(data, out)).returncode == 2  # not without --resume
    done = finished(command(data, out, "--resume"))
    assert done.returncode == 0, done.stderr
    assert f"going on after epoch {len(before)}" in done.stderr
    pairs = zip(
        epochs_of(unbroken / "training" / "progress.json"),
        epochs_of(out / "training" / "progress.json"),
        strict=True,
    )
    for one, other in pairs:
        assert one["val_auc"] == pytest.approx(other["val_auc"], abs=0.005)
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
    aucs = [load_card(folder).facts["results"]["auc"] for folder in (unbroken, out)]
    assert aucs[0] == pytest.approx(aucs[1], abs=0.005)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_stopped_says_how_to_go_on(data: Path, tmp_path: Path, number: signal.Signals) -> None:
    code, said = stop_in_epoch(command(data, tmp_path / "model"), 2, number)
    assert code == 128 + number
    # and nothing of TensorFlow's or Python's behind it
    assert said.endswith("give the same command with --resume to go on\n")
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["model.training"]


USAGE = {
    "augmentation": (["--augmentation", "wild"], "choose one of none, seed, strong"),
    "optimizer": (["--optimizer", "sgd"], "choose one of adamw, adam"),
    "unfreeze": (["--unfreeze", "half"], "choose one of auto, all, last, none"),
    "precision": (["--precision", "int8"], "choose one of auto, float32, mixed"),
    "preset": (["--preset", "best"], "choose one of bundled-accurate, bundled-fast"),
    "architecture": (["--arch", "lenet"], "choose one of cnn"),
    "origin": (["--from", "nowhere"], "neither a model"),
    "one member": (["--ensemble-of", "fast"], "twice or more"),
    "an ensemble with more": (["--ensemble-of", "fast", "--arch", "cnn"], "trains nothing; leave"),
    "an ensemble, trained": (
        ["--ensemble-of", "fast", "--ensemble-of", "fast", "--smoothing", "3", "--epochs", "8",
         "--learning-rate", "1", "--seed", "3"],  # 8 is the default, and was asked for all the same
        "--ensemble-of: trains nothing; leave --epochs, --learning-rate, --smoothing out",
    ),
    "no epochs, trained": (
        ["--from", "fast", "--epochs", "0", "--smoothing", "3", "--batch-size", "4"],
        "--epochs 0: trains nothing; leave --batch-size out",
    ),
    "no epochs by a preset, trained": (
        ["--from", "fast", "--preset", "bundled-fast", "--batch-size", "4"],
        "--epochs 0: trains nothing; leave --batch-size out",
    ),
    "nothing to freeze": (["--arch", "cnn", "--unfreeze", "none"], "nothing worth freezing"),
    "teacher": (["--arch", "cnn", "--from", "none", "--distill", "nowhere"], "neither a model"),
}  # fmt: skip


@pytest.mark.parametrize("case", USAGE.values(), ids=USAGE)
def test_wrong_usage(data: Path, tmp_path: Path, case: tuple[list[str], str]) -> None:
    arguments, words = case
    done = CliRunner().invoke(app, ["fit", str(data), "--out", str(tmp_path / "m"), *arguments])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.splitlines()[-1].startswith("xrayscan: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["--ensemble-of", "fast", "--mirrored"], ["--epochs", "0"]],
    ids=["an ensemble", "no epochs"],
)
def test_what_a_preset_says_of_training_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
) -> None:
    """Only what was given is refused: a preset is there for its other options then."""
    from xrayscan.training import fit as story

    monkeypatch.setattr(story, "fit", lambda options, hooks: tmp_path)
    command = ["fit", str(tmp_path), "--out", "m", "--preset", "bundled-fast", *arguments]
    assert CliRunner().invoke(app, command).exit_code == 0


def test_options_given_win_over_the_preset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from xrayscan.training import fit as story

    seen = []
    monkeypatch.setattr(story, "fit", lambda options, hooks: seen.append(options) or tmp_path)
    arguments = ["fit", str(tmp_path), "--out", "m", "--preset", "published-densenet121"]
    assert CliRunner().invoke(app, [*arguments, "--epochs", "3"]).exit_code == 0
    (options,) = seen
    assert (options.data, options.out) == (tmp_path, Path("m"))
    assert options.architecture == "densenet121"
    assert options.origin == "imagenet"
    assert options.recipe.unfreeze == "last"
    assert options.recipe.epochs == 3


def test_options_from_the_environment_win_over_the_preset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from xrayscan.training import fit as story

    seen = []
    monkeypatch.setattr(story, "fit", lambda options, hooks: seen.append(options) or tmp_path)
    monkeypatch.setitem(os.environ, "XRAYSCAN_FIT_EPOCHS", "4")
    arguments = ["fit", str(tmp_path), "--out", "m", "--preset", "published-cnn"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert seen[0].recipe.epochs == 4


@pytest.mark.parametrize(
    ("data", "environment", "said"),
    [
        (".", {}, "xrayscan fit films --out m"),
        ("../films", {}, "xrayscan fit films --out m"),
        ("..", {}, "xrayscan fit ward --out m"),
        ("list.csv", {"INT8": "0", "KEEP_LEAKS": "false"}, "xrayscan fit list.csv --out m"),
        ("list.csv", {"INT8": "1"}, "xrayscan fit list.csv --out m --int8"),
    ],
    ids=["here", "beside", "above", "flags off", "a flag on"],
)
def test_the_command_for_the_card(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    data: str,
    environment: dict[str, str],
    said: str,
) -> None:
    from xrayscan.training import fit as story

    here = tmp_path / "ward" / "films"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    for name, value in environment.items():
        monkeypatch.setitem(os.environ, f"XRAYSCAN_FIT_{name}", value)
    seen = []
    monkeypatch.setattr(story, "fit", lambda options, hooks: seen.append(options) or tmp_path)
    assert CliRunner().invoke(app, ["fit", data, "--out", "m"]).exit_code == 0
    assert seen[0].command == said
