"""Kills at any moment: at the end every film is there once, with the values of an unbroken run."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.films import draw_film, jpeg_bytes, png_bytes

FILMS = 60


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("torture") / "films"
    folder.mkdir()
    for seed in range(FILMS):
        film = draw_film(seed=seed % 11, width=300, height=260)
        content = jpeg_bytes(film) if seed % 2 else png_bytes(film)
        cut = len(content) // 2 if seed % 17 == 0 else len(content)
        (folder / f"{seed:03}{'.jpg' if seed % 2 else '.png'}").write_bytes(content[:cut])
    then = time.time() - 3600
    for path in folder.iterdir():
        os.utime(path, (then, then))
    return folder


def start(films: Path, table: Path) -> subprocess.Popen[bytes]:
    arguments = ["predict", films, "--csv", table, "--report", table.with_suffix(".html")]
    arguments += ["--admission", "off", "--batch-size", "4", "--quiet"]
    return subprocess.Popen(
        [sys.executable, "-m", "xrayscan", *map(str, arguments)], stderr=subprocess.PIPE
    )


def rows(table: Path) -> list[tuple[str, ...]]:
    with table.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    return [tuple(value for key, value in row.items() if key != "assessed_at") for row in found]


def torture(films: Path, folder: Path, kills: int, seed: int) -> None:
    whole = folder / "whole.csv"
    started = time.monotonic()
    assert start(films, whole).wait() == 3
    length = time.monotonic() - started
    rng = random.Random(seed)
    done = killed = number = 0
    while killed < kills:
        # a film every few kills, then a new output: kills hit every part of a run
        table = folder / f"{number}.csv"
        for _ in range(8):
            process = start(films, table)
            time.sleep(rng.uniform(0, length * 1.1))
            if process.poll() is None:
                killed += 1
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if table.exists():
                # only whole tables, whenever it is looked at
                assert len(rows(table)) == FILMS
                done += 1
        process = start(films, table)
        messages = process.communicate()[1]
        assert process.returncode == 3, messages
        assert rows(table) == rows(whole)
        assert {path.name for path in folder.glob(f"{number}.*")} == {
            f"{number}.csv",
            f"{number}.csv.journal",
            f"{number}.html",
            f"{number}.run.json",
        }
        number += 1
    assert not [path for path in folder.iterdir() if ".kept-" in path.name]


def test_twenty_kills_lose_and_double_nothing(films: Path, tmp_path: Path) -> None:
    torture(films, tmp_path, kills=20, seed=1)


@pytest.mark.slow
def test_two_hundred_kills_lose_and_double_nothing(films: Path, tmp_path: Path) -> None:
    torture(films, tmp_path, kills=200, seed=2)
