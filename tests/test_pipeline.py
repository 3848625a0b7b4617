"""The laws of a run, with a planted model, so that they hold whatever the bundled one says."""

from __future__ import annotations

import io
import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.films import draw_film, jpeg_bytes, png_bytes
from xrayscan.assessing import Assessed, AssessOptions, Assessor
from xrayscan.errors import WorkersLostError
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import Discovery, DiscoveryOptions, discover
from xrayscan.pipeline import FailureLimit, RunHooks, RunOptions, run_batches
from xrayscan.reading.scans import Reading, ReadOptions, read_scan
from xrayscan.records import Assessment, Ending, HeatMap, Scan, Status, Tally
from xrayscan.reporting.table import ModelIdentity, TableWriter
from xrayscan.reporting.worklist import Section, Worklist
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.model import Scored
from xrayscan.scoring.posture import Posture, PostureFinding
from xrayscan.scoring.thresholds import ZoneLimits

CARD = SimpleNamespace(
    name="planted",
    sha256="00" * 32,
    input_size=32,
    positive="PNEUMONIA",
    negative="NORMAL",
    zones=ZoneLimits(0.3, 0.7),
    distance_limit=2.0,
)


ASSESSED_AT = re.compile(r",[-\d]{10}T[:\d]{8}\+00:00(?=,|$)")


class PlantedModel:
    """Scores a film by its mean grey; films with a dark corner are far from its training set."""

    card = CARD

    def __init__(self, cores: int = 2) -> None:
        self.cores = threading.Semaphore(cores)

    def posture(self, film: np.ndarray) -> PostureFinding:
        """Films with a bright corner are turned, those with a grey one nobody knows how."""
        corner = film[:4, -4:].mean()
        if corner > 254:
            return PostureFinding(Posture(1, inverted=False), 1.0, 0.0)
        return PostureFinding(Posture(2), 0.6, 0.0 if 200 < corner < 202 else 0.4)

    def score(self, pixels: np.ndarray, cam: str) -> Iterator[Scored]:
        for film in pixels:
            distance = 9.0 if film[:4, :4].mean() < 1 else 1.0
            heat_map = None if cam == "none" else HeatMap(film, np.ones((2, 2), np.float32), 0.0)
            yield Scored(float(film.mean() / 255), distance, heat_map)

    def are_reliable(self, maps: Sequence[HeatMap], cam: str) -> list[bool | None]:
        """Maps of bright films pass that have no white corner."""
        assert cam == "gradcam"
        films = [each.film for each in maps]
        return [bool(film.mean() > 100 and film[:4, -4:].mean() < 254) for film in films]


@dataclass
class Run:
    tally: Tally
    ending: Ending
    rows: list[str]
    worklist: Worklist


def run(films: Path | Discovery, hooks: RunHooks | None = None, **options) -> Run:
    discovery = discover([str(films)], DiscoveryOptions()) if isinstance(films, Path) else films
    given = {"cam": "none", "admission": Admission.ON, "batch_size": 3, "workers": 2, **options}
    model = given.pop("model", PlantedModel())
    failures = given.pop("failures", FailureLimit())
    folders = given.pop("folders", {})
    reading = {"workers", "time_limit", "min_age", "with_identifiers"} & set(given)
    read = ReadOptions(CARD.input_size, **{name: given.pop(name) for name in reading})
    with_identifiers = read.with_identifiers
    decision = Decision(given.pop("threshold", 0.5), CARD.zones, CARD.positive, CARD.negative)
    reader = given.pop("read", read_scan)
    assessor = Assessor(model, AssessOptions(read, decision, **given), reader)
    table = io.StringIO(newline="")
    writer = TableWriter(table, with_identifiers=with_identifiers)
    worklist = Worklist("PNEUMONIA", 100)

    def record(rows: Sequence[Assessment]) -> None:
        for row in rows:
            writer.write(row, ModelIdentity(CARD.name, CARD.sha256))

    tally, ending = run_batches(
        assessor.batches(discovery.scans),
        record,
        worklist,
        RunOptions(len(discovery.scans), CARD.positive, folders, failures),
        hooks or RunHooks(),
    )
    without_times = [ASSESSED_AT.sub("", line) for line in table.getvalue().splitlines()]
    return Run(tally, ending, without_times[1:], worklist)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine files: five good ones, two damaged, one blank, one text."""
    folder = tmp_path_factory.mktemp("films")
    for seed in range(4):
        (folder / f"good{seed}.png").write_bytes(png_bytes(grey_film(seed)))
    whole = jpeg_bytes(grey_film(4))
    (folder / "good4.jpg").write_bytes(whole)
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "blank.png").write_bytes(png_bytes(np.full((100, 100), 90, np.uint8)))
    (folder / "letter.jpg").write_text("Dear colleague")
    return folder


def grey_film(seed: int, mean: float | None = None) -> np.ndarray:
    """A drawn film without black corners, at a mean grey of choice."""
    film = np.maximum(draw_film(seed=seed), 8).astype(np.float32)
    target = 40 + 40 * (seed % 5) if mean is None else mean
    return np.clip(film * target / film.mean(), 8, 255).astype(np.uint8)


def test_every_file_is_one_row_and_the_accounts_add_up(films: Path) -> None:
    done = run(films)
    assert len(done.rows) == 9
    assert [row.split(",")[0] for row in done.rows] == sorted(path.name for path in films.iterdir())
    counts = done.tally.by_status
    assert (counts[Status.SCORED], counts[Status.NOT_ASSESSED], counts[Status.UNREADABLE]) == (
        5,
        1,
        3,
    )
    assert done.tally.found == done.tally.accounted == 9
    assert done.ending is Ending.FINISHED


def test_nothing_damaged_or_blank_has_a_probability(films: Path) -> None:
    rows = {row.split(",")[0]: row.split(",") for row in run(films).rows}
    reasons = {name: row[6] for name, row in rows.items() if row[6]}
    assert reasons == {
        "blank.png": "blank",
        "cut.jpg": "truncated",
        "empty.png": "empty",
        "letter.jpg": "not_an_image",
    }
    assert all(rows[name][3] == "" for name in reasons)
    assert all(row[3] for name, row in rows.items() if name not in reasons)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_batch_size_and_workers_change_nothing(films: Path, batch_size: int, workers: int) -> None:
    assert run(films, batch_size=batch_size, workers=workers).rows == run(films).rows


@settings(max_examples=20)
@given(order=st.permutations(range(9)), batch_size=st.integers(1, 10))
def test_a_film_does_not_depend_on_its_neighbours(films: Path, order, batch_size: int) -> None:
    found = discover([str(films)], DiscoveryOptions())
    shuffled = Discovery(tuple(found.scans[index] for index in order), 0)
    rows = run(films).rows
    assert run(shuffled, batch_size=batch_size).rows == [rows[index] for index in order]


def test_where_memory_is_short_each_film_keeps_its_own_scores(films: Path) -> None:
    class Small(PlantedModel):
        def score(self, pixels: np.ndarray, cam: str) -> Iterator[Scored]:
            if len(pixels) > 2:
                raise MemoryError
            return super().score(pixels, cam)

    assert run(films, model=Small(), batch_size=9).rows == run(films).rows


@pytest.mark.parametrize(
    ("admission", "status", "reason"),
    [
        pytest.param(Admission.ON, "not_assessed", "not_frontal_chest", id="on"),
        pytest.param(Admission.WARN, "scored", "not_frontal_chest", id="warn"),
        pytest.param(Admission.OFF, "scored", "", id="off"),
    ],
)
def test_admission(tmp_path: Path, admission: Admission, status: str, reason: str) -> None:
    strange = grey_film(1)
    strange[:40, :40] = 0
    (tmp_path / "strange.png").write_bytes(png_bytes(strange))
    (row,) = run(tmp_path, admission=admission).rows
    cells = row.split(",")
    assert cells[1] == status
    assert reason in row
    assert bool(cells[3]) == (status == "scored")


@pytest.mark.parametrize(
    ("admission", "status", "detail"),
    [
        (Admission.ON, "scored", "was turned left; undone"),
        (Admission.WARN, "scored", "was turned left; undone"),
        (Admission.OFF, "scored", ""),
    ],
    ids=str,
)
def test_a_film_that_is_surely_turned_is_turned_back(
    tmp_path: Path, admission: Admission, status: str, detail: str
) -> None:
    film = grey_film(1)
    film[:40, -60:] = 255
    (tmp_path / "turned.png").write_bytes(png_bytes(film))
    done = run(tmp_path, admission=admission)
    cells = done.rows[0].split(",")
    assert cells[1] == status
    assert cells[7] == detail
    ((_, drawn),) = done.worklist.films({})
    shown = cv2.imdecode(np.frombuffer(drawn.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    upright = film if admission is Admission.OFF else np.rot90(film, -1)
    assert np.abs(shown.astype(int) - upright).mean() < 3


@pytest.mark.parametrize(
    ("admission", "status", "reason"),
    [
        (Admission.ON, "not_assessed", "posture"),
        (Admission.WARN, "scored", "posture"),
        (Admission.OFF, "scored", ""),
    ],
    ids=str,
)
def test_a_film_that_is_turned_somehow(
    tmp_path: Path, admission: Admission, status: str, reason: str
) -> None:
    film = grey_film(1)
    film[:40, -60:] = 201
    (tmp_path / "turned.png").write_bytes(png_bytes(film))
    cells = run(tmp_path, admission=admission).rows[0].split(",")
    assert (cells[1], cells[6]) == (status, reason)
    assert ("looks upside down" in ",".join(cells)) == bool(reason)


def test_label_zone_and_threshold_follow_from_the_written_probability(tmp_path: Path) -> None:
    for seed, mean in enumerate((50, 100, 150, 200)):
        (tmp_path / f"{seed}.png").write_bytes(png_bytes(grey_film(seed, mean)))
    for row in run(tmp_path, threshold=0.5).rows:
        cells = row.split(",")
        probability = float(cells[3])
        assert cells[2] == ("PNEUMONIA" if probability >= float(cells[4]) else "NORMAL")
        zone = "positive" if probability >= 0.7 else "review" if probability >= 0.3 else "negative"
        assert cells[5] == zone


def test_a_film_at_the_threshold_is_called_by_what_is_written(tmp_path: Path) -> None:
    class JustBelow(PlantedModel):
        def score(self, pixels: np.ndarray, cam: str) -> Iterator[Scored]:
            return iter([Scored(0.4999996, 1.0, None)])

    (tmp_path / "a.png").write_bytes(png_bytes(grey_film(1)))
    cells = run(tmp_path, model=JustBelow(), threshold=0.5).rows[0].split(",")
    assert (cells[2], cells[3]) == ("PNEUMONIA", "0.500000")


def test_file_that_vanishes_between_listing_and_reading(films: Path) -> None:
    found = discover([str(films)], DiscoveryOptions())
    gone = Scan("zz.png", str(films / "zz.png"), 5, 5)
    done = run(Discovery((*found.scans, gone), 0))
    assert done.tally.by_status[Status.VANISHED] == 1
    assert done.rows[-1].split(",")[6] == "gone"


def test_a_film_dated_in_the_future_is_scored(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(png_bytes(grey_film(0)))
    os.utime(path, (time.time() + 86_400,) * 2)
    assert run(tmp_path).tally.by_status[Status.SCORED] == 1


def test_what_was_decoded_has_its_size_even_when_it_is_not_assessed(films: Path) -> None:
    (row,) = [row.split(",") for row in run(films).rows if row.startswith("blank.png")]
    assert row[9:11] == ["100", "100"]


def test_every_file_is_logged_for_those_who_ask(films: Path, caplog) -> None:
    with caplog.at_level(logging.DEBUG, "xrayscan"):
        run(films)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 9
    assert any(line.startswith("good0.png: scored; ") for line in lines)
    assert any(line.startswith("empty.png: unreadable; empty: ") for line in lines)


def test_files_still_being_written_are_left_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(png_bytes(grey_film(0)))
    assert run(tmp_path, min_age=60).tally.by_status[Status.VANISHED] == 1
    os.utime(path, (time.time() - 120,) * 2)
    assert run(tmp_path, min_age=60).tally.by_status[Status.SCORED] == 1


def test_stop_request_ends_after_the_batch_with_what_is_done(films: Path) -> None:
    finished: list[int] = []
    hooks = RunHooks(
        stop=lambda: sum(finished) >= 3, assessed=lambda rows: finished.append(len(rows))
    )
    done = run(films, hooks)
    assert done.ending is Ending.STOPPED
    assert (len(done.rows), done.tally.accounted) == (3, 3)
    assert done.rows == run(films).rows[:3]


def test_stop_request_after_the_last_batch_changes_nothing(films: Path) -> None:
    assert run(films, RunHooks(stop=lambda: True), batch_size=100).ending is Ending.FINISHED


def test_memory_is_bounded_by_the_batches_in_hand(films: Path) -> None:
    """However many scans there are, no more than the batch in hand and one ahead are read."""
    in_hand = 0
    most = 0

    def counting(scan: Scan, options: ReadOptions) -> Reading:
        nonlocal in_hand, most
        in_hand += 1
        most = max(most, in_hand)
        return read_scan(scan, options)

    def finished(rows: Sequence[Assessment]) -> None:
        nonlocal in_hand
        in_hand -= len(rows)

    scans = discover([str(films)], DiscoveryOptions()).scans * 10
    run(Discovery(scans, 0), RunHooks(assessed=finished), batch_size=4, read=counting)
    assert most <= 3 * 4


@pytest.mark.parametrize(
    ("limit", "ending"),
    [
        pytest.param(FailureLimit(), Ending.FINISHED, id="none"),
        pytest.param(FailureLimit(count=3), Ending.FINISHED, id="as many as allowed"),
        pytest.param(FailureLimit(count=2), Ending.TOO_MANY_FAILURES, id="one too many"),
        pytest.param(FailureLimit(share=0.34), Ending.FINISHED, id="share kept"),
        pytest.param(FailureLimit(share=0.33), Ending.TOO_MANY_FAILURES, id="share exceeded"),
    ],
)
def test_failure_limit(films: Path, limit: FailureLimit, ending: Ending) -> None:
    assert run(films, failures=limit).ending is ending


def test_a_share_of_the_first_few_files_ends_nothing() -> None:
    limit = FailureLimit(share=0.1)
    assert not limit.exceeded(5, 10, finished=False)
    assert limit.exceeded(15, 100, finished=False)
    assert limit.exceeded(5, 10, finished=True)


def test_film_that_is_not_assessed_is_shown_without_heat(tmp_path: Path) -> None:
    strange = grey_film(1)
    strange[:40, :40] = 0
    (tmp_path / "strange.png").write_bytes(png_bytes(strange))
    done = run(tmp_path, cam="gradcam")
    assert done.worklist.total(Section.NOT_ASSESSED) == 1
    ((_, drawn),) = done.worklist.films({})
    assert drawn.heat is None


def test_worklist_has_every_row_and_pictures_with_heat(films: Path) -> None:
    done = run(films, cam="gradcam")
    assert sum(map(done.worklist.total, Section)) == len(done.worklist.rows()) == 9
    scored = done.worklist.total(Section.WORKLIST) + done.worklist.total(Section.NEGATIVE)
    drawn = dict(done.worklist.films({}))
    rows = [row.split(",") for row in done.rows]
    assert set(drawn) == {cells[13] for cells in rows if cells[1] == "scored"}
    assert sum(cells[1] == "scored" for cells in rows) == scored
    assert all(film.heat is not None for film in drawn.values())


def marks(done: Run) -> dict[str, bool | None]:
    return {key: film.heat.reliable for key, film in done.worklist.films({}) if film.heat}


@pytest.mark.parametrize("batch_size", [1, 7])
def test_marks_do_not_hang_on_neighbours(films: Path, batch_size: int) -> None:
    found = marks(run(films, cam="gradcam"))
    assert set(found.values()) == {True, False}
    backwards = Discovery(discover([str(films)], DiscoveryOptions()).scans[::-1], 0)
    assert marks(run(backwards, cam="gradcam", batch_size=batch_size)) == found


@pytest.mark.parametrize(
    ("admission", "passes"), [(Admission.ON, True), (Admission.OFF, False)], ids=str
)
def test_the_pixels_that_were_scored_are_tested(
    tmp_path: Path, admission: Admission, passes: bool
) -> None:
    """A turned film is tested as it was scored: turned back, where that was done."""
    film = grey_film(1, mean=120)
    film[:40, -60:] = 255
    (tmp_path / "turned.png").write_bytes(png_bytes(film))
    assert list(marks(run(tmp_path, cam="gradcam", admission=admission)).values()) == [passes]


def test_without_heat_maps_nothing_is_tested(films: Path) -> None:
    class Untestable(PlantedModel):
        def are_reliable(self, *_: object) -> list[bool | None]:
            raise AssertionError

    assert marks(run(films, cam="none", model=Untestable())) == {}
    untested = run(films, cam="gradcam", model=Untestable(), heat_test=False)
    assert set(marks(untested).values()) == {None}
    assert untested.rows == run(films).rows


def test_want_of_memory_costs_a_mark_and_no_row(films: Path) -> None:
    class Small(PlantedModel):
        def are_reliable(self, maps: Sequence[HeatMap], cam: str) -> list[bool | None]:
            return [None] * len(maps)

    done = run(films, cam="gradcam", model=Small())
    assert done.rows == run(films).rows
    assert set(marks(done).values()) == {None}


@pytest.mark.parametrize("lost", [False, True], ids=["came all the same", "lost"])
def test_batches_of_a_cluster(lost: bool) -> None:
    """Nothing comes for a while: nobody is told, the run can be stopped; a loss is an ending."""
    row = Assessment(Scan("a.png", "a.png", 1, 1), Status.NOT_ASSESSED)
    recorded: list[Sequence[Assessment]] = []
    told: list[Sequence[Assessment]] = []
    asked: list[bool] = []

    def batches() -> Iterator[list[Assessed]]:
        yield []
        yield [(row, None)]
        if lost:
            raise WorkersLostError("no workers")
        yield []
        yield [(row, None)]

    hooks = RunHooks(lambda: bool(asked.append(True)), told.append)
    worklist = Worklist("PNEUMONIA", 0)
    options = RunOptions(2, "PNEUMONIA")
    tally, ending = run_batches(batches(), recorded.append, worklist, options, hooks)
    assert recorded == told == [[row]] * (1 if lost else 2)
    assert len(asked) == (2 if lost else 4)
    assert tally.accounted == len(recorded)
    assert ending is (Ending.WORKERS_LOST if lost else Ending.FINISHED)
