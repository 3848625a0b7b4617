from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from xrayscan.errors import LockedError, XrayscanError
from xrayscan.journal import lock
from xrayscan.journal.lock import STALE_AFTER_S, locked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "p.csv.lock"


def plant(path: Path, age_s: float = 0.0, **of: object) -> None:
    """Leave a lock of another holder, whose heart last beat so many seconds ago."""
    holder = replace(lock._myself(), **of)  # type: ignore[arg-type]
    path.write_text(json.dumps(asdict(holder)))
    then = time.time() - age_s
    os.utime(path, (then, then))


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_it_is_there_while_it_is_held_and_gone_after(path: Path) -> None:
    with locked(path) as still_ours:
        assert json.loads(path.read_text())["pid"] == os.getpid()
        still_ours()
    assert list(path.parent.iterdir()) == []


def test_a_second_run_is_told_who_holds_it(path: Path) -> None:
    words = f"run {os.getpid()} on .* holds the lock"
    with locked(path), pytest.raises(LockedError, match=words), locked(path):
        pass


ELSEWHERE = {"host": "other", "system": "other 1"}


@pytest.mark.parametrize(
    ("of", "age_s", "taken"),
    [
        pytest.param({"pid": dead_process()}, 0, True, id="dead here"),
        pytest.param({"pid": os.getppid()}, 0, False, id="alive here"),
        pytest.param({"pid": os.getppid()}, STALE_AFTER_S + 9, True, id="its number used anew"),
        pytest.param(ELSEWHERE, 0, False, id="elsewhere, beating"),
        pytest.param(ELSEWHERE, STALE_AFTER_S - 60, False, id="elsewhere, late"),
        pytest.param(ELSEWHERE, STALE_AFTER_S + 9, True, id="elsewhere, silent"),
        pytest.param(
            {**ELSEWHERE, "pid": dead_process()}, 0, False, id="numbers mean nothing there"
        ),
    ],
)
def test_what_is_left_over_is_taken_over_and_said(
    path: Path, of, age_s: float, taken: bool
) -> None:
    plant(path, age_s, token="theirs", **of)
    said: list[str] = []
    if not taken:
        with pytest.raises(LockedError), locked(path, say=said.append):
            pass
        assert json.loads(path.read_text())["token"] == "theirs"
        assert said == []
    else:
        with locked(path, say=said.append):
            assert json.loads(path.read_text())["pid"] == os.getpid()
        assert len(said) == 1
        assert said[0].endswith("and has ended; taken over")
    assert {each.name for each in path.parent.iterdir()} <= {path.name}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looked up in /proc")
def test_a_run_whose_end_nobody_has_taken_note_of_holds_nothing(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as run:
        os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
        plant(path, pid=run.pid)
        with locked(path):
            pass


@pytest.mark.parametrize("text", ["", "{}", "x" * 99], ids=["empty", "no holder", "text"])
def test_a_lock_of_nobody_is_one_until_its_time_is_over(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(LockedError, match="another run holds the lock"), locked(path):
        pass
    then = time.time() - STALE_AFTER_S - 9
    os.utime(path, (then, then))
    with locked(path):
        pass


@pytest.mark.parametrize(
    ("age_s", "dropped"), [(0, False), (STALE_AFTER_S + 9, True)], ids=["at it", "dead at it"]
)
def test_a_run_that_died_while_it_took_over_keeps_the_others_out_for_a_time_alone(
    path: Path, age_s: float, dropped: bool
) -> None:
    plant(path, pid=dead_process())
    turn = path.with_name(f"{path.name}.turn")
    turn.touch()
    then = time.time() - age_s
    os.utime(turn, (then, then))
    with pytest.raises(LockedError), locked(path):
        pass
    assert turn.exists() is not dropped
    if dropped:
        with locked(path):
            pass
        assert list(path.parent.iterdir()) == []


def test_waiting_for_it(path: Path) -> None:
    held = threading.Event()

    def hold() -> None:
        with locked(path):
            held.set()
            time.sleep(0.6)

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with locked(path, wait_s=60):
        assert not other.is_alive() or other.join(5) is None
    other.join()


def test_the_heart_beats(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.05)
    with locked(path):
        os.utime(path, (1, 1))
        until = time.monotonic() + 20
        while path.stat().st_mtime < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert path.stat().st_mtime > 2


def test_a_lock_that_was_taken_over_is_noticed_and_left_to_its_holder(path: Path) -> None:
    with locked(path) as still_ours:
        plant(path, token="theirs", **ELSEWHERE)
        with pytest.raises(XrayscanError, match="on other has taken the lock over"):
            still_ours()
    assert json.loads(path.read_text())["token"] == "theirs"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(XrayscanError, match="cannot be written"),
        locked(tmp_path / "file" / "lock"),
    ):
        pass


CONTEND = """
import sys, time
from pathlib import Path
from xrayscan.errors import LockedError
from xrayscan.journal.lock import locked
path, begin = Path(sys.argv[1]), float(sys.argv[2])
time.sleep(max(0, begin - time.time()))
try:
    with locked(path):
        time.sleep(0.3)
        print("won")
except LockedError:
    print("told")
"""


@pytest.mark.parametrize("left_over", [False, True], ids=["free", "left over"])
def test_of_runs_that_start_together_one_wins(path: Path, left_over: bool) -> None:
    for _ in range(5):
        if left_over:
            plant(path, pid=dead_process())
        begin = str(time.time() + 1.5)
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", CONTEND, str(path), begin], stdout=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        assert sorted(run.communicate()[0].strip() for run in runs) == ["told"] * 3 + ["won"]
        assert not path.exists()
