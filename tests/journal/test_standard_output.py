from __future__ import annotations

import os
import subprocess
import sys

import pytest

WRITE = """
from xrayscan.journal.standard_output import standard_output
with standard_output() as file:
    file.write("R\\u00f6ntgen \\udcff\\n" * 10)
"""


def run(redirection: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {redirection}', sys.executable, WRITE],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )


def test_it_is_utf_8_whatever_the_locale() -> None:
    done = run("")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Röntgen \\udcff\n".encode() * 10


@pytest.mark.parametrize(
    ("redirection", "words"),
    [
        pytest.param(">&-", "standard output: is closed; open it", id="closed"),
        pytest.param(">/dev/full", "standard output: cannot be written (no space", id="full"),
    ],
)
def test_a_fault_is_said_once(redirection: str, words: str) -> None:
    done = run(redirection)
    assert done.returncode == 1, "and not 120, of a second fault at the end"
    assert f"xrayscan.errors.XrayscanError: {words}" in done.stderr.decode()
    assert "Exception ignored" not in done.stderr.decode()


def test_a_reader_who_has_gone_is_no_fault_of_ours() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", WRITE], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1].startswith("BrokenPipeError")
