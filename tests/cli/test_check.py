"""``check``: predict's rows without scores, its journal and exit codes, and nothing mixed up."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.damage import DAMAGES
from tests.films import dicom_bytes, draw_film, jpeg_bytes, png_bytes, tiff_bytes
from tests.test_architecture import HEAVY, loaded_by
from xrayscan.cli.app import app
from xrayscan.demo import write_sample_films
from xrayscan.reporting.table import COLUMNS

SCORES = ("probability", "threshold", "label", "zone")


def call(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), env=environment)


def read_rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def expected(row: dict[str, str]) -> dict[str, str]:
    """The row that check has where predict has this one."""
    scoreless = {**row, **dict.fromkeys(SCORES, ""), "assessed_at": ""}
    return {**scoreless, "status": "admitted"} if row["status"] == "scored" else scoreless


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films of every kind: good, turned, damaged in every way, empty, blank, small, no films."""
    folder = tmp_path_factory.mktemp("drawn") / "films"
    write_sample_films(folder)  # real ones, some of which are admitted
    good = draw_film(seed=1)
    films = {
        "good.jpg": jpeg_bytes(good),
        "good.png": png_bytes(draw_film(seed=2)),
        "good.tif": tiff_bytes(draw_film(seed=3)),
        "good.dcm": dicom_bytes(draw_film(seed=4)),
        "turned.png": png_bytes(np.rot90(good, 2)),
        "inverted.png": png_bytes(255 - good),
        "noise.png": png_bytes(np.random.default_rng(1).integers(0, 256, (300, 300), np.uint8)),
        "blank.png": png_bytes(np.full((200, 200), 90, np.uint8)),
        "small.png": png_bytes(good[:20, :20]),
        "long.png": png_bytes(np.tile(good[:40], (1, 6))),
        "empty.jpg": b"",
        "letter.jpg": b"Dear colleague",
        "ct.dcm": dicom_bytes(draw_film(seed=5), Modality="CT"),
    }
    rng = np.random.default_rng(3)
    films |= {f"{name}.jpg": damage(films["good.jpg"], rng) for name, damage in DAMAGES.items()}
    for name, data in films.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("admission", ["on", "warn", "off"])
def test_rows_are_those_of_predict_without_scores(
    films: Path, tmp_path: Path, admission: str
) -> None:
    table = {}
    for command in ("predict", "check"):
        out = tmp_path / f"{command}.csv"
        done = call(command, films, "--csv", out, "--admission", admission, "-q")
        assert done.exit_code == 3, done.output
        table[command] = read_rows(out)
    wanted = {path: expected(row) for path, row in table["predict"].items()}
    found = {path: {**row, "assessed_at": ""} for path, row in table["check"].items()}
    if admission == "off":  # nobody has looked how far they lie from the training films
        wanted = {path: {**row, "embedding_distance": ""} for path, row in wanted.items()}
    assert found == wanted
    statuses = {row["status"] for row in found.values()}
    assert statuses == {"admitted", "not_assessed", "unreadable"}


def test_without_admission_no_model_is_run(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.csv"
    loaded = loaded_by(["check", str(films), "--csv", str(out), "--admission", "off", "-q"])
    assert read_rows(out)["good.jpg"]["status"] == "admitted"
    assert not loaded & (HEAVY | {"openvino"})


def test_closing_line_outputs_and_what_is_taken_over(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.csv"
    first = call("check", films, "--csv", out, "--admission", "off")
    rows = read_rows(out)
    count = {
        status: sum(row["status"] == status for row in rows.values())
        for status in ("admitted", "not_assessed", "unreadable", "vanished")
    }
    line = (
        f"found {len(rows)} = admitted {count['admitted']} + not assessed {count['not_assessed']}"
        f" + unreadable {count['unreadable']} + vanished 0"
    )
    assert line in first.output.splitlines()
    assert first.exit_code == 3
    assert tuple(rows["good.jpg"])[: len(COLUMNS)] == COLUMNS
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"c.csv", "c.csv.journal", "c.run.json"}
    record = json.loads((tmp_path / "c.run.json").read_text())
    assert (record["options"]["command"], record["threshold"]) == ("check", None)
    assert record["summary"]["admitted"] == count["admitted"]
    before = out.read_bytes()
    second = call("check", films, "--csv", out, "--admission", "off")
    assert f"{line}, {len(rows)} taken over unchanged" in second.output.splitlines()
    assert out.read_bytes() == before


def test_events(films: Path) -> None:
    done = call("check", films / "good.jpg", films / "empty.jpg", "--admission", "off", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    started, *assessed, _, summary = events
    assert (started["event"], started["command"]) == ("started", "check")
    assert [event["status"] for event in assessed] == ["admitted", "unreadable"]
    assert {event["probability"] for event in assessed} == {None}
    assert (summary["found"], summary["admitted"], summary["scored"]) == (2, 1, 0)
    assert summary["exit_code"] == done.exit_code == 3


@pytest.mark.parametrize("first", ["predict", "check"])
def test_results_of_one_are_never_taken_for_the_others(
    films: Path, tmp_path: Path, first: str
) -> None:
    """What lies there is kept aside, and every film is looked at anew."""
    second = {"predict": "check", "check": "predict"}[first]
    out, film = tmp_path / "p.csv", films / "good.jpg"
    options = (film, "--csv", out, "--admission", "off")
    assert call(first, *options).exit_code == 0
    before = out.read_bytes()
    journal = tmp_path / "p.csv.journal"
    for each in (out, journal):
        each.chmod(0o600)
    done = call(second, *options)
    assert f"{out}.journal: holds results of xrayscan {first}; kept as " in done.output
    assert "taken over" not in done.output
    (row,) = read_rows(out).values()
    assert row["status"] == {"predict": "scored", "check": "admitted"}[second]
    (aside,) = tmp_path.glob("p.csv.kept-*")
    assert aside.read_bytes() == before
    assert len(list(tmp_path.glob("p.csv.journal.kept-*"))) == 1
    assert [each.stat().st_mode & 0o777 for each in (out, journal)] == [0o600, 0o600]


@pytest.mark.parametrize("film", ["good.jpg", "empty.jpg"])
def test_no_report_is_drawn_of_a_check(films: Path, tmp_path: Path, film: str) -> None:
    out = tmp_path / "c.csv"
    call("check", films / film, "--csv", out, "--admission", "off")
    done = call("report", out)
    words = "is of xrayscan check, which scores nothing; give a CSV of xrayscan predict"
    assert f"{out}: {words}" in done.output
    assert done.exit_code == 2
    assert not (tmp_path / "c.html").exists()


def test_parts_of_both_are_not_merged(films: Path, tmp_path: Path) -> None:
    parts = [tmp_path / "1.csv", tmp_path / "2.csv"]
    shared = ("--admission", "off", "-q", "--include", "good.*")
    call("check", films, "--csv", parts[0], "--shard", "1/2", *shared)
    call("predict", films, "--csv", parts[1], "--shard", "2/2", *shared)
    done = call("merge", *parts, "--out", tmp_path / "m.csv")
    assert "2.csv: has another command than" in done.output
    assert done.exit_code == 2
    call("check", films, "--csv", parts[1], "--shard", "2/2", "--fresh", *shared)
    assert call("merge", *parts, "--out", tmp_path / "m.csv").exit_code == 0
    assert {row["status"] for row in read_rows(tmp_path / "m.csv").values()} == {"admitted"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("good.jpg",), 0, id="all whole"),
        pytest.param(("good.jpg", "empty.jpg"), 3, id="unreadable"),
        pytest.param(("empty.jpg", "--max-failures", "0"), 4, id="too many"),
        pytest.param(("no such film",), 2, id="wrong path"),
        pytest.param(("good.jpg", "--threshold", "0.5"), 2, id="no threshold"),
        pytest.param(("good.jpg", "--report", "a.html"), 2, id="no report"),
    ],
)
def test_exit_codes(
    films: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    monkeypatch.chdir(films)
    assert call("check", *arguments, "--admission", "off", "--csv", "/dev/null").exit_code == code


def test_options_come_from_environment_and_config(films: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "c.toml", tmp_path / "c.csv"
    config.write_text('[check]\nadmission = "off"\n[predict]\ncsv = "not this one"\n')
    film = films / "good.jpg"
    done = call("check", film, "--config", config, XRAYSCAN_CHECK_CSV=str(out))
    assert done.exit_code == 0
    (row,) = read_rows(out).values()
    assert (row["status"], row["embedding_distance"]) == ("admitted", "")


def test_dry_run_lists(films: Path) -> None:
    done = call("check", films, "--dry-run")
    assert len(done.stdout.splitlines()) >= len(list(films.iterdir()))
    assert done.exit_code == 0
