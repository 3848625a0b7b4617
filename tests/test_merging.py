from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.test_incremental import FILMS, put, run, scans, table
from xrayscan.errors import UsageError
from xrayscan.intake.discover import Shard
from xrayscan.merging import merge

__all__ = ["scans"]  # the fixture


@pytest.fixture
def parts(scans: Path) -> list[Path]:
    tables = [scans.parent / f"part{part}.csv" for part in (1, 2)]
    for part, path in enumerate(tables, start=1):
        run(scans, csv=path, shard=Shard(part, 2))
    return tables


def rows(path: Path) -> list[dict[str, str]]:
    return [
        {key: value for key, value in row.items() if key != "assessed_at"}
        for row in table(path).values()
    ]


def test_parts_are_together_what_one_run_is(scans: Path, parts: list[Path]) -> None:
    whole = scans.parent / "whole.csv"
    run(scans, csv=whole)
    out = scans.parent / "merged.csv"
    assert merge(parts, out, [str(scans)]) == len(FILMS)
    assert rows(out) == rows(whole)


def change_record(path: Path, **facts: object) -> None:
    record = path.with_suffix(".run.json")
    known = json.loads(record.read_text())
    known["summary"] |= facts.pop("summary", {})  # type: ignore[operator]
    record.write_text(json.dumps(known | facts))


def change_option(path: Path, **options: object) -> None:
    record = path.with_suffix(".run.json")
    known = json.loads(record.read_text())
    record.write_text(json.dumps(known | {"options": known["options"] | options}))


def cut(path: Path) -> None:
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


def add_a_column(path: Path) -> None:
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},ward", *(f"{row},7" for row in rows)]) + "\n")


def run_again_by_another_threshold(path: Path) -> None:
    """As a run did that wrote its record elsewhere."""
    record = path.with_suffix(".run.json")
    before = record.read_bytes()
    run(path.parent / "scans", csv=path, shard=Shard(2, 2), threshold="0.9")
    record.write_bytes(before)


def double_a_row(path: Path, other: Path) -> None:
    with other.open("a") as file:
        file.write(path.read_text().splitlines()[1] + "\n")


@pytest.mark.parametrize(
    ("change", "given", "words"),
    [
        pytest.param(lambda a, b: None, (0,), "part 2/2: is missing", id="missing"),
        pytest.param(lambda a, b: None, (0, 0), "is part 1/2, as .*part1.csv is", id="twice"),
        pytest.param(lambda a, b: b.unlink(), (0, 1), "part2.csv: is not there", id="no csv"),
        pytest.param(
            lambda a, b: b.with_suffix(".run.json").unlink(),
            (0, 1),
            r"part2\.csv: its run record part2\.run\.json is not beside it; put it there",
            id="no record",
        ),
        pytest.param(
            lambda a, b: b.with_suffix(".run.json").write_text("{"), (0, 1), "damaged", id="torn"
        ),
        pytest.param(
            lambda a, b: change_record(b, summary={"ending": "stopped", "not_reached": 3}),
            (0, 1),
            "its run ended early, 3 films are missing; run it again",
            id="stopped",
        ),
        pytest.param(
            lambda a, b: change_record(b, summary={"ending": "stopped", "not_reached": 1}),
            (0, 1),
            "its run ended early, 1 film is missing; run it again",
            id="stopped before the last",
        ),
        pytest.param(
            lambda a, b: change_record(b, summary={"ending": "too_many_failures"}),
            (0, 1),
            "its run ended early; run it again",
            id="given up with the last batch",
        ),
        pytest.param(
            lambda a, b: run(a.parent / "scans", csv=b, shard=Shard(2, 2), threshold="0.9"),
            (0, 1),
            "another threshold",
            id="unlike",
        ),
        pytest.param(
            lambda a, b: run_again_by_another_threshold(b),
            (0, 1),
            r"part2.csv: has not the rows that its part2\.run\.json tells of; run the part again",
            id="record of another run",
        ),
        pytest.param(lambda a, b: cut(b), (0, 1), "part2.csv: has not the rows", id="cut"),
        pytest.param(lambda a, b: b.write_text(""), (0, 1), "part2.csv: is no part", id="empty"),
        pytest.param(
            lambda a, b: b.write_text('path,"' + "x" * 200_000),
            (0, 1),
            "part2.csv: is no part of a sharded run",
            id="quote that is never closed",
        ),
        pytest.param(
            lambda a, b: change_option(b, shard="2/3"),
            (0, 1),
            r"part2\.csv: is part 2/3, others are parts of 2",
            id="of more parts",
        ),
        pytest.param(
            lambda a, b: add_a_column(b),
            (0, 1),
            r"part2\.csv: has other columns than .*part1\.csv",
            id="another column",
        ),
        pytest.param(double_a_row, (0, 1), "has two rows", id="double film"),
    ],
)
def test_what_is_no_whole_run_is_refused(parts: list[Path], change, given, words: str) -> None:
    change(*parts)
    out = parts[0].parent / "merged.csv"
    with pytest.raises(UsageError, match=words):
        merge([parts[number] for number in given], out)
    assert not out.exists()


UNLIKE = {
    "command": "check",
    "admission": "on",
    "zones": [0.1, 0.2],
    "include": ["*"],
    "exclude": ["x"],
    "recursive": False,
    "max_pixels": 9,
}


def test_parts_of_unlike_runs_are_no_whole(parts: list[Path]) -> None:
    out = parts[0].parent / "merged.csv"
    files = (parts[1], parts[1].with_suffix(".run.json"))
    before = [path.read_text() for path in files]
    for name, value in UNLIKE.items():
        change_option(parts[1], **{name: value})
        with pytest.raises(UsageError, match=f"part2.csv: has another {name} than "):
            merge(parts, out)
        files[1].write_text(before[1])
    sha256 = json.loads(before[1])["model_sha256"]
    for path, text in zip(files, before, strict=True):
        path.write_text(text.replace(sha256, "f" * 64))
    with pytest.raises(UsageError, match="has another model_sha256 than "):
        merge(parts, out)
    assert not out.exists()


def test_the_folder_of_the_parts_is_none(parts: list[Path]) -> None:
    folder = parts[0].parent
    with pytest.raises(UsageError, match="is a folder; give the CSVs of all parts"):
        merge([folder], folder / "merged.csv")


def test_a_film_that_came_after_the_parts_were_run_is_missed(
    scans: Path, parts: list[Path]
) -> None:
    for name, words in (("late.jpg", ""), ("later.jpg", ", like 1 other")):
        put(scans / name, 50)
        with pytest.raises(UsageError, match=rf"late\.jpg: has no row{words}; run the parts again"):
            merge(parts, scans.parent / "merged.csv", [str(scans)])


def test_films_that_the_parts_left_out_are_not_missed(scans: Path) -> None:
    tables = [scans.parent / f"part{part}.csv" for part in (1, 2)]
    for part, path in enumerate(tables, start=1):
        run(scans, csv=path, shard=Shard(part, 2), exclude=("sub",))
    assert merge(tables, scans.parent / "merged.csv", [str(scans)]) == len(FILMS) - 1


def test_rows_of_films_that_are_gone_are_joined_too(scans: Path, parts: list[Path]) -> None:
    (scans / "b.jpg").unlink()
    for part, path in enumerate(parts, start=1):
        run(scans, csv=path, shard=Shard(part, 2))
    assert merge(parts, scans.parent / "merged.csv", [str(scans)]) == len(FILMS)


def test_empty_lines_are_passed_over(scans: Path, parts: list[Path]) -> None:
    with parts[0].open("a") as file:
        file.write("\n\n")
    assert merge(parts, scans.parent / "merged.csv") == len(FILMS)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("film.jpeg", "is a film", id="film"),
        pytest.param("part1.csv", "is of a part", id="part"),
        pytest.param("part2.run.json", "is of a part", id="record"),
        pytest.param("part2.csv.journal", "is of a part", id="journal"),
        pytest.param("scans", "is a folder", id="folder"),
    ],
)
def test_nothing_is_overwritten(parts: list[Path], name: str, words: str) -> None:
    folder = parts[0].parent
    put(folder / "film.jpeg", 1)
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(UsageError, match=f"{name}: .*{words}"):
        merge(parts, folder / name)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_the_order_is_that_of_a_run(scans: Path) -> None:
    for name in ("sub.jpg", "sub/e.jpg", "sub-2/f.jpg", "Z.jpg"):
        put(scans / name, 3)
    tables = [scans.parent / f"{part}.csv" for part in (1, 2, 3)]
    for part, path in enumerate(tables, start=1):
        run(scans, csv=path, shard=Shard(part, 3))
    run(scans, csv=scans.parent / "whole.csv")
    merge(tables, scans.parent / "merged.csv")
    orders = []
    for name in ("whole.csv", "merged.csv"):
        with (scans.parent / name).open(newline="") as file:
            orders.append([row["path"] for row in csv.DictReader(file)])
    assert orders[0] == orders[1]
