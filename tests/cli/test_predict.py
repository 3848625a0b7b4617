"""``predict`` as a user runs it: a process, its files, its exit code, its two streams."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from tests.films import dicom_bytes, draw_film, jpeg_bytes, png_bytes, tiff_bytes
from tests.processes import heed_signals

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
    outputs = ["out.html", "out.run.json", "p.csv", "p.csv.journal", "p.run.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == outputs
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
        "out.csv.journal",
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
    xrayscan("predict", film, "--admission", "off", cwd=tmp_path, **env)
    assert read_rows(tmp_path / "env.csv")[0]["threshold"] == "0.25"
    line = ["--csv", "line.csv", "--threshold", "0.75"]
    xrayscan("predict", film, "--admission", "off", *line, cwd=tmp_path, **env)
    assert read_rows(tmp_path / "line.csv")[0]["threshold"] == "0.75"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["nowhere"], 2, "nowhere: no such file", id="missing folder"),
        pytest.param([".", "--cam", "magic"], 2, "choose one of gradcam", id="unknown cam"),
        pytest.param([".", "--threshold", "best"], 2, "not a rule", id="unknown threshold"),
        pytest.param([".", "--threshold", "7"], 2, "between 0 and 1", id="threshold over 1"),
        pytest.param([".", "--max-failures", "x"], 2, "number of files", id="failure limit"),
        pytest.param([".", "--model", "best"], 2, "best: neither a model", id="unknown model"),
        pytest.param([".", "--model", "."], 1, "no card.json", id="no model folder"),
        pytest.param(
            [".", "--csv", "a.html", "--report", "a.html"],
            2,
            "names of their own",
            id="same outputs",
        ),
        pytest.param([".", "--csv", "folder"], 2, "is a folder", id="output is a folder"),
        pytest.param([".", "--csv", "file/p.csv"], 1, "cannot be written", id="unwritable output"),
        pytest.param([".", "--batch-size", "0"], 2, "batch-size", id="batch of none"),
        pytest.param([""], 2, "'': an empty path; give", id="empty path"),
        pytest.param([".", "--report", ""], 2, "--report: is empty; give", id="empty report"),
        pytest.param([".", "--csv", ""], 2, "--csv: is empty; give", id="empty csv"),
        pytest.param([".", "--report", "/"], 2, "/: is a folder; give", id="report is the root"),
        pytest.param(["film.png", "--csv", "film.png"], 2, "another name", id="csv onto a film"),
        pytest.param([".", "--csv", "film.png"], 2, "another name", id="csv onto a found film"),
        pytest.param([".", "--dry-run", "--threshold", "x"], 2, "not a rule", id="dry run: rule"),
        pytest.param([".", "--dry-run", "--csv", "folder"], 2, "is a folder", id="dry run: output"),
        pytest.param([".", "--dry-run", "--model", "x"], 2, "neither a model", id="dry run: model"),
    ],
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    film = png_bytes(draw_film(seed=1))
    (tmp_path / "film.png").write_bytes(film)
    done = xrayscan("predict", *arguments, cwd=tmp_path)
    assert (tmp_path / "film.png").read_bytes() == film
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


@pytest.mark.parametrize(
    ("limit", "batch", "said"),
    [
        ("0", 1, "1 of 2 files unreadable, more than --max-failures 0: the run stopped there"),
        ("20%", 16, "1 of 3 files unreadable, more than --max-failures 20%"),
    ],
)
def test_too_many_failures_are_said(tmp_path: Path, limit: str, batch: int, said: str) -> None:
    (tmp_path / "films").mkdir()
    for name in "ac":
        (tmp_path / "films" / f"{name}.jpg").write_bytes(jpeg_bytes(draw_film(seed=1)))
    (tmp_path / "films" / "b.jpg").write_bytes(b"")
    given = ["--max-failures", limit, "--batch-size", batch, "--admission", "off", "--csv", "p.csv"]
    line = ["predict", "films", *given, "--log-file", "x.log", "--json", "-q"]
    done = xrayscan(*line, cwd=tmp_path)
    assert done.returncode == 4
    assert f"xrayscan: {said}\n" in done.stderr
    assert f" INFO {said}\n" in (tmp_path / "x.log").read_text()
    assert {"event": "notice", "text": said} in map(json.loads, done.stdout.splitlines())
    record = json.loads((tmp_path / "p.run.json").read_text())
    assert f"{said}." in record["notices"]


@pytest.mark.parametrize("how", [["--dry-run"], ["--log-file", "x.log"]])
@pytest.mark.parametrize("given", [["films"], ["films", "films/b.txt", "films/sub"]])
def test_verbose_names_the_files_that_are_left_out(
    tmp_path: Path, given: list[str], how: list[str]
) -> None:
    (tmp_path / "films" / "sub").mkdir(parents=True)
    (tmp_path / "films" / "a.jpg").write_bytes(jpeg_bytes(draw_film(seed=1)))
    for name in ("b.txt", ".hidden", "sub/line\nbreak.csv"):
        (tmp_path / "films" / name).write_text("text")
    line = ["predict", *given, "--csv", "p.csv", "--admission", "off", *how]
    done = xrayscan(*line, "--verbose", cwd=tmp_path)
    said = re.findall(r"^[\d:]+ (.*): left out, no film$", done.stderr, re.M)
    before = "films/" if len(given) > 1 else ""
    b_txt = [f"{before}b.txt"] if len(given) == 1 else []  # given by name, it is a film
    assert said == [f"{before}.hidden", *b_txt, f"bytes:{before}sub/line%0Abreak.csv"]
    assert f"{len(said)} other file" in done.stderr
    assert ": left out" not in xrayscan(*line, cwd=tmp_path).stderr
    if (tmp_path / "x.log").exists():
        assert (tmp_path / "x.log").read_text().count(": left out, no film") == 2 * len(said)


def test_dry_run_lists_and_writes_nothing(films: Path, tmp_path: Path) -> None:
    done = xrayscan("predict", films, "--dry-run", "--csv", "p.csv", cwd=tmp_path)
    assert done.returncode == 0
    assert "unit/IM0001" in done.stdout.splitlines()
    assert "bytes:R%F6ntgen.jpg" in done.stdout.splitlines()
    assert not list(tmp_path.iterdir())


def test_quiet_says_nothing_and_away_from_a_terminal_there_is_no_bar(
    films: Path, tmp_path: Path
) -> None:
    film = films / "plain.jpg"
    assert xrayscan("predict", film, "-q", "--csv", "p.csv", cwd=tmp_path).stderr == ""
    line = ["predict", film, "--admission", "off", "--csv", "q.csv"]
    work, last = xrayscan(*line, cwd=tmp_path).stderr.splitlines()
    assert work.startswith("to read: ")
    assert last.startswith("found 1 = scored 1")


def test_quiet_says_what_went_wrong(films: Path, tmp_path: Path) -> None:
    done = xrayscan("predict", films / "unit", "-q", "--csv", "p.csv", cwd=tmp_path)
    assert done.returncode == 3
    assert " + unreadable 2 + " in done.stderr.splitlines()[-1]


def begun_run(folder: Path, *before: str) -> subprocess.Popen[str]:
    """Start a run over many films and return when it has begun to write."""
    films = folder / "films"
    films.mkdir()
    content = png_bytes(draw_film(seed=1, width=1400, height=1200))
    for index in range(400):
        (films / f"{index:03}.png").write_bytes(content)
    command = [*before, sys.executable, "-m", "xrayscan", "predict", "films"]
    command += ["--report", "out.html", "--batch-size", "2"]
    heeded = {} if before else {"preexec_fn": heed_signals}
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, **heeded)
    journal = folder / "out.csv.journal"
    while not (journal.exists() and b'"film"' in journal.read_bytes()):
        time.sleep(0.02)
        assert process.poll() is None
    return process


# A run that compares what films hold, on a share that is slow in giving it.
SLOW_SHARE = """
import sys, time
from xrayscan import incremental
from xrayscan.cli import main

def slow(location):
    print("reads", file=sys.stderr, flush=True)
    time.sleep(60)

incremental.read_content = slow
main()
"""
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
SIGNAL_NAMES = ["SIGINT", "SIGTERM", "SIGHUP"]


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=SIGNAL_NAMES)
def test_second_signal_stops_at_once_and_leaves_nothing_hidden(
    tmp_path: Path, number: int, code: int
) -> None:
    process = begun_run(tmp_path)
    process.send_signal(number)
    assert process.stderr is not None
    assert "once more stops at once" in process.stderr.readline()
    process.send_signal(number)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == code, messages
    if "stopped at once" in messages:  # and not: had stopped already
        assert "out.csv.journal has the finished rows; run again to go on" in messages
        assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "out.csv.lock").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=SIGNAL_NAMES)
def test_signal_before_the_work_is_said_and_leaves_no_lock(
    films: Path, tmp_path: Path, number: int, code: int
) -> None:
    line = [films, "--csv", "p.csv", "--verify-content", "--admission", "off", "--cam", "none"]
    assert xrayscan("predict", *line, cwd=tmp_path).returncode == 3
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_SHARE, "predict", *map(str, line)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "reads\n"
    assert (tmp_path / "p.csv.lock").exists()
    process.send_signal(number)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == code
    assert messages == (
        "xrayscan: stopped at once; p.csv.journal has the finished rows; run again to go on\n"
    )
    assert not (tmp_path / "p.csv.lock").exists()


def test_signal_that_is_to_be_ignored_is_ignored(tmp_path: Path) -> None:
    process = begun_run(tmp_path, "nohup")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=SIGNAL_NAMES)
def test_signal_stops_with_valid_outputs(tmp_path: Path, number: int, code: int) -> None:
    process = begun_run(tmp_path)
    process.send_signal(number)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == code, messages
    rows = read_rows(tmp_path / "out.csv")
    summary = json.loads((tmp_path / "out.run.json").read_text())["summary"]
    assert 0 < len(rows) < 400
    assert summary["not_reached"] == 400 - len(rows)
    assert f"{400 - len(rows)} files not reached." in (tmp_path / "out.html").read_text()
    assert not list(tmp_path.glob(".*"))


def test_csv_goes_to_standard_output_beside_a_report(films: Path, tmp_path: Path) -> None:
    film = films / "plain.jpg"
    done = xrayscan("predict", film, "--csv", "-", "--report", "out.html", cwd=tmp_path)
    assert len(done.stdout.splitlines()) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "out.run.json"]


def test_option_that_is_no_utf_8_is_in_report_and_record(films: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff*")
    done = xrayscan("predict", films, "--exclude", odd, "--report", "out.html", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    record = json.loads((tmp_path / "out.run.json").read_text())
    assert record["options"]["exclude"] == ["\\xff*"]


def test_repeated_run_over_a_glob_leaves_its_own_outputs_alone(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(png_bytes(draw_film(seed=1)))
    for _ in range(2):
        given = sorted(path.name for path in tmp_path.iterdir())  # as a shell does for *
        done = xrayscan("predict", *given, "--report", "out.html", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert [row["path"] for row in read_rows(tmp_path / "out.csv")] == ["film.png"]


@pytest.mark.parametrize(
    ("redirection", "code", "words"),
    [
        pytest.param("", 0, "", id="open"),
        pytest.param(">/dev/full", 1, "standard output: cannot be written (no space", id="full"),
        pytest.param(">&-", 1, "standard output: is closed; open it, or give --csv", id="closed"),
    ],
)
@pytest.mark.parametrize("kind", ["predictions", "dry run"])
def test_standard_output(
    films: Path, tmp_path: Path, kind: str, redirection: str, code: int, words: str
) -> None:
    dry = "--dry-run" if kind == "dry run" else ""
    done = subprocess.run(
        f'"$PYTHON" -m xrayscan predict "$FILM" {dry} {redirection}',
        shell=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "FILM": str(films / "Röntgen 胸.jpg"),
            "PYTHONIOENCODING": "ascii",
        },
        capture_output=True,
        check=False,
    )
    messages = done.stderr.decode()
    assert done.returncode == code, messages
    assert len(messages.splitlines()) == 1
    if words:
        assert words in messages
    else:
        assert "Röntgen 胸.jpg" in done.stdout.decode("utf-8")


def test_closed_standard_error_is_no_fault(films: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "xrayscan", "predict", str(films), "--report", "out.html"]
    done = subprocess.run(["sh", "-c", '"$@" 2>&-', "sh", *arguments], cwd=tmp_path, check=False)
    assert done.returncode == 3
    assert len(read_rows(tmp_path / "out.csv")) == len(NAMES) + 4


def test_libraries_say_nothing_of_damaged_files(tmp_path: Path) -> None:
    content = tiff_bytes(draw_film(seed=1), compression="packbits")
    (tmp_path / "film.tif").write_bytes(content[:4000] + bytes(4096) + content[8096:])
    done = xrayscan("predict", "film.tif", "-q", "--csv", "p.csv", cwd=tmp_path)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("found 1 = ")


def test_verbose_says_what_became_of_each_file(films: Path, tmp_path: Path) -> None:
    done = xrayscan("predict", films, "--verbose", "--csv", "p.csv", cwd=tmp_path)
    told = re.findall(r"^\d\d:\d\d:\d\d .*: (?:scored|not_assessed|unreadable)", done.stderr, re.M)
    assert len(told) == len(NAMES) + 4
    assert "unit/cut.jpg: unreadable; truncated: ends in the middle" in done.stderr


@pytest.mark.parametrize("dry_run", [["--dry-run"], []], ids=["dry run", "run"])
def test_nothing_found_is_said(tmp_path: Path, dry_run: list[str]) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "notes.txt").write_text("no film")
    done = xrayscan("predict", "films", *dry_run, cwd=tmp_path)
    assert done.returncode == 0
    first, last = done.stderr.splitlines()
    assert first == "xrayscan: films: no films there; check the path, --include and --exclude"
    assert last.endswith(", 1 other file left out")


def test_nothing_found_is_no_quiet_night(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    done = xrayscan("predict", "films", "--csv", "p.csv", "--quiet", cwd=tmp_path)
    assert done.returncode == 0
    assert "xrayscan: films: no films there; check the path, --include and" in done.stderr


# -- who the films are of ------------------------------------------------------------------------

PERSON = {"PatientName": "Doe^Janine", "PatientID": "=4711", "PatientBirthDate": "19520317"}
TOLD = [b"Doe", b"Janine", b"4711", b"19520317"]


@pytest.fixture
def named(tmp_path: Path) -> Path:
    folder = tmp_path / "named"
    folder.mkdir()
    whole = dicom_bytes(draw_film(seed=1), **PERSON)
    (folder / "whole.dcm").write_bytes(whole)
    (folder / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    # pydicom warns of a character set that it does not know, and quotes it
    careless = dicom_bytes(draw_film(seed=3), SpecificCharacterSet="ISO_IR 100", **PERSON)
    (folder / "careless.dcm").write_bytes(careless.replace(b"ISO_IR 100", b"Doe^Janine"))
    (folder / "plain.jpg").write_bytes(jpeg_bytes(draw_film(seed=2)))
    return tmp_path


def test_nothing_tells_who_a_film_is_of(named: Path) -> None:
    done = xrayscan("predict", "named", "--report", "out/out.html", "-v", cwd=named)
    assert done.returncode == 3, done.stderr
    outputs = [path.read_bytes() for path in (named / "out").rglob("*") if path.is_file()]
    assert len(outputs) >= 3
    for content in (*outputs, done.stdout.encode(), done.stderr.encode()):
        assert not [told for told in TOLD if told in content]


def test_identifiers_on_request_are_in_the_csv_and_its_journal_alone(named: Path) -> None:
    done = xrayscan(
        "predict", "named", "--report", "out/out.html", "-v", "--with-identifiers", cwd=named
    )
    rows = {Path(row["path"]).name: row for row in read_rows(named / "out" / "out.csv")}
    assert list(rows["plain.jpg"])[-3:] == ["patient_name", "patient_id", "birth_date"]
    for name in ("whole.dcm", "cut.dcm"):
        assert list(rows[name].values())[-3:] == ["Doe^Janine", "'=4711", "19520317"]
    assert list(rows["plain.jpg"].values())[-3:] == ["", "", ""]
    naming = {"out.csv", "out.csv.journal"}
    others = [path.read_bytes() for path in (named / "out").iterdir() if path.name not in naming]
    for content in (*others, done.stdout.encode(), done.stderr.encode()):
        assert not [told for told in TOLD if told in content]
    assert "The CSV names patients" in (named / "out" / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("again", [[], ["--fresh"]], ids=["plain", "fresh"])
def test_names_leave_the_journal_when_they_are_asked_for_no_more(
    named: Path, again: list[str]
) -> None:
    for further in (["--with-identifiers"], again):
        xrayscan("predict", "named", "--csv", "out/p.csv", *further, cwd=named)
        (named / "named" / "whole.dcm").unlink(missing_ok=True)  # its row stays, without a name
    outputs = [path.read_bytes() for path in (named / "out").iterdir()]
    assert len(read_rows(named / "out" / "p.csv")) == 4
    for content in outputs:
        assert not [told for told in TOLD if told in content]
