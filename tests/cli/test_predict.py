"""``predict`` as a user runs it: a process, its files, its exit code, its two streams."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from tests.films import dicom_bytes, draw_film, jpeg_bytes, png_bytes

NAMES = (
    "plain.jpg",
    "with space.jpg",
    "quote\"and'.jpg",
    "line\nbreak.jpg",
    "Röntgen 胸.jpg",
    "=cmd|' -C calc'!A0.jpg",
    "-rf.jpg",
    "<img src=x onerror=alert(1)>.png",
)


def xrayscan(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xrayscan", *map(os.fspath, map(str, arguments))],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def without_times(path: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k != "assessed_at"} for row in read_rows(path)]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for seed, name in enumerate(NAMES):
        (folder / name).write_bytes(jpeg_bytes(draw_film(seed=seed)))
    with open(os.fsencode(folder) + b"/R\xf6ntgen.jpg", "wb") as file:  # noqa: PTH123
        file.write(jpeg_bytes(draw_film(seed=50)))
    (folder / "unit").mkdir()
    (folder / "unit" / "IM0001").write_bytes(dicom_bytes(draw_film(seed=51).astype(np.uint16)))
    whole = jpeg_bytes(draw_film(seed=52))
    (folder / "unit" / "cut.jpg").write_bytes(whole[:-2000])
    (folder / "notes.txt").write_text("not a film")
    run_length = dicom_bytes(draw_film(seed=53).astype(np.uint16), syntax=RLELossless)
    (folder / "unit" / "cut.dcm").write_bytes(run_length[:-5000])  # pydicom would warn of it
    return folder


def test_outputs_exit_code_and_closing_line(films: Path, tmp_path: Path) -> None:
    done = xrayscan("predict", films, "--csv", "p.csv", "--report", "out.html", cwd=tmp_path)
    assert done.returncode == 3, done.stderr  # two files were unreadable
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    rows = read_rows(tmp_path / "p.csv")
    assert len(rows) == len(NAMES) + 4
    statuses = [row["status"] for row in rows]
    record = json.loads((tmp_path / "out.run.json").read_text())
    summary = record["summary"]
    assert summary["found"] == len(rows)
    for status in ("scored", "not_assessed", "unreadable", "vanished"):
        assert summary[status] == statuses.count(status)
    assert summary["other_files"] == 1
    assert done.stderr.splitlines()[-1].startswith(f"found {len(rows)} = scored ")
    assert {"versions", "options", "model_sha256", "started", "finished"} <= set(record)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "out.run.json", "p.csv"]
    assert "<img src=x" not in (tmp_path / "out.html").read_text()


def test_same_input_gives_the_same_csv_whatever_the_batch_size(films: Path, tmp_path: Path) -> None:
    tables = []
    for number, size in enumerate((16, 16, 1, 7, 32)):
        name = f"{number}.csv"
        xrayscan("predict", films, "--csv", name, "--batch-size", size, "-q", cwd=tmp_path)
        tables.append(without_times(tmp_path / name))
    assert all(table == tables[0] for table in tables)


def test_inverted_monochrome1_twin_gets_the_same_probability(tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for seed in range(3):
        film = draw_film(seed=seed).astype(np.uint16) * 16  # 12 bits
        twin = 4095 - film
        (films / f"{seed}a.dcm").write_bytes(dicom_bytes(film, bits_stored=12))
        (films / f"{seed}b.dcm").write_bytes(
            dicom_bytes(twin, bits_stored=12, photometric="MONOCHROME1")
        )
    xrayscan("predict", films, "--csv", "p.csv", "--admission", "off", "-q", cwd=tmp_path)
    values = [float(row["probability"]) for row in read_rows(tmp_path / "p.csv")]
    assert len(values) == 6
    assert values[0::2] == pytest.approx(values[1::2], abs=0.001)


def test_csv_goes_to_standard_output_without_files(films: Path, tmp_path: Path) -> None:
    done = xrayscan("predict", films / "plain.jpg", cwd=tmp_path)
    assert done.stdout.startswith("path,status,label,")
    assert len(done.stdout.splitlines()) == 2
    assert not list(tmp_path.iterdir())


def test_csv_stands_beside_the_report_by_default(films: Path, tmp_path: Path) -> None:
    xrayscan("predict", films / "plain.jpg", "--report", "out.html", "-q", cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.csv",
        "out.html",
        "out.run.json",
    ]


def test_outputs_within_the_scanned_folder_are_no_scans(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(png_bytes(draw_film(seed=1)))
    for _ in range(2):
        xrayscan("predict", ".", "--csv", "a", "--report", "b.html", "-q", cwd=tmp_path)
        assert [row["path"] for row in read_rows(tmp_path / "a")] == ["film.png"]


def test_several_folders_keep_their_films_apart(tmp_path: Path) -> None:
    for unit in ("east", "west"):
        (tmp_path / unit).mkdir()
        (tmp_path / unit / "film.png").write_bytes(png_bytes(draw_film(seed=1)))
    xrayscan("predict", "east", "west", "--csv", "p.csv", "-q", cwd=tmp_path)
    paths = [row["path"] for row in read_rows(tmp_path / "p.csv")]
    assert paths == ["east/film.png", "west/film.png"]


def test_options_come_from_the_environment_and_the_command_line_wins(
    films: Path, tmp_path: Path
) -> None:
    film = films / "plain.jpg"
    env = {"XRAYSCAN_PREDICT_CSV": "env.csv", "XRAYSCAN_PREDICT_THRESHOLD": "0.25"}
    xrayscan("predict", film, cwd=tmp_path, **env)
    assert read_rows(tmp_path / "env.csv")[0]["threshold"] in ("0.25", "")
    xrayscan("predict", film, "--csv", "line.csv", cwd=tmp_path, **env)
    assert (tmp_path / "line.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["nowhere"], 2, "nowhere: no such file", id="missing folder"),
        pytest.param([".", "--cam", "magic"], 2, "choose one of gradcam", id="unknown cam"),
        pytest.param([".", "--threshold", "best"], 2, "not a rule", id="unknown threshold"),
        pytest.param([".", "--threshold", "7"], 2, "between 0 and 1", id="threshold over 1"),
        pytest.param([".", "--max-failures", "x"], 2, "number of files", id="failure limit"),
        pytest.param([".", "--model", "best"], 1, "best: neither a model", id="unknown model"),
        pytest.param([".", "--model", "."], 1, "no card.json", id="no model folder"),
        pytest.param(
            [".", "--csv", "a.x", "--report", "a.x"], 2, "names of their own", id="same outputs"
        ),
        pytest.param([".", "--csv", "folder"], 2, "is a folder", id="output is a folder"),
        pytest.param([".", "--csv", "file/p.csv"], 1, "cannot be written", id="unwritable output"),
        pytest.param([".", "--batch-size", "0"], 2, "batch-size", id="batch of none"),
    ],
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    done = xrayscan("predict", *arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    if not done.stderr.startswith("Usage"):
        assert len(done.stderr.splitlines()) == 1


def test_exit_code_for_positives_and_failures(films: Path, tmp_path: Path) -> None:
    film = films / "plain.jpg"
    always = ["--threshold", "0", "--admission", "off", "-q", "--csv", "p.csv"]
    assert xrayscan("predict", film, *always, cwd=tmp_path).returncode == 0
    assert xrayscan("predict", film, "--fail-on-positive", *always, cwd=tmp_path).returncode == 5
    assert xrayscan("predict", films, "--max-failures", 0, *always, cwd=tmp_path).returncode == 4
    assert (tmp_path / "p.csv").is_file()


def test_dry_run_lists_and_writes_nothing(films: Path, tmp_path: Path) -> None:
    done = xrayscan("predict", films, "--dry-run", "--csv", "p.csv", cwd=tmp_path)
    assert done.returncode == 0
    assert "unit/IM0001" in done.stdout.splitlines()
    assert "bytes:R%F6ntgen.jpg" in done.stdout.splitlines()
    assert not list(tmp_path.iterdir())


def test_quiet_says_nothing_and_away_from_a_terminal_there_is_no_bar(
    films: Path, tmp_path: Path
) -> None:
    assert xrayscan("predict", films, "-q", "--csv", "p.csv", cwd=tmp_path).stderr == ""
    assert len(xrayscan("predict", films, "--csv", "p.csv", cwd=tmp_path).stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_signal_stops_with_valid_outputs(tmp_path: Path, number: int, code: int) -> None:
    films = tmp_path / "films"
    films.mkdir()
    content = png_bytes(draw_film(seed=1, width=1400, height=1200))
    for index in range(400):
        (films / f"{index:03}.png").write_bytes(content)
    command = [sys.executable, "-m", "xrayscan", "predict", "films", "--report", "out.html"]
    command += ["--batch-size", "2"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".out.csv.*")):  # the run has begun to write
        time.sleep(0.02)
        assert process.poll() is None
    time.sleep(0.3)
    process.send_signal(number)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == code, messages
    rows = read_rows(tmp_path / "out.csv")
    summary = json.loads((tmp_path / "out.run.json").read_text())["summary"]
    assert 0 < len(rows) < 400
    assert summary["not_reached"] == 400 - len(rows)
    assert "were not reached" in (tmp_path / "out.html").read_text()
    assert not list(tmp_path.glob(".*"))
