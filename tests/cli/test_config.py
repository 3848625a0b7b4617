from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from tests.cli.test_predict import read_rows, xrayscan
from tests.films import draw_film, jpeg_bytes
from xrayscan.cli.app import app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.jpg").write_bytes(jpeg_bytes(draw_film(seed=1)))
    return tmp_path


CONFIG = """
[predict]
csv = "from-config.csv"
threshold = "0.25"
admission = "off"
min-age = 0.0
include = ["a*", "b*"]
"""


def test_command_line_wins_over_environment_over_file(folder: Path) -> None:
    (folder / "c.toml").write_text(CONFIG)
    line = ["predict", "films", "--config", "c.toml"]
    assert xrayscan(*line, cwd=folder).returncode == 0
    assert read_rows(folder / "from-config.csv")[0]["threshold"] == "0.25"
    environment = {"XRAYSCAN_PREDICT_THRESHOLD": "0.5"}
    xrayscan(*line, cwd=folder, **environment)
    assert read_rows(folder / "from-config.csv")[0]["threshold"] == "0.5"
    xrayscan(*line, "--threshold", "0.75", cwd=folder, **environment)
    assert read_rows(folder / "from-config.csv")[0]["threshold"] == "0.75"


def test_the_file_can_be_named_by_the_environment(folder: Path) -> None:
    (folder / "c.toml").write_text(CONFIG)
    xrayscan("predict", "films", cwd=folder, XRAYSCAN_PREDICT_CONFIG="c.toml")
    assert (folder / "from-config.csv").is_file()


def test_tables_of_other_commands_are_left_to_them(folder: Path) -> None:
    (folder / "c.toml").write_text(f"{CONFIG}[check]\ncsv = 'check.csv'\n[fit]\nseed = 3\n")
    assert xrayscan("predict", "films", "--config", "c.toml", cwd=folder).returncode == 0
    assert not (folder / "check.csv").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(None, "c.toml: cannot be read (no such file", id="missing"),
        pytest.param("[predict\n", "c.toml: is no TOML", id="torn"),
        pytest.param("predict = 3\n", "predict is no table; write [predict]", id="no table"),
        pytest.param("[predict]\nthresold = 1\n", "no option thresold; see --help", id="unknown"),
        pytest.param(
            'threshold = "f1"\n', "no command threshold; put options below [predict]", id="outside"
        ),
        pytest.param("[predcit]\ncsv = 'p.csv'\n", "no command predcit", id="unknown table"),
        pytest.param("[[predict]]\n", "predict is no table; write [predict]", id="array"),
        pytest.param("[predict]\nbatch-size = 0\n", "c.toml: batch-size 0: ", id="out of range"),
        pytest.param("[predict]\nadmission = 'so'\n", "c.toml: admission so: ", id="no choice"),
        pytest.param("[predict]\nmin-age = 'x'\n", "c.toml: min-age x: ", id="no number"),
        pytest.param(
            "[predict]\ninclude = 'a*'\n", "include a*: give a list, in brackets", id="no list"
        ),
        pytest.param(
            "[predict]\ncsv = ['a', 'b']\n", "csv ['a', 'b']: give one value", id="a list"
        ),
        pytest.param("[predict]\nconfig = 'd.toml'\n", "no option config", id="another file"),
        pytest.param("[predict]\nmax_failures = 'x'\n", "c.toml: max-failures x: give", id="limit"),
        pytest.param("[predict]\nzones = '2,3'\n", "c.toml: zones 2,3: give two", id="zones"),
        pytest.param("[predict]\nthreshold = 'x'\n", "c.toml: threshold x: not a", id="rule"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(
    folder: Path, text: str | None, words: str
) -> None:
    if text is not None:
        (folder / "c.toml").write_text(text)
    done = xrayscan("predict", "films", "--config", "c.toml", cwd=folder)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.startswith("xrayscan: --config c.toml: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_value_of_the_command_line_is_not_blamed_on_the_file(folder: Path) -> None:
    (folder / "c.toml").write_text("[predict]\nzones = '0.1,0.2'\n")
    done = xrayscan("predict", "films", "--config", "c.toml", "--zones", "2,3", cwd=folder)
    assert done.stderr.startswith("xrayscan: --zones 2,3: ")


def test_paths_can_stand_in_the_file(folder: Path) -> None:
    (folder / "c.toml").write_text("[predict]\npaths = ['films']\n")
    assert xrayscan("predict", "--config", "c.toml", "--dry-run", cwd=folder).stdout == "a.jpg\n"


def test_paths_in_the_file_can_start_from_home(folder: Path) -> None:
    (folder / "c.toml").write_text("[predict]\npaths = ['~/films']\ncsv = '~/p.csv'\n")
    (folder / "elsewhere").mkdir()
    done = xrayscan(
        "predict", "--config", folder / "c.toml", "--admission", "off",
        cwd=folder / "elsewhere", HOME=str(folder),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [row["path"] for row in read_rows(folder / "p.csv")] == ["a.jpg"]


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_says_everything_on_standard_output(folder: Path) -> None:
    (folder / "films" / "cut.jpg").write_bytes(jpeg_bytes(draw_film(seed=2))[:-900])
    done = xrayscan("predict", "films", "--json", "--admission", "off", "-q", cwd=folder)
    told = events(done.stdout)
    kinds = [event["event"] for event in told]
    assert kinds == ["started", "assessment", "assessment", "progress", "summary"]
    assert told[0] | {"total": 2, "schema": 1} == told[0]
    assert isinstance(told[1]["probability"], float)
    assert told[2]["reason"] == "truncated"
    assert told[2]["probability"] is None
    assert (told[3]["done"], told[3]["total"]) == (2, 2)
    assert told[4]["exit_code"] == done.returncode == 3
    assert sorted(path.name for path in folder.iterdir()) == ["films"]


def test_json_beside_a_csv_tells_what_is_new(folder: Path) -> None:
    line = ["predict", "films", "--json", "--csv", "p.csv"]
    xrayscan(*line, cwd=folder)
    (folder / "films" / "b.jpg").write_bytes(jpeg_bytes(draw_film(seed=3)))
    told = events(xrayscan(*line, cwd=folder).stdout)
    assert [event["path"] for event in told if event["event"] == "assessment"] == ["b.jpg"]
    assert told[-1]["taken_over"] == 1


def test_json_and_a_csv_on_standard_output_are_one_too_many(folder: Path) -> None:
    done = xrayscan("predict", "films", "--json", "--csv", "-", cwd=folder)
    assert done.returncode == 2
    assert "standard output is taken by --json" in done.stderr


def test_log_file_has_the_course_of_every_run(folder: Path) -> None:
    for number in range(2):
        (folder / "films" / f"{number}.jpg").write_bytes(jpeg_bytes(draw_film(seed=number)))
        xrayscan("predict", "films", "--csv", "p.csv", "--log-file", "logs/x.log", "-q", cwd=folder)
    lines = (folder / "logs" / "x.log").read_text().splitlines()
    assert len([line for line in lines if ".jpg: " in line]) == 3
    assert len([line for line in lines if " INFO found " in line]) == 2


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="there is no full device here")
def test_a_log_that_cannot_be_written_is_said_once(folder: Path) -> None:
    (folder / "films" / "b.jpg").write_bytes(jpeg_bytes(draw_film(seed=2)))
    line = ["predict", "films", "--csv", "p.csv", "--log-file", "/dev/full", "-q"]
    done = xrayscan(*line, "--admission", "off", cwd=folder)
    assert done.returncode == 0
    assert done.stderr == (
        "xrayscan: /dev/full: cannot be written (no space left on device); "
        "check space and permissions; the log is not whole\n"
    )
    assert len(read_rows(folder / "p.csv")) == 2


@pytest.mark.parametrize("command", ["predict", "check"])
def test_log_file_beside_the_films_is_no_film_and_goes_into_none(
    folder: Path, command: str
) -> None:
    line = [command, "films", "--csv", "p.csv", "-q"]
    for _ in range(2):
        done = xrayscan(*line, "--log-file", "films/log", cwd=folder)
        assert done.returncode == 0, done.stderr
    assert len(read_rows(folder / "p.csv")) == 1
    film = (folder / "films" / "a.jpg").read_bytes()
    done = xrayscan(*line, "--log-file", "films/a.jpg", cwd=folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "films/a.jpg: exists, and is a film" in done.stderr
    assert (folder / "films" / "a.jpg").read_bytes() == film


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--zones", "0.9,0.1"], "two rising numbers"),
        (["--zones", "0.5"], "two rising numbers"),
        (["--zones", "x,y"], "two rising numbers"),
        (["--zones", "0,2"], "two rising numbers"),
        (["--shard", "0/4"], "such as 1/4"),
        (["--shard", "5/4"], "such as 1/4"),
        (["--shard", "half"], "such as 1/4"),
        (["--log-file", "films/a.jpg/x"], "cannot be written"),
    ],
)
def test_wrong_values_are_one_sentence(folder: Path, option: list[str], words: str) -> None:
    done = xrayscan("predict", "films", "--csv", "p.csv", *option, cwd=folder)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def variables(command: Any, path: str = "XRAYSCAN") -> Iterator[tuple[str, Any, str]]:
    """Each option of a command and those below it: what the README calls its variable, and path."""
    for each in command.params:
        if each.param_type_name == "option" and path != "XRAYSCAN":
            name = max(each.opts, key=len).lstrip("-").replace("-", "_").upper()
            yield f"{path}_{name}", each, path
    for name, below in getattr(command, "commands", {}).items():
        yield from variables(below, f"{path}_{name.upper()}")


def test_every_option_has_the_variable_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(variables(typer.main.get_command(app)))
    assert "XRAYSCAN_FIT_FROM" in [variable for variable, _, _ in every]
    for variable, option, path in every:
        monkeypatch.setenv(variable, "1")
        assert option.resolve_envvar_value(SimpleNamespace(auto_envvar_prefix=path)), variable
