from __future__ import annotations

import json
import shutil
from pathlib import Path

from typer.testing import CliRunner

from xrayscan.cli.app import app
from xrayscan.resources import DEFAULT_MODEL, model_folder


def run(*arguments: str):
    return CliRunner().invoke(app, ["models", *arguments])


def test_list_names_the_default() -> None:
    assert f"{DEFAULT_MODEL} (default): " in run("list").output


def test_show_prints_the_card() -> None:
    card = json.loads(run("show", DEFAULT_MODEL).output)
    assert card["name"] == DEFAULT_MODEL
    assert {"youden", "f1", "sens=0.95", "spec=0.95"} <= set(card["thresholds"])


def test_verify_accepts_the_bundled_model_and_refuses_a_changed_one(tmp_path: Path) -> None:
    assert run("verify", DEFAULT_MODEL).exit_code == 0
    changed = tmp_path / "model"
    shutil.copytree(model_folder(DEFAULT_MODEL), changed)
    with (changed / "scorer.bin").open("r+b") as file:
        file.seek(1000)
        file.write(b"?")
    result = run("verify", str(changed))
    assert result.exit_code == 1
    assert "scorer.bin" in result.output
    assert "sha256 differs" in result.output
