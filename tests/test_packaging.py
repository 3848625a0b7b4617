"""The wheel: what is in it, and that it works away from the checkout."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from xrayscan.cli.needs import LEFT_OUT


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", str(checkout)]
    subprocess.run([*command, "-w", str(folder)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def tracked(checkout: Path) -> list[str]:
    """The checkout's files that belong into the wheel, by their place in it."""
    code = [path.relative_to(checkout) for path in (checkout / "xrayscan").rglob("*.py")]
    templates = list((checkout / "templates").iterdir())
    models = [path for path in (checkout / "models").rglob("*") if path.is_file()]
    data = [Path("xrayscan") / path.relative_to(checkout) for path in (*templates, *models)]
    return sorted(str(path) for path in (*code, *data, Path("xrayscan/py.typed")))


def test_wheel_holds_exactly_code_templates_and_models(wheel: Path, checkout: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert sorted(names) == tracked(checkout)


def test_source_archive_holds_what_the_readme_and_the_tests_need(
    checkout: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "build", "--sdist", "--outdir", str(tmp_path), str(checkout)]
    subprocess.run(command, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = ("benchmarks", "docs", "examples", "models", "templates", "tests", "xrayscan")
    files = [path for name in folders for path in (checkout / name).rglob("*") if path.is_file()]
    wanted = {str(path.relative_to(checkout)) for path in files if path.suffix != ".pyc"}
    wanted |= {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "requirements-predict.txt", ".ci/run"}
    assert wanted - names == set()


def test_wheel_scores_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere and first on the path, so that the checkout cannot help it."""
    from tests.films import draw_film, png_bytes

    elsewhere = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(elsewhere)
    (tmp_path / "film.png").write_bytes(png_bytes(draw_film(seed=1)))
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import xrayscan\n"
        "assert xrayscan.__file__.startswith(sys.path[0]), xrayscan.__file__\n"
        "from xrayscan.cli import main; main()"
    )
    command = [sys.executable, "-I", "-c", code, str(elsewhere), "predict", "film.png"]
    done = subprocess.run(
        [*command, "--report", "out.html"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.html").stat().st_size > 10_000


def needed_by(checkout: Path) -> set[str]:
    config = configparser.ConfigParser()
    config.read(checkout / "setup.cfg")
    return set(config["options"]["install_requires"].split())


def test_the_oldest_keras_is_that_of_the_bundled_model(checkout: Path) -> None:
    """What one version saves, earlier ones cannot always load."""
    with zipfile.ZipFile(checkout / "models" / "fast" / "model.keras") as stored:
        saved_by = json.loads(stored.read("metadata.json"))["keras_version"]
    (oldest,) = (each for each in needed_by(checkout) if each.startswith("keras>="))
    assert oldest == f"keras>={saved_by.rpartition('.')[0]}"


def test_small_install_is_the_dependencies_without_those_of_fit(checkout: Path) -> None:
    needed = needed_by(checkout)
    small = set((checkout / "requirements-predict.txt").read_text().split())
    only_for_fit = {name.partition(">=")[0] for name in needed - small}
    assert small < needed
    assert only_for_fit == {*LEFT_OUT.values(), "keras"}  # which comes with TensorFlow
