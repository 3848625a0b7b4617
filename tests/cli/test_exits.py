from __future__ import annotations

import logging
import pickle
import signal
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.films import draw_film, png_bytes
from xrayscan.cli import listening
from xrayscan.cli.app import app
from xrayscan.cli.exits import Exit, echo, remark, reported
from xrayscan.cli.listening import StoppedBySignal, run_measuring, set_up_logging
from xrayscan.cli.running import Manner, exit_code
from xrayscan.cli.values import failure_limit
from xrayscan.errors import (
    LockedError,
    ModelError,
    OptionError,
    StoppedError,
    UsageError,
    XrayscanError,
)
from xrayscan.pipeline import FailureLimit
from xrayscan.records import Ending, RunSummary


def noted(fault: Exception) -> Exception:
    fault.add_note("rows are in p.csv.part")
    return fault


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        pytest.param(UsageError("wrong"), 2, "xrayscan: wrong", id="usage"),
        pytest.param(ModelError("broken"), 1, "xrayscan: broken", id="model"),
        pytest.param(LockedError("held"), 11, "xrayscan: held", id="locked"),
        pytest.param(XrayscanError("bad"), 1, "xrayscan: bad", id="fatal"),
        pytest.param(MemoryError(), 1, "out of memory; give a smaller", id="memory"),
        pytest.param(KeyboardInterrupt(), 130, "stopped at once", id="stopped by hand"),
        pytest.param(StoppedBySignal(15), 143, "stopped at once", id="stopped by a signal"),
        pytest.param(noted(KeyError("x")), 1, "report it; rows are in p.csv.part", id="note"),
        pytest.param(noted(MemoryError()), 1, "--workers; rows are in", id="memory, note"),
        pytest.param(KeyError("x"), 1, "unexpected fault (KeyError", id="defect"),
        pytest.param(UsageError("\udcff.csv: no"), 2, "\\udcff.csv: no", id="name not UTF-8"),
    ],
)
def test_every_fault_is_one_sentence_and_a_code(fault, code, words, capsys) -> None:
    @reported
    def command() -> int:
        raise fault

    with pytest.raises(typer.Exit) as caught:
        command()
    messages = capsys.readouterr().err
    assert caught.value.exit_code == code
    assert words in messages
    assert len(messages.splitlines()) == 1


STEERING = "\x1b]0;title\x07\x1b[2J\x9b31m\u202e\r"  # window, screen, colour, direction


def test_no_name_steers_the_terminal(capsys, tmp_path: Path) -> None:
    set_up_logging(verbose=True, log_file=tmp_path / "log")
    logging.getLogger("xrayscan.labels").warning("%s: passed over", f"{STEERING}\nforged: found 0")
    remark(f"{STEERING}: passed over\nfound 1")
    echo(f"{STEERING}: written")
    said = capsys.readouterr()
    for text in (said.err, said.out, (tmp_path / "log").read_text(encoding="utf-8")):
        lines = text.splitlines()
        assert all(line.isprintable() for line in lines)
        assert r"\x1b]0;title\x07\x1b[2J\x9b31m\u202e\r" in lines[0]
    assert [line[:6] for line in said.err.splitlines()[1:]] == [r"\x1b]0", "found "]


def test_a_log_that_is_renewed_keeps_its_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "LOG_BYTES", 100)
    log = tmp_path / "log"
    log.touch(0o600)
    set_up_logging(verbose=False, log_file=log)
    for _ in range(3):
        logging.getLogger("xrayscan").info("a line of a log that is longer than half of it")
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "log": 0o600,
        "log.1": 0o600,
        "log.2": 0o600,
    }


def test_measuring_that_is_stopped_ends_with_the_code_of_the_signal(capsys) -> None:
    def measure(hooks) -> int:
        with hooks(3) as listening:
            signal.raise_signal(signal.SIGTERM)
            assert listening.stop()
        raise StoppedError("stopped after 1 of 3 films; nothing was measured")

    @reported
    def command() -> int:
        return run_measuring(measure, quiet=True, verbose=False)

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 143
    assert "xrayscan: stopped after 1 of 3 films; nothing was measured\n" in capsys.readouterr().err


def summary(
    ending: Ending = Ending.FINISHED, positive: int = 0, unreadable: int = 0, **further: Any
) -> RunSummary:
    return RunSummary(9, 5, 1, unreadable, 0, positive, 0, 0, 0, ending, 1.0, **further)


def manner(*asked: str) -> Manner:
    flags = ("quiet", "verbose", "fail_on_positive", "fail_on_drift", "json")
    return Manner(**{name: name in asked for name in flags})


DRIFT = ("drift: other films",)


@pytest.mark.parametrize(
    ("run", "signal", "asked", "code"),
    [
        pytest.param(summary(), None, (), Exit.DONE, id="done"),
        pytest.param(summary(positive=3), None, (), Exit.DONE, id="positives not asked for"),
        pytest.param(
            summary(positive=3), None, ("fail_on_positive",), Exit.POSITIVE, id="positives"
        ),
        pytest.param(summary(unreadable=1), None, (), Exit.UNREADABLE, id="unreadable"),
        pytest.param(
            summary(positive=3, unreadable=1), None, ("fail_on_positive",), Exit.POSITIVE, id="both"
        ),
        pytest.param(summary(drift=DRIFT), None, (), Exit.DONE, id="drift not asked for"),
        pytest.param(summary(drift=DRIFT), None, ("fail_on_drift",), Exit.DRIFT, id="drift"),
        pytest.param(
            summary(drift=DRIFT, positive=1),
            None,
            ("fail_on_drift", "fail_on_positive"),
            Exit.DRIFT,
            id="drift and positives",
        ),
        pytest.param(
            summary(Ending.TOO_MANY_FAILURES, 3, 3),
            None,
            ("fail_on_positive",),
            Exit.TOO_MANY_FAILURES,
            id="limit",
        ),
        pytest.param(summary(Ending.FOLDER_LOST), None, (), Exit.FATAL, id="share lost"),
        pytest.param(summary(Ending.STOPPED, 3, 3), 15, ("fail_on_positive",), 143, id="stopped"),
        pytest.param(summary(), 2, (), Exit.DONE, id="signal after the last film"),
    ],
)
def test_exit_code(run: RunSummary, signal, asked: tuple[str, ...], code: int) -> None:
    assert exit_code(run, signal, manner(*asked)) == code


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", FailureLimit()),
        ("0", FailureLimit(count=0)),
        ("12", FailureLimit(count=12)),
        ("5%", FailureLimit(share=0.05)),
        ("100%", FailureLimit(share=1.0)),
        ("1.5%", FailureLimit(share=0.015)),
        ("0.1%", FailureLimit(share=0.001)),
    ],
)
def test_failure_limit(text: str, limit: FailureLimit) -> None:
    assert failure_limit(text) == limit


@pytest.mark.parametrize("text", ["x", "-1", "101%", "100.1%", "1.5", "1.%", "%"])
def test_failure_limit_refuses(text: str) -> None:
    with pytest.raises(UsageError):
        failure_limit(text)


NOTHING_THERE = {
    "predict": "predict nope",
    "predict, one of two": "predict films nope",
    "predict, listed": "predict nope --dry-run",
    "predict --model": "predict films --model nope",
    "predict --config": "predict films --config nope.toml",
    "check": "check nope",
    "check --model": "check films --model nope",
    "merge": "merge nope.csv --out all.csv",
    "report": "report nope.csv",
    "report, a folder": "report films",
    "fit": "fit nope --out m",
    "fit, a list": "fit nope.csv --out m",
    "fit --from": "fit films --out m --from nope",
    "fit --distill": "fit films --out m --distill nope",
    "fit --ensemble-of": "fit films --out m --ensemble-of nope --mirrored",
    "evaluate": "evaluate nope",
    "evaluate, a list": "evaluate nope.csv",
    "evaluate, verdicts": "evaluate nope.json",
    "evaluate --model": "evaluate films --model nope",
    "evaluate --films": "evaluate films.csv --films nope",
    "evaluate --split": "evaluate films.csv --split nope",
    "evaluate --subgroup": "evaluate films --subgroup nope",
    "compare": "compare nope --model fast --model fast",
    "compare --model": "compare films --model fast --model nope",
    "compare --external": "compare films --external nope.csv --external films.csv",
    "calibrate": "calibrate nope --sensitivity 0.9 --out s",
    "calibrate --model": "calibrate films --sensitivity 0.9 --model nope --out s",
    "explain": "explain nope.png --out e.png",
    "explain, a folder": "explain films --out e.png",
    "explain --model": "explain films/NORMAL/0.png --model nope --out e.png",
    "models show": "models show nope",
    "models verify": "models verify nope",
    "models export": "models export nope --format onnx --out m.onnx",
}


@pytest.mark.parametrize("line", NOTHING_THERE.values(), ids=list(NOTHING_THERE))
def test_what_is_named_and_not_there_is_wrong_usage(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, label in enumerate(("NORMAL", "PNEUMONIA")):
        (tmp_path / "films" / label).mkdir(parents=True)
        (tmp_path / "films" / label / f"{seed}.png").write_bytes(png_bytes(draw_film(seed)))
    (tmp_path / "films.csv").write_text("path,label\nfilms/NORMAL/0.png,NORMAL\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code == Exit.USAGE, done.output
    assert "nope" in done.stderr or "films" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films", "films.csv"]


@pytest.mark.parametrize(
    "line",
    [
        "fit films --out films",
        "fit films --out films --resume",
        "fit films --out m --classes A,B",
        "calibrate films --sensitivity 0.9 --out films",
        "models export fast --format tflite --out films",
        "demo --out .",
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "films").mkdir()
    for label in ("NORMAL", "PNEUMONIA"):
        (tmp_path / "films" / label).mkdir()
        (tmp_path / "films" / label / "0.png").write_bytes(png_bytes(draw_film(1)))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code == Exit.USAGE, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["films"]


def test_all_commands_are_asked_for_what_is_not_there() -> None:
    asked = {name.split(",")[0].split(" --")[0] for name in NOTHING_THERE}
    every = {command.name or command.callback.__name__ for command in app.registered_commands}
    others = {"demo", "models list"}  # these are given no path to read
    of_models = {f"models {name}" for name in ("list", "show", "verify", "export")}
    assert asked == (every | of_models) - others


@pytest.mark.parametrize(
    ("line", "option", "value", "words"),
    [
        ("predict .", "zones", "2,3", "=2,3: give two rising numbers"),
        ("predict .", "max-failures", "x", "=x: give a number of files"),
        ("predict .", "config", "no.toml", "=no.toml: cannot be read"),
        ("predict .", "batch-size", "0", "': "),
        ("predict .", "admission", "so", "': "),
        ("evaluate .", "prevalence", "5", "=5: must lie between"),
        ("models export fast --out m", "format", "x", "=x: give onnx"),
    ],
)
def test_a_wrong_value_is_blamed_on_what_gave_it(
    line: str, option: str, value: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = line.removesuffix(" .").removesuffix(" fast --out m").split()
    variable = "_".join(("xrayscan", *command, option.replace("-", "_"))).upper()
    done = CliRunner().invoke(app, line.split(), env={variable: value})
    assert done.exit_code == Exit.USAGE, done.output
    assert f"{variable}{words}" in done.stderr
    assert f"--{option}" not in done.stderr
    # the command line wins, and is blamed
    done = CliRunner().invoke(app, [*line.split(), f"--{option}", value], env={variable: value})
    assert done.exit_code == Exit.USAGE, done.output
    assert f"--{option}" in done.stderr
    assert variable not in done.stderr


def test_a_fault_of_an_option_outlives_the_way_from_a_process() -> None:
    fault = pickle.loads(pickle.dumps(OptionError("epochs", 0, "trains nothing")))
    assert (str(fault), fault.option) == ("--epochs 0: trains nothing", "epochs")
    assert str(OptionError("int8", None, "needs NNCF")) == "--int8: needs NNCF"
