"""What a worker checks and holds, without a worker around it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.films import draw_film, png_bytes
from xrayscan.cluster import worker
from xrayscan.cluster.terms import Terms, fault_of
from xrayscan.cluster.worker import Desk, absolute
from xrayscan.errors import XrayscanError
from xrayscan.intake.admission import Admission
from xrayscan.job.batches import Asked, terms_of
from xrayscan.job.choices import decision_of
from xrayscan.job.options import JobOptions, find_scans
from xrayscan.records import Status
from xrayscan.resources import model_folder
from xrayscan.scoring.card import load_card


@pytest.fixture
def options(tmp_path: Path) -> JobOptions:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.png").write_bytes(png_bytes(draw_film(seed=1)))
    films = str(tmp_path / "films")
    return JobOptions((films,), csv=Path("p.csv"), workers=1, admission=Admission.OFF)


@pytest.fixture
def terms(options: JobOptions) -> Terms:
    return terms_for(replace(options, model="fast"))


def terms_for(options: JobOptions) -> Terms:
    card = load_card(model_folder(options.model))
    return terms_of(Asked(options, card, decision_of(options, card)))


def test_who_has_the_same_takes_part(terms: Terms) -> None:
    assert fault_of(terms) == ""
    assert terms.model == "fast", "which lies elsewhere in another installation"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"folders": ("/nowhere",)}, "does not see /nowhere; mount", id="no share"),
        pytest.param(
            {"card_sha256": "0" * 64}, "has another model fast (card sha256", id="other model"
        ),
        pytest.param({"model": "/models/x"}, "has no model /models/x; bring", id="no model"),
        pytest.param({"versions": {"xrayscan": "9"}}, "and this run 9; install", id="version"),
        pytest.param({"versions": {"new": "1"}}, "has new None and", id="package it lacks"),
    ],
)
def test_what_keeps_a_worker_out(terms: Terms, changed: dict[str, Any], words: str) -> None:
    other = replace(terms, **changed)
    assert words in fault_of(other)
    with pytest.raises(XrayscanError, match="there"), Desk(other, 1).in_use():
        pass


def test_a_model_whose_files_are_not_its_cards_keeps_a_worker_out(
    options: JobOptions, tmp_path: Path
) -> None:
    """Found out where it is loaded: hashing everything takes too long to ask all workers for."""
    shutil.copytree(model_folder("fast"), tmp_path / "model")
    asked = terms_for(replace(options, model=str(tmp_path / "model")))
    (tmp_path / "model" / "scorer.bin").write_bytes(b"\0")
    assert fault_of(asked) == ""
    with pytest.raises(XrayscanError, match=r"scorer\.bin"), Desk(asked, 1).in_use():
        pass


def test_a_desk_stays_open_until_the_last_batch_is_done(terms: Terms, options: JobOptions) -> None:
    scans = [absolute(scan) for scan in find_scans(options).scans]
    desk = Desk(terms, 1)
    with desk.in_use() as (assessor, submit):
        desk.leave()
        assert desk.is_open
        ((row, picture),) = next(assessor.batches_read_by(submit, scans))
    assert (row.status, picture is not None) == (Status.SCORED, True)
    assert not desk.is_open
    with pytest.raises(XrayscanError, match="its run was over"), desk.in_use():
        pass


def test_reading_and_scoring_on_a_worker_share_its_threads(
    terms: Terms, options: JobOptions
) -> None:
    (scan,) = map(absolute, find_scans(options).scans)
    desk = Desk(terms, 1)
    with desk.in_use() as (assessor, submit):
        assessor.cores.acquire()
        begun = submit(scan)
        with pytest.raises(TimeoutError):
            begun.result(timeout=0.3)  # type: ignore[call-arg]
        assert not assessor.cores.acquire(blocking=False), "one for all"
        assessor.cores.release()
        pixels = begun.result().pixels
        assert pixels is not None
        assert list(assessor.batches_read_by(submit, [scan]))
    desk.leave()


def test_a_desk_that_nobody_comes_to_is_idle(terms: Terms, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(terms, 1)
    assert not desk.is_idle()
    monkeypatch.setattr(worker, "IDLE_S", -1.0)
    assert desk.is_idle()
    with desk.in_use():
        assert not desk.is_idle(), "somebody is there"
    desk.leave()
