from __future__ import annotations

from pathlib import Path

import pytest

from xrayscan.job import JobOptions, available_cores, find_scans


@pytest.mark.parametrize(
    ("csv", "report", "table", "record"),
    [
        pytest.param(None, None, None, None, id="standard output"),
        pytest.param("p.csv", None, "p.csv", "p.run.json", id="csv"),
        pytest.param(None, "out.html", "out.csv", "out.run.json", id="report"),
        pytest.param("p.csv", "out.html", "p.csv", "out.run.json", id="both"),
    ],
)
def test_where_outputs_go(csv, report, table, record) -> None:
    options = JobOptions(
        ("films",), csv=Path(csv) if csv else None, report=Path(report) if report else None
    )
    assert options.table == (Path(table) if table else None)
    assert options.run_record == (Path(record) if record else None)


def test_outputs_of_a_job_are_none_of_its_scans(tmp_path: Path) -> None:
    for name in ("a.csv", "a.html", "a.run.json", "film.jpg", "b.csv"):
        (tmp_path / name).write_bytes(b"x")
    options = JobOptions((str(tmp_path),), report=tmp_path / "a.html")
    discovery = find_scans(options)
    assert [scan.name for scan in discovery.scans] == ["film.jpg"]
    assert discovery.other_files == 1  # b.csv: not of this job


def test_cores_are_those_this_process_may_use() -> None:
    assert available_cores() >= 1
