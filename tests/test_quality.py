"""Linting, typing and the texts that have to stay true to the code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "."], id="ruff check"),
        pytest.param(["ruff", "format", "--check", "."], id="ruff format"),
        pytest.param(["mypy"], id="mypy strict"),
        pytest.param(["docs.update_readme", "--check"], id="README help texts"),
    ],
)
def test_command_finds_nothing(command: list[str], checkout: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


FORBIDDEN = ("/work" + "/", "/root" + "/", "files.pytho" + "nhosted", "pypi" + ".org/simple")


def test_no_file_names_a_machine(checkout: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=checkout, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        content = (checkout / name).read_bytes()
        assert not [word for word in FORBIDDEN if word.encode() in content], name
