from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.processes import heed_signals

# What the command line begins to load, in a package that takes its time.
SLOW = "import time; print('loading', flush=True); time.sleep(60)"


def test_a_signal_while_the_commands_are_loaded_ends_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(SLOW)
    process = subprocess.Popen(
        [sys.executable, "-m", "xrayscan", "--help"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert messages == "xrayscan: stopped at once\n"
    assert process.returncode == 130
