from __future__ import annotations

import csv
import errno
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xrayscan.cli.app import app


def run_demo(out: Path) -> dict[str, dict[str, str]]:
    result = CliRunner().invoke(app, ["demo", "--out", str(out), "-q"])
    assert result.exit_code == 0, result.output
    for name in ("films", "predictions.csv", "report.html"):
        assert str(out / name) in result.output
    with (out / "predictions.csv").open(newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def test_demo_scores_the_chest_alike_in_every_encoding_and_refuses_the_rest(tmp_path: Path) -> None:
    rows = run_demo(tmp_path / "demo")
    chests = {name: row for name, row in rows.items() if "RG1" in name or "chest" in name}
    legs = [row for name, row in rows.items() if "RG3" in name]
    damaged = [row for name, row in rows.items() if name.startswith("damaged/")]
    assert len(rows) == len(chests) + len(legs) + len(damaged) + 1  # and the one without extension
    assert all(row["status"] == "unreadable" for row in damaged)
    assert all(row["status"] == "not_assessed" for row in legs)
    assert {row["status"] for row in chests.values()} == {"scored"}
    values = {name: float(row["probability"]) for name, row in chests.items()}
    assert values["RG1_UNCR.dcm"] == values["RG1_J2KR.dcm"]  # lossless
    assert values["RG1_UNCI.dcm"] == values["RG1_J2KI.dcm"]  # after one lossy compression
    assert max(values.values()) - min(values.values()) < 0.05


def test_demo_does_not_touch_an_existing_folder(tmp_path: Path) -> None:
    """Such as one of patients' films, among which the samples would be scored."""
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert f"{tmp_path}: exists already; remove it or give another --out" in result.output
    assert list(tmp_path.iterdir()) == []


def test_demo_below_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "file" / "demo")])
    assert result.exit_code == 1
    assert "cannot be written (not a directory); give another --out" in result.output
    assert len(result.output.splitlines()) == 1


def test_demo_without_room_names_what_it_wrote(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))

    monkeypatch.setattr(shutil, "copyfile", full)  # as it says which two files
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "demo")])
    assert result.exit_code == 1
    assert result.output.startswith(f"xrayscan: {tmp_path / 'demo' / 'films'}/RG1_UNCR.dcm: cannot")
