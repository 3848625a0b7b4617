from __future__ import annotations

from pathlib import Path

import pytest

from xrayscan.errors import UsageError
from xrayscan.resources import DEFAULT_MODEL, bundled_models, model_folder, templates_folder


def test_templates_and_default_model_are_there() -> None:
    assert (templates_folder() / "report.html").is_file()
    assert DEFAULT_MODEL in bundled_models()


def test_model_by_name_and_by_folder(tmp_path: Path) -> None:
    assert model_folder(DEFAULT_MODEL) == bundled_models()[DEFAULT_MODEL]
    assert model_folder(str(tmp_path)) == tmp_path


def test_unknown_model_names_the_bundled_ones() -> None:
    with pytest.raises(UsageError, match=f"nowhere: .*{DEFAULT_MODEL}"):
        model_folder("nowhere")
