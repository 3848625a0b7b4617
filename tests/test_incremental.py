"""A second run over the same output: what it does again, what it takes over, what it says."""

from __future__ import annotations

import csv
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.films import draw_film, jpeg_bytes
from xrayscan import recording
from xrayscan.errors import XrayscanError
from xrayscan.incremental import is_not_mounted, mounts
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import Shard
from xrayscan.intake.folders import Folder
from xrayscan.job import batches
from xrayscan.job.options import JobOptions
from xrayscan.job.run import Listeners, run_job
from xrayscan.journal.journal import Journal
from xrayscan.pipeline import RunHooks
from xrayscan.records import Assessment, Ending, RunSummary, Scan
from xrayscan.scoring.thresholds import ZoneLimits

FILMS = ("a.jpg", "b.jpg", "c.jpg", "sub/d.jpg")
SOME = (Scan("a.jpg", "/films/a.jpg", 1, 1),)


@dataclass
class Run:
    """A run and what it told."""

    summary: RunSummary
    rows: dict[str, dict[str, str]]
    said: list[str]
    assessed: list[str] = field(default_factory=list)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Four films that were there long before."""
    folder = tmp_path / "scans"
    for seed, name in enumerate(FILMS):
        put(folder / name, seed)
    return folder


def put(path: Path, seed: int, age_s: float = 3600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg_bytes(draw_film(seed=seed)))
    then = path.stat().st_mtime - age_s
    os.utime(path, (then, then))


def run(
    scans: Path,
    stop_after: int | None = None,
    hears: Callable[[], object] = lambda: None,
    **options: object,
) -> Run:
    said: list[str] = []
    assessed: list[str] = []
    chosen = JobOptions(
        (str(scans),),
        csv=scans.parent / "p.csv",
        model="fast",
        admission=Admission.OFF,
        batch_size=2,
    )
    chosen = replace(chosen, **options)  # type: ignore[arg-type]

    def heard(rows: list[Assessment]) -> None:
        assessed.extend(row.scan.name for row in rows)
        hears()

    @contextmanager
    def hooks(total: int) -> Iterator[RunHooks]:
        yield RunHooks(
            stop=lambda: stop_after is not None and len(assessed) >= stop_after,
            assessed=heard,  # type: ignore[arg-type]
        )

    summary = run_job(chosen, Listeners(hooks, said.append))
    return Run(summary, table(chosen.table), said, assessed)


def table(path: Path | None) -> dict[str, dict[str, str]]:
    assert path is not None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["path"] for row in rows}) == len(rows), "every film once"
    return {row["path"]: row for row in rows}


def values(found: Run) -> dict[str, tuple[str, ...]]:
    """All that a film is told by, without when."""
    return {
        name: tuple(value for key, value in row.items() if key != "assessed_at")
        for name, row in found.rows.items()
    }


def test_a_second_run_scores_nothing_and_says_the_same(scans: Path) -> None:
    first = run(scans)
    table_before = (scans.parent / "p.csv").read_bytes()
    second = run(scans)
    assert first.assessed == list(FILMS)
    assert second.assessed == []
    assert (scans.parent / "p.csv").read_bytes() == table_before
    assert second.summary.taken_over == second.summary.found == 4
    assert second.summary.scored == first.summary.scored
    assert ", 4 taken over unchanged" in second.summary.line()
    assert second.said == []


def test_nothing_to_score_loads_no_model(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(scans)
    monkeypatch.setattr(batches, "ScoringModel", None)
    assert run(scans).summary.taken_over == 4


@pytest.mark.parametrize(
    ("change", "again"),
    [
        pytest.param(lambda s: put(s / "e.jpg", 9), ["e.jpg"], id="new"),
        pytest.param(lambda s: put(s / "b.jpg", 9), ["b.jpg"], id="changed"),
        pytest.param(lambda s: os.utime(s / "b.jpg", (9, 9)), ["b.jpg"], id="touched"),
        pytest.param(lambda s: (s / "b.jpg").rename(s / "z.jpg"), ["z.jpg"], id="renamed"),
        pytest.param(lambda s: (s / "b.jpg").unlink(), [], id="gone"),
        pytest.param(lambda s: shutil.copy(s / "a.jpg", s / "x.jpg"), ["x.jpg"], id="copied"),
    ],
)
def test_what_is_new_or_changed_is_scored(scans: Path, change, again: list[str]) -> None:
    run(scans)
    change(scans)
    found = run(scans)
    assert (found.assessed, found.said) == (again, [])
    assert run(scans, fresh=True, csv=scans.parent / "whole.csv").rows.keys() >= set(again)


def test_rows_are_those_of_a_run_over_everything(scans: Path) -> None:
    run(scans)
    put(scans / "0.jpg", 7)
    put(scans / "c.jpg", 8)
    assert values(run(scans)) == values(run(scans, csv=scans.parent / "whole.csv"))
    assert list(run(scans).rows) == ["0.jpg", *FILMS]


def test_rows_of_files_that_are_gone_are_kept_and_marked_until_they_are_back(scans: Path) -> None:
    run(scans)
    (scans / "b.jpg").rename(scans.parent / "b.jpg")
    gone = run(scans)
    assert gone.summary.gone == 1
    assert gone.summary.found == 3
    assert list(gone.rows) == ["a.jpg", "c.jpg", "sub/d.jpg", "b.jpg"]
    assert gone.rows["b.jpg"]["status"] == "scored"
    since = gone.rows["b.jpg"]["detail"]
    assert since.startswith("gone since 20")
    assert run(scans).rows["b.jpg"]["detail"] == since, "the day stays"
    (scans.parent / "b.jpg").rename(scans / "b.jpg")
    back = run(scans)
    assert back.assessed == []
    assert back.rows["b.jpg"]["detail"] == ""


@pytest.mark.parametrize("age_s", [3600, 0], ids=["settled", "compared by content"])
def test_a_film_that_was_back_is_gone_since_it_is_gone_again(
    scans: Path, monkeypatch: pytest.MonkeyPatch, age_s: float
) -> None:
    """In a journal that is not written anew in between."""
    monkeypatch.setattr(Journal, "compact", lambda *entries, **how: None)
    put(scans / "b.jpg", 1, age_s)
    run(scans)
    for day in ("2026-11-01T02:00:00+00:00", "2026-11-09T02:00:00+00:00"):
        monkeypatch.setattr(recording, "now", lambda day=day: day)
        (scans / "b.jpg").rename(scans.parent / "b.jpg")
        assert run(scans).rows["b.jpg"]["detail"] == f"gone since {day}"
        (scans.parent / "b.jpg").rename(scans / "b.jpg")
        assert run(scans).rows["b.jpg"]["detail"] == ""
    assert run(scans).assessed == []


def test_films_that_are_not_asked_for_are_not_gone(scans: Path) -> None:
    run(scans)
    part = run(scans, include=("a*",))
    assert part.summary.found == 1
    assert part.summary.gone == 0
    assert set(part.rows) == set(FILMS)


@pytest.mark.parametrize(
    ("number", "gone"),
    [
        pytest.param(errno.ENOENT, True, id="not there"),
        pytest.param(errno.ENOTDIR, True, id="its folder is a file now"),
        pytest.param(errno.EACCES, False, id="its folder is closed"),
        pytest.param(errno.ESTALE, False, id="its folder's share is away"),
    ],
)
def test_what_cannot_be_looked_for_is_neither_gone_nor_back(
    scans: Path, monkeypatch: pytest.MonkeyPatch, number: int, gone: bool
) -> None:
    lstat = os.lstat

    def looking(path: str) -> os.stat_result:
        if str(path).endswith("d.jpg"):
            raise OSError(number, os.strerror(number))
        return lstat(path)

    run(scans)
    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", looking)
        assert run(scans, exclude=("sub",)).summary.gone == gone
        (scans / "sub/d.jpg").rename(scans.parent / "d.jpg")
        patch.undo()
        since = run(scans, exclude=("sub",)).rows["sub/d.jpg"]["detail"]
        assert since.startswith("gone since")
        patch.setattr(os, "lstat", looking)
        assert run(scans, exclude=("sub",)).rows["sub/d.jpg"]["detail"] == since


def test_a_folder_that_can_be_listed_again_has_no_row(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The films in it have theirs; its own stayed for good."""
    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(errno.EACCES, "denied")
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr("os.scandir", closed)
        assert run(scans).rows["sub"]["status"] == "unreadable"
    again = run(scans)
    assert set(again.rows) == set(FILMS)
    assert again.summary.gone == 0
    assert set(run(scans).rows) == set(FILMS)


def test_a_share_that_is_not_mounted_costs_no_row(scans: Path) -> None:
    run(scans)
    scans.rename(scans.parent / "away")
    scans.mkdir()  # the mount point
    empty = run(scans)
    assert "no films there, where earlier runs found 4; their rows are kept" in empty.said[0]
    assert {row["detail"] for row in empty.rows.values()} == {""}
    scans.rmdir()
    (scans.parent / "away").rename(scans)
    assert run(scans).assessed == []


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("others", [False, True], ids=["the only one", "one of two"])
def test_a_share_that_is_known_not_to_be_mounted_is_a_failed_night(
    scans: Path, monkeypatch: pytest.MonkeyPatch, others: bool, fresh: bool
) -> None:
    """A folder that was emptied is not."""
    away = False
    is_mount = os.path.ismount
    monkeypatch.setattr(
        "os.path.ismount", lambda path: is_mount(path) or (str(path), away) == (str(scans), False)
    )
    second = scans.parent / "second"
    paths = (str(scans), str(second)) if others else (str(scans),)
    put(second / "e.jpg", 5)
    first = run(scans, paths=paths)
    shutil.move(scans, scans.parent / "away")
    scans.mkdir()
    if others:
        put(second / "f.jpg", 6)
    emptied = run(scans, paths=paths)
    assert emptied.summary.ending is Ending.FINISHED
    assert emptied.said[0].endswith("is the share mounted?")
    away = True
    missing = run(scans, paths=paths, fresh=fresh)
    assert missing.summary.ending is Ending.FOLDER_LOST
    assert missing.said[0].endswith("its share is not mounted")
    assert missing.rows.keys() == first.rows.keys() | ({str(second / "f.jpg")} if others else set())


@pytest.mark.parametrize(
    ("act", "missing"),
    [
        pytest.param(Path.mkdir, True, id="mount point"),
        pytest.param(lambda folder: put(folder / "new.jpg", 9), False, id="films of its own"),
        pytest.param(lambda folder: None, False, id="removed"),
    ],
)
def test_a_share_below_the_folder_that_is_not_mounted_is_a_failed_night(
    scans: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], object], missing: bool
) -> None:
    """Its films were called gone, without a word; a folder that a person empties is just that."""
    share = scans / "sub"
    is_mount = os.path.ismount
    with monkeypatch.context() as patch:
        patch.setattr("os.path.ismount", lambda path: is_mount(path) or str(path) == str(share))
        run(scans)
    share.rename(scans.parent / "away")
    act(share)
    night = run(scans)
    assert night.summary.ending is (Ending.FOLDER_LOST if missing else Ending.FINISHED)
    words = "no films there, where earlier runs found 1; their rows are kept; its share is not"
    assert [words in said for said in night.said] == [True] * missing
    assert (night.rows["sub/d.jpg"]["detail"] == "") is missing


# what the nights before found, the oldest first, and whether a folder that lies on / is missing
NIGHTS = {
    "no night": ([], False),
    "on its share": ([("/share", SOME)], True),
    "on no share": ([("/", SOME)], False),
    "missing for two nights": ([("/share", SOME), ("/", ())], True),
    "emptied for two nights": ([("/", SOME), ("/", ())], False),
    "moved from its share": ([("/share", SOME), ("/", SOME)], False),
    "moved to a share": ([("/", SOME), ("/share", SOME)], True),
}


@pytest.mark.parametrize(("nights", "missing"), NIGHTS.values(), ids=NIGHTS)
def test_a_share_is_missing_where_a_folder_last_had_films_on_one(
    nights: list[tuple[str, tuple[Scan, ...]]], missing: bool
) -> None:
    runs = [
        {"mounts": mounts({"/films": Folder("/films", None, mount, films)})}
        for mount, films in nights
    ]
    assert is_not_mounted(Folder("/films", None, "/", ()), runs) is missing


@pytest.mark.parametrize("amid", [False, True], ids=["before", "at the end"])
def test_one_share_of_two_that_is_not_mounted_costs_no_row(scans: Path, amid: bool) -> None:
    second = scans.parent / "second"
    put(second / "e.jpg", 5)
    put(second / "f.jpg", 6)
    both = {"paths": (str(scans), str(second))}
    run(scans, **both)
    (scans / "b.jpg").unlink()
    put(scans / "z.jpg", 7)

    def lose_it() -> None:
        second.rename(scans.parent / "away")
        second.mkdir()

    if amid:  # what is left out tonight is not looked for where the share is away
        found = run(scans, **both, exclude=("e.jpg",), hears=lose_it)
    else:
        lose_it()
        found = run(scans, **both)
        assert f"{second}: no films there, where earlier runs found 2; their rows" in found.said[0]
    details = {Path(name).name: row["detail"] for name, row in found.rows.items()}
    assert {name for name, detail in details.items() if "gone since" in detail} == {"b.jpg"}
    assert len(details) == 7


@pytest.mark.parametrize(
    ("then", "words"),
    [
        pytest.param({"admission": Admission.ON}, "admission on, was off: 4 films", id="admission"),
        pytest.param({"with_identifiers": True}, "with identifiers True, was False", id="names"),
    ],
)
def test_what_rescores_everything_is_said_before(scans: Path, then, words: str) -> None:
    run(scans)
    second = run(scans, **then)
    assert words in second.said[0]
    assert "to be assessed again" in second.said[0]
    assert second.assessed == list(FILMS)


@pytest.fixture
def other(tmp_path: Path) -> str:
    """Another model."""
    from xrayscan.resources import model_folder

    folder = tmp_path / "other"
    shutil.copytree(model_folder("fast"), folder)
    card = folder / "card.json"
    card.write_text(card.read_text().replace('"name": "fast"', '"name": "other"'))
    return str(folder)


def test_another_model_scores_again(scans: Path, other: str) -> None:
    run(scans)
    second = run(scans, model=other)
    assert second.said[0].startswith("model other (")
    assert second.assessed == list(FILMS)
    assert {row["model"] for row in second.rows.values()} == {"other"}


def test_another_threshold_decides_again_without_scoring(scans: Path) -> None:
    run(scans)
    for threshold, label in (("0", "PNEUMONIA"), ("1", "NORMAL")):
        again = run(scans, threshold=threshold, zones=ZoneLimits(0.0, 0.0))
        assert again.assessed == []
        assert {row["label"] for row in again.rows.values()} == {label}
        assert {row["zone"] for row in again.rows.values()} == {"positive"}


def test_what_was_too_large_is_tried_again(scans: Path) -> None:
    """Its row says what to give: the next run that is given it has to look."""
    assert run(scans, max_pixels=1000).summary.unreadable == 4
    again = run(scans)
    assert (again.assessed, again.summary.scored) == (list(FILMS), 4)


def test_rows_of_another_model_stay_as_it_called_them(scans: Path, other: str) -> None:
    before = run(scans, threshold="0")
    (scans / "b.jpg").unlink()
    assert run(scans, threshold="1").rows["b.jpg"]["label"] == "NORMAL", "the same model's"
    row = run(scans, model=other, threshold="1").rows["b.jpg"]
    assert row["model"] == "fast"
    for told in ("label", "threshold", "zone"):
        assert row[told] == before.rows["b.jpg"][told]


def test_fresh_scores_everything(scans: Path) -> None:
    first = run(scans)
    again = run(scans, fresh=True)
    assert again.assessed == list(FILMS)
    assert values(again) == values(first)


def test_fresh_over_a_share_that_is_not_mounted_costs_no_row(scans: Path) -> None:
    first = run(scans)
    scans.rename(scans.parent / "away")
    scans.mkdir()  # the mount point
    empty = run(scans, fresh=True)
    assert "no films there, where earlier runs found 4; their rows are kept" in empty.said[0]
    assert empty.rows == first.rows


def test_fresh_that_cannot_begin_costs_no_row(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(scans)
    with monkeypatch.context() as patch:
        patch.setattr(batches, "ScoringModel", planted_fault)
        with pytest.raises(XrayscanError, match="no cluster") as caught:
            run(scans, fresh=True)
    assert "has the finished rows" in "".join(caught.value.__notes__)
    again = run(scans)
    assert (again.assessed, again.rows) == ([], first.rows)


def planted_fault(*_: object) -> None:
    raise XrayscanError("no cluster")


def test_fresh_that_is_stopped_keeps_the_rows_of_films_not_reached(scans: Path) -> None:
    first = run(scans)
    report = scans.parent / "out.html"
    stopped = run(scans, fresh=True, stop_after=2, report=report)
    assert stopped.assessed == ["a.jpg", "b.jpg"]
    assert values(stopped) == values(first)
    assert (stopped.summary.not_reached, stopped.summary.taken_over) == (0, 2)
    page = report.read_text(encoding="utf-8")
    assert "The run ended early (stopped): 2 rows of earlier runs kept." in page
    assert '"sub/d.jpg"' in page


def test_fresh_keeps_rows_of_films_that_are_gone(scans: Path) -> None:
    run(scans)
    (scans / "b.jpg").unlink()
    again = run(scans, fresh=True)
    assert again.assessed == ["a.jpg", "c.jpg", "sub/d.jpg"]
    assert again.rows["b.jpg"]["detail"].startswith("gone since")


def test_content_that_changed_in_silence_is_found_on_demand(scans: Path) -> None:
    """Same size, same time, other bytes: a bit that flipped on the disk."""
    run(scans)
    film = scans / "b.jpg"
    stat = film.stat()
    content = bytearray(film.read_bytes())
    content[len(content) // 2] ^= 1
    film.write_bytes(content)
    os.utime(film, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(scans).assessed == []
    assert run(scans, verify_content=True).assessed == ["b.jpg"]


def test_what_changed_while_it_was_read_is_looked_at_again(scans: Path) -> None:
    """Times of files are coarse: what was written just before it was read is hashed once more."""
    put(scans / "e.jpg", 5, age_s=0)
    run(scans)
    stat = (scans / "e.jpg").stat()
    content = bytearray((scans / "e.jpg").read_bytes())
    content[len(content) // 2] ^= 1
    (scans / "e.jpg").write_bytes(content)
    os.utime(scans / "e.jpg", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(scans).assessed == ["e.jpg"]


def test_a_stopped_run_and_its_next_are_one_unbroken_run(scans: Path) -> None:
    stopped = run(scans, stop_after=2)
    assert stopped.summary.ending is Ending.STOPPED
    assert stopped.summary.not_reached == 2
    assert list(stopped.rows) == ["a.jpg", "b.jpg"]
    rest = run(scans)
    assert rest.assessed == ["c.jpg", "sub/d.jpg"]
    assert values(rest) == values(run(scans, csv=scans.parent / "whole.csv"))


def test_a_row_that_is_outdated_is_not_shown_while_its_film_waits(scans: Path) -> None:
    run(scans)
    for name in FILMS:
        put(scans / name, 20)
    assert list(run(scans, stop_after=2).rows) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    "damage", [b"", b"torn", b"path,status\nx,y\n"], ids=["empty", "torn", "edited"]
)
def test_a_csv_that_is_not_as_it_was_left_is_kept_aside(scans: Path, damage: bytes) -> None:
    first = run(scans)
    (scans.parent / "p.csv").write_bytes(damage)
    second = run(scans)
    assert "changed since, or of another run; kept as p.csv.kept-" in second.said[0]
    assert [path.read_bytes() for path in scans.parent.glob("p.csv.kept-*")] == [damage]
    assert values(second) == values(first)
    assert second.assessed == []


def test_a_csv_of_other_films_is_kept_aside(scans: Path) -> None:
    first = run(scans)
    other = scans.parent / "other"
    put(other / "z.jpg", 30)
    second = run(other)
    assert list(second.rows) == ["z.jpg"]
    (kept,) = scans.parent.glob("p.csv.kept-*")
    assert table(kept) == first.rows
    assert len(second.said) == 2


def test_a_lost_csv_is_made_anew(scans: Path) -> None:
    first = run(scans)
    (scans.parent / "p.csv").unlink()
    second = run(scans)
    assert second.assessed == []
    assert second.rows == first.rows


def test_shards_are_apart_and_complete(scans: Path) -> None:
    parts = [
        run(scans, csv=scans.parent / f"{part}.csv", shard=Shard(part, 3)) for part in (1, 2, 3)
    ]
    names = [name for part in parts for name in part.rows]
    assert sorted(names) == sorted(FILMS)


def test_another_part_does_not_take_a_table_for_its_own(scans: Path) -> None:
    first, second = (run(scans, shard=Shard(part, 2)) for part in (1, 2))
    assert "holds results of another part of the films (--shard); kept as" in second.said[0]
    assert sorted([*first.rows, *second.rows]) == sorted(FILMS)


def test_several_folders_are_others_where_they_are_spelt_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"paths": ("x", "y"), "csv": tmp_path / "p.csv"}
    for hospital in "AB":
        for folder in "xy":
            put(tmp_path / hospital / folder / f"{hospital}.jpg", 1)
        monkeypatch.chdir(tmp_path / hospital)
        assert list(run(tmp_path, **given).rows) == [f"x/{hospital}.jpg", f"y/{hospital}.jpg"]
    again = run(tmp_path, **given)
    assert (again.assessed, again.said) == ([], [])


def test_a_shard_is_of_its_folder_and_not_of_the_words_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"paths": ("scans",), "csv": tmp_path / "p.csv", "shard": Shard(1, 1)}
    for hospital, name in (("A", "a.jpg"), ("B", "b.jpg")):
        put(tmp_path / hospital / "scans" / name, 1)
        monkeypatch.chdir(tmp_path / hospital)
        assert list(run(tmp_path, **given).rows) == [name]
    again = run(tmp_path, **(given | {"paths": ("./scans/",)}))
    assert (again.assessed, again.said) == ([], [])


def test_drift_is_told_and_kept_with_the_night(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def planted(tonight, training, earlier):
        seen.append((sum(tonight.probabilities), len(earlier)))
        return ("drift: planted",)

    monkeypatch.setattr("xrayscan.job.accounts.find_drift", planted)
    assert run(scans).summary.drift == ("drift: planted",)
    put(scans / "new.jpg", 40)
    run(scans)
    assert seen == [(4, 0), (1, 1)]


def put_back(scans: Path) -> None:
    if scans.exists():
        shutil.rmtree(scans)
    (scans.parent / "away").rename(scans)


def lose(scans: Path, left: str | None = None) -> None:
    """Take the share away; in its place is nothing, or the empty mount point, or a note there."""
    scans.rename(scans.parent / "away")
    if left is not None:
        scans.mkdir()
    if left:
        (scans / left).write_text("mount the share")


def run_amid(
    paths: list[Path], table: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]
) -> RunSummary:
    """Run film by film; something happens while the second one is scored."""
    happened: list[object] = []

    def once(rows: list[Assessment]) -> None:
        if not happened:
            happened.append(act())

    @contextmanager
    def hooks(total: int) -> Iterator[RunHooks]:
        yield RunHooks(assessed=once)  # type: ignore[arg-type]

    options = JobOptions(
        tuple(map(str, paths)), csv=table, model="fast", admission=Admission.OFF, batch_size=1
    )
    with monkeypatch.context() as patched:
        patched.setattr("xrayscan.intake.read.RETRY_AFTER_S", ())
        patched.setattr("xrayscan.assessing.READ_AHEAD", 0)
        return run_job(options, Listeners(hooks))


@pytest.mark.parametrize(
    "left", [None, "", ".not-mounted"], ids=["nothing", "mount point", "note in the mount point"]
)
@pytest.mark.parametrize("by_name", [False, True], ids=["folder", "films by name"])
def test_a_folder_that_is_lost_in_the_middle_ends_the_run_and_costs_nothing(
    scans: Path, monkeypatch: pytest.MonkeyPatch, left: str | None, by_name: bool
) -> None:
    given = [scans / name for name in FILMS[:3]] if by_name else [scans]
    csv_file = scans.parent / "p.csv"
    summary = run_amid(given, csv_file, monkeypatch, lambda: lose(scans, left))
    assert summary.ending is Ending.FOLDER_LOST
    assert summary.not_reached == summary.found - 2
    assert [Path(name).name for name in table(csv_file)] == ["a.jpg", "b.jpg"]
    put_back(scans)
    paths = tuple(map(str, given))
    assert [Path(name).name for name in run(scans, paths=paths).assessed] == [
        Path(name).name for name in FILMS[2 : summary.found]
    ]


@pytest.mark.parametrize("by_name", [False, True], ids=["folder", "films by name"])
def test_a_film_that_vanishes_in_the_middle_is_one_row(
    scans: Path, monkeypatch: pytest.MonkeyPatch, by_name: bool
) -> None:
    given = [scans / name for name in FILMS[:3]] if by_name else [scans]
    csv_file = scans.parent / "p.csv"
    summary = run_amid(given, csv_file, monkeypatch, (scans / "c.jpg").unlink)
    assert (summary.ending, summary.vanished) == (Ending.FINISHED, 1)
    assert summary.scored == summary.found - 1


def test_a_second_run_at_the_same_time_is_told(scans: Path) -> None:
    other: list[str] = []

    @contextmanager
    def hooks(total: int) -> Iterator[RunHooks]:
        with pytest.raises(XrayscanError) as caught:
            run(scans)
        other.append(str(caught.value))
        yield RunHooks()

    options = JobOptions(
        (str(scans),), csv=scans.parent / "p.csv", model="fast", admission=Admission.OFF
    )
    run_job(options, Listeners(hooks))
    assert "holds the lock" in other[0]


def test_a_run_that_another_has_taken_over_from_ends(scans: Path) -> None:
    """As a machine finds it that was suspended: what it would write is the other run's by now."""
    lock = scans.parent / "p.csv.lock"
    with pytest.raises(XrayscanError, match="somebody has taken the lock over"):
        run(scans, hears=lambda: lock.write_text("{}"))
    assert not (scans.parent / "p.csv").exists()
