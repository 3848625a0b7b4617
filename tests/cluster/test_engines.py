from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from xrayscan.cli.app import app
from xrayscan.cluster import engines
from xrayscan.cluster.engines import check_engine, scheduler_address
from xrayscan.errors import UsageError


@pytest.mark.parametrize(
    ("engine", "address"),
    [
        pytest.param("dask://head:8786", "tcp://head:8786", id="dask"),
        pytest.param("tcp://10.0.0.1:1", "tcp://10.0.0.1:1", id="as a scheduler prints it"),
        pytest.param("dask://[::1]:8786/", "tcp://[::1]:8786", id="IPv6"),
    ],
)
def test_addresses(engine: str, address: str) -> None:
    assert scheduler_address(engine) == address


@pytest.mark.parametrize(
    "engine",
    [
        *("", "spark", "dask:", "dask://", "dask://head", "dask://:8786", "dask://head:0"),
        *("head:8786", "dask://head:65536", "dask://u@head:name", "http://head:1", "dask://a b:1"),
    ],
)
def test_what_is_no_engine_is_refused_in_one_sentence(engine: str) -> None:
    with pytest.raises(
        UsageError, match=r"^--engine .*: give local, gpu, dask or dask://HOST:PORT$"
    ):
        check_engine(engine)


def test_encrypted_clusters_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^--engine tls://head:8786: .*not supported yet; give"):
        check_engine("tls://head:8786")


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    for engine in ("dask", "dask://head:8786"):
        with pytest.raises(UsageError, match=r"pip install 'xrayscan\[cluster\]'"):
            check_engine(engine)
    check_engine("local")


@pytest.mark.parametrize(
    ("engine", "without_dask", "words"),
    [
        pytest.param("spark", False, "--engine spark: give local, gpu, dask or", id="no engine"),
        pytest.param("dask", True, "needs Dask; pip install 'xrayscan[cluster]'", id="no extra"),
    ],
)
def test_on_the_command_line_it_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, without_dask: bool, words: str
) -> None:
    if without_dask:
        monkeypatch.setattr(engines, "find_spec", lambda name: None)
    for more in ([], ["--dry-run"]):
        command = ["predict", str(tmp_path), "--csv", str(tmp_path / "p.csv"), "--engine", engine]
        done = CliRunner().invoke(app, [*command, *more])
        assert done.exit_code == 2
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
