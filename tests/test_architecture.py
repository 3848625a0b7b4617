"""Holds the plan of the house: who may import whom, and what scoring must not load."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "xrayscan"

BASE = {
    "records",
    "errors",
    "cores",
    "clock",
    "cells",
    "runtime",
    "report_files",
    "wording",
    "__init__",
}
STAGES = {"intake", "scoring", "journal", "reporting", "resources"}
# what each room may import, besides itself and BASE
ALLOWED = {
    "records": set(),
    "errors": {"records"},
    "cores": set(),
    "clock": set(),
    "cells": set(),
    "runtime": set(),
    "report_files": set(),
    "wording": set(),
    "__init__": set(),
    "resources": set(),
    "intake": set(),
    "scoring": set(),
    "journal": set(),
    "reporting": {"journal"},  # reports are written whole or not at all
    "labels": {"intake"},
    "reading": STAGES,
    "assessing": STAGES | {"reading"},
    "pipeline": STAGES | {"assessing"},
    "incremental": STAGES,
    "recording": STAGES | {"incremental"},
    "cluster": STAGES | {"reading", "assessing"},
    "gpu": {"scoring", "training"},
    "job": STAGES
    | {"reading", "assessing", "pipeline", "cluster", "incremental", "recording", "gpu"},
    "merging": {"intake", "journal", "reporting"},
    "redraw": STAGES | {"job"},
    "demo": {"intake"},
    "evaluation": STAGES | {"labels", "reading", "assessing"},
    "training": STAGES | {"labels", "evaluation"},
    "cli": STAGES
    | {"merging", "pipeline", "cluster", "job", "redraw", "demo", "training", "evaluation"},
    "__main__": {"cli"},
}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imported_modules(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(str(node.module))
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "xrayscan"}


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    rooms = {each.relative_to(PACKAGE).parts[0].removesuffix(".py") for each in MODULES}
    allowed = ALLOWED[room] | BASE | {room}
    used = {room_of(module) for module in imported_modules(path)} & rooms
    assert used <= allowed, f"{room} must not import {sorted(used - allowed)}"


def test_openvino_is_loaded_where_it_is_kept_from_reporting() -> None:
    loads = re.compile(r"^ *import openvino", re.MULTILINE)
    found = {path.name for path in MODULES if loads.search(path.read_text(encoding="utf-8"))}
    assert found == {"runtime.py"}


def test_every_room_is_in_the_plan() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert rooms == set(ALLOWED)


def test_every_package_is_installed() -> None:
    """setup.cfg names them one by one; one that is left out is missing from the wheel alone."""
    setup = configparser.ConfigParser()
    setup.read(PACKAGE.parent / "setup.cfg")
    named = set(setup["options"]["packages"].split()) - {"xrayscan.templates", "xrayscan.models"}
    folders = [each.parent.relative_to(PACKAGE.parent) for each in PACKAGE.rglob("__init__.py")]
    assert named == {".".join(folder.parts) for folder in folders}


HEAVY = {"tensorflow", "keras", "matplotlib", "sklearn", "pandas", "scipy", "dask", "distributed"}
IMAGING = {"cv2", "numpy", "openvino", "pydicom", "simplejpeg", "PIL", "jinja2"}


def loaded_by(arguments: list[str]) -> set[str]:
    code = (
        "import sys; sys.argv = ['xrayscan', *sys.argv[1:]]\n"
        "from xrayscan.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('\\nLOADED', *{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("LOADED ")[2].split())


def test_help_loads_nothing_heavy() -> None:
    assert not loaded_by(["--help"]) & (HEAVY | IMAGING)


def test_processes_that_read_load_no_commands() -> None:
    """They load the module that the run was started with."""
    code = "import sys, xrayscan.cli; sys.exit('typer' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_predict_loads_no_training_packages(tmp_path: Path) -> None:
    from tests.films import draw_film, png_bytes

    films = tmp_path / "films"
    films.mkdir()
    (films / "film.png").write_bytes(png_bytes(draw_film(seed=1)))
    arguments = ["predict", str(films), "--report", str(tmp_path / "out.html"), "--quiet"]
    loaded = loaded_by(arguments)
    assert (tmp_path / "out.html").is_file()
    assert "openvino" in loaded
    assert not loaded & (HEAVY | {"pydicom"}), "pydicom only where there is DICOM"
    assert loaded - loaded_by(arguments) >= {"openvino", "pebble"}, "nothing is new"
