"""Whatever is in a file: a row, never a crash, a hang or all of the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIMIT_S = 10  # for one file


@pytest.mark.parametrize(
    ("seed", "count"),
    [
        pytest.param(1, 2000, id="2000"),
        pytest.param(2, 20_000, id="20000", marks=pytest.mark.slow),
    ],
)
def test_mutated_files(checkout: Path, seed: int, count: int) -> None:
    command = [sys.executable, "-m", "tests.intake.fuzz", str(seed), str(count)]
    done = subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, check=False, timeout=30 + count
    )
    lines = done.stdout.split("\n")
    assert done.returncode == 0, f"case {lines[-2]} of seed {seed}: {done.stderr[-2000:]}"
    assert float(lines[-2].removeprefix("slowest ")) < LIMIT_S
