"""Outputs of other models: a CSV with a path and a probability per film, as predict writes it."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrayscan.cells import cell_text, path_name
from xrayscan.errors import DataError, UsageError, words_of
from xrayscan.evaluation.films import LabelledScan
from xrayscan.labels.listing import check_once
from xrayscan.records import Assessment

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Output:
    """What another model says of one film: probability, None where it gives none, and threshold."""

    path: str
    sha256: str
    probability: float | None
    threshold: float


def read_outputs(path: Path) -> list[Output]:
    """Read a CSV with the columns path and probability; sha256 and threshold where there are any.

    Raises:
        UsageError: it cannot be opened.
        DataError: it is no CSV, lacks a column, has a path twice, or holds no probability
            where one is written.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = {"path", "probability"} - set(rows.fieldnames or ())
            if missing:
                raise DataError(
                    f"{path}: has no column {', '.join(sorted(missing))}; give a CSV with path and "
                    "probability, as predict --csv writes it"
                )
            return _each_once(path, [(rows.line_num, row) for row in rows])
    except OSError as fault:
        raise UsageError(f"{path}: {words_of(fault)}; give a CSV of outputs") from None
    except (UnicodeDecodeError, csv.Error) as fault:
        raise DataError(f"{path}: cannot be read as CSV ({fault}); give another file") from None


def _each_once(path: Path, rows: Sequence[tuple[int, Mapping[str, str | None]]]) -> list[Output]:
    lines: dict[str, int] = {}
    found = []
    for line, row in rows:
        where = f"{path}: line {line}"
        output = _output(where, row)
        check_once(lines, line, where, _absolute(path.parent, output.path))
        found.append(output)
    return found


def _output(where: str, row: Mapping[str, str | None]) -> Output:
    threshold = _share(where, "threshold", row.get("threshold"))
    return Output(
        path_name(cell_text(row["path"] or "")),
        row.get("sha256") or "",
        _share(where, "probability", row["probability"]),
        DEFAULT_THRESHOLD if threshold is None else threshold,
    )


def _share(where: str, name: str, text: str | None) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise DataError(f"{where}: {name} is {text!r}; write a number from 0 to 1")
    return value


def matched(
    path: Path, films: Sequence[LabelledScan], rows: Sequence[Assessment | None]
) -> tuple[list[float | None], float]:
    """Find each film's probability: by sha256, else by path, else by a name that is there once.

    Once in the CSV and among the films: of two sites' films of one name, nobody knows whose it is.

    Args:
        path: the CSV.
        films: to find.
        rows: of the same films where they were read, for their sha256.

    Returns:
        One per film, None where the CSV has none; and the CSV's threshold.

    Raises:
        DataError: as ``read_outputs``, or none of the films is in it.
    """
    outputs = read_outputs(path)
    by_sha = {each.sha256: each for each in outputs if each.sha256}
    by_path = {_absolute(path.parent, each.path): each for each in outputs}
    there = Counter(os.path.basename(each.path) for each in outputs)  # noqa: PTH119
    here = Counter(os.path.basename(film.scan.location) for film in films)  # noqa: PTH119
    by_name = {
        name: each
        for each in outputs
        if there[name := os.path.basename(each.path)] == here[name] == 1  # noqa: PTH119
    }
    found: list[Output | None] = []
    for film, row in zip(films, rows, strict=True):
        location = film.scan.location
        found.append(
            by_sha.get(row.sha256 if row else "")
            or by_path.get(os.path.abspath(location))  # noqa: PTH100
            or by_name.get(os.path.basename(location))  # noqa: PTH119
        )
    if not any(found):
        raise DataError(f"{path}: has none of the {len(films)} films; check its paths")
    threshold = next(each.threshold for each in found if each is not None)
    return [None if each is None else each.probability for each in found], threshold


def _absolute(folder: Path, name: str) -> str:
    return os.path.abspath(os.path.join(folder, name))  # noqa: PTH100, PTH118
