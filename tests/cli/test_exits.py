from __future__ import annotations

from typing import Any

import pytest
import typer

from xrayscan.cli.exits import Exit, reported
from xrayscan.cli.listening import StoppedAtOnce
from xrayscan.cli.running import Manner, exit_code
from xrayscan.cli.values import failure_limit
from xrayscan.errors import LockedError, ModelError, UsageError, XrayscanError
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
        pytest.param(StoppedAtOnce(15), 143, "stopped at once", id="stopped by a signal"),
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
