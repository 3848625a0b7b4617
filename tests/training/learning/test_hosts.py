from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.processes import heed_signals, wait_for
from tests.training.conftest import draw_folder
from xrayscan.cli.exits import Exit
from xrayscan.errors import UsageError
from xrayscan.training.learning.hosts import ALONE, named_hosts
from xrayscan.training.learning.state import finished_epochs

COUNT, NUMBER, ADDRESS = (
    f"KERAS_DISTRIBUTION_{name}" for name in ("NUM_PROCESSES", "PROCESS_ID", "JOB_ADDRESSES")
)

WRONG = {
    "no whole number": ({COUNT: "two"}, "whole number"),
    "under another backend": ({COUNT: "2", NUMBER: "0", ADDRESS: "h:1"}, "KERAS_BACKEND=jax"),
}
WRONG_UNDER_JAX = {
    "no address": ({COUNT: "2", NUMBER: "0"}, ADDRESS),
    "no port": ({COUNT: "2", NUMBER: "0", ADDRESS: "10.0.0.1"}, "HOST:PORT"),
    "no number": ({COUNT: "2", ADDRESS: "h:1"}, NUMBER),
    "a number too high": ({COUNT: "2", NUMBER: "2", ADDRESS: "h:1"}, "from 0 to 1"),
    "a number that is none": ({COUNT: "2", NUMBER: "-1", ADDRESS: "h:1"}, "whole number"),
}


@pytest.mark.parametrize("environment", [{}, {COUNT: "1"}, {COUNT: "0"}, {NUMBER: "3"}])
def test_alone_where_no_others_are_named(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]
) -> None:
    _set(monkeypatch, environment)
    hosts = named_hosts()
    assert hosts == ALONE
    assert hosts.is_first
    with hosts.meeting():
        assert hosts.told_by_first({"a": [1, 2]}) == {"a": [1, 2]}
        assert [hosts.any_says(said) for said in (True, False)] == [True, False]


@pytest.mark.parametrize(("environment", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_work(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], words: str
) -> None:
    _set(monkeypatch, environment)
    with pytest.raises(UsageError, match=words):
        named_hosts()


@pytest.mark.parametrize(("environment", "words"), WRONG_UNDER_JAX.values(), ids=WRONG_UNDER_JAX)
def test_what_cannot_work_under_jax(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], words: str
) -> None:
    monkeypatch.setattr("keras.config.backend", lambda: "jax")
    _set(monkeypatch, environment)
    with pytest.raises(UsageError, match=words):
        named_hosts()


def _set(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    for name in (COUNT, NUMBER, ADDRESS):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


# -- two processes that train one model ------------------------------------------------------------


class _Pair:
    """Two hosts with the same command."""

    def __init__(self, folder: Path, checkout: Path) -> None:
        self.folder, self.checkout = folder, checkout
        self.data = draw_folder(folder / "data", 24)

    def start(self, out: str, *options: Sequence[str]) -> list[subprocess.Popen[str]]:
        """A process for each host, with its own options."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        common = (
            *("fit", self.data, "--out", self.folder / out, "--arch", "cnn", "--from", "none"),
            *("--batch-size", "8", "--augmentation", "none", "--folds", "3"),
        )
        return [
            subprocess.Popen(
                [sys.executable, "-m", "xrayscan", *common, *own],
                env=os.environ
                | {
                    "KERAS_BACKEND": "jax",
                    "JAX_PLATFORMS": "cpu",
                    "PYTHONPATH": str(self.checkout),
                    ADDRESS: address,
                    COUNT: str(len(options)),
                    NUMBER: str(number),
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=heed_signals,
            )
            for number, own in enumerate(options)
        ]

    def run(self, out: str, *options: Sequence[str]) -> list[tuple[int, str]]:
        """Exit codes, and what was said on either output."""
        return [ended(each) for each in self.start(out, *options)]

    def losses(self, out: str) -> list[list[float]]:
        state = json.loads((self.folder / out / "training" / "progress.json").read_text())
        return [[row[name] for name in ("loss", "val_loss", "val_auc")] for row in state["history"]]


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=1200)
    return process.returncode, out + err


@pytest.fixture
def pair(tmp_path: Path, checkout: Path) -> _Pair:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("needs jax")
    return _Pair(tmp_path, checkout)


def test_two_hosts_train_what_one_does(pair: _Pair) -> None:
    """And add epochs to it; only the first writes, and says so. Nothing to resume is no fault."""
    (first, said), (other, aside) = pair.run("two", *[epochs(3, "--resume")] * 2)
    assert (first, other) == (0, 0), said + aside
    assert "model written to" in said
    assert "model written to" not in aside
    assert pair.run("one", epochs(3))[0][0] == 0
    np.testing.assert_allclose(pair.losses("two"), pair.losses("one"), rtol=1e-3)
    assert [code for code, _ in pair.run("two", *[epochs(4, "--resume")] * 2)] == [0, 0]
    assert len(pair.losses("two")) == 4
    assert sorted(path.name for path in pair.folder.iterdir()) == ["data", "one", "two"]


@pytest.mark.slow
@pytest.mark.parametrize("asked", [0, 1])
def test_a_stop_on_either_host_stops_both(pair: _Pair, asked: int) -> None:
    """And what was finished is gone on with."""
    both = pair.start("model", *[epochs(400)] * 2)
    work = pair.folder / "model.training"
    wait_for(lambda: finished_epochs(work) > 0, 120)
    both[asked].send_signal(signal.SIGTERM)
    for process in both:
        code, said = ended(process)
        assert code in (128 + signal.SIGTERM, 128 + signal.SIGINT), said
        assert ("--resume" if process is both[0] else "first host says") in said
    done = finished_epochs(work)
    again = pair.run("model", *[epochs(done + 1, "--resume")] * 2)
    assert [code for code, _ in again] == [0, 0], again
    assert len(pair.losses("model")) == done + 1


@pytest.mark.slow
@pytest.mark.parametrize("other", [("--seed", "8"), ("--patience", "1")], ids=" ".join)
def test_hosts_with_other_options_do_not_train(pair: _Pair, other: tuple[str, ...]) -> None:
    for code, said in pair.run("model", epochs(2), epochs(2, *other)):
        assert code == Exit.FATAL, said
        assert "the same command on each" in said
    assert sorted(path.name for path in pair.folder.iterdir()) == ["data"]


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_host_that_is_killed_ends_the_other_and_loses_no_epoch(pair: _Pair, killed: int) -> None:
    """The one that is left says so; both go on from the last finished epoch."""
    both = pair.start("model", *[epochs(400)] * 2)
    work = pair.folder / "model.training"
    wait_for(lambda: finished_epochs(work) > 0, 120)
    both[killed].kill()
    code, said = ended(both[1 - killed])
    assert killed == 0 or (code, "another host" in said) == (Exit.FATAL, True), said
    assert code != 0
    done = finished_epochs(work)
    again = pair.run("model", *[epochs(done + 1, "--resume")] * 2)
    assert [code for code, _ in again] == [0, 0], again
    assert len(pair.losses("model")) == done + 1


def epochs(number: int, *more: str) -> tuple[str, ...]:
    return ("--epochs", str(number), *more)
