from __future__ import annotations

import importlib.util

import pytest
from typer.testing import CliRunner

from xrayscan.cli import needs
from xrayscan.cli.app import app


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(
            ["evaluate", "films"],
            "xrayscan: evaluate: needs matplotlib, scipy and scikit-learn, which an installation "
            "that only scores leaves out; pip install matplotlib scipy scikit-learn",
            id="evaluate",
        ),
        pytest.param(["compare", "films"], "scikit-learn, which", id="compare"),
        pytest.param(["calibrate", "films", "--out", "site"], "scipy and scikit", id="calibrate"),
        pytest.param(["explain", "film.png", "--out", "why.png"], "matplotlib", id="explain"),
        pytest.param(["fit", "films", "--out", "m"], "and tensorflow, which", id="fit"),
        pytest.param(
            ["models", "export", "fast", "--format", "tflite", "--out", "f"],
            "xrayscan: models export: needs tensorflow, which",
            id="export",
        ),
    ],
)
def test_what_scoring_does_without_is_asked_for_at_once(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in needs.LEFT_OUT else name
    )
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert len(done.output.splitlines()) == 1


def test_nothing_is_asked_for_where_all_is_there() -> None:
    needs.need("fit", needs.TRAINING)
