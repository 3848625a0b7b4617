"""Outputs of other models: a CSV with a path and a probability per film, as predict writes it."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xrayscan.cells import cell_text, path_name
from xrayscan.errors import DataError
from xrayscan.evaluation.films import LabelledScan
from xrayscan.labels.csv_rows import by_column, check_columns, check_once, rows_of, text_of
from xrayscan.scoring.card import file_sha256

log = logging.getLogger(__name__)

DEFAULT_THRESHOLD = 0.5
_REQUIRED = ("path", "probability")
_ADVICE = "give a CSV with path and probability, separated by commas, as predict --csv writes it"


@dataclass(frozen=True, slots=True)
class Output:
    """What another model says of one film: probability, None where it gives none, and threshold."""

    path: str
    sha256: str
    probability: float | None
    threshold: float


@dataclass(frozen=True, slots=True)
class Outputs:
    """What another model says of films, and the CSV that it stands in."""

    path: Path
    rows: tuple[Output, ...]


def read_outputs(path: Path) -> Outputs:
    """Read a CSV with the columns path and probability; sha256 and threshold where there are any.

    Raises:
        UsageError: it cannot be opened.
        DataError: it is no CSV, lacks a column, has a path twice, or holds no probability where one
            is written.
    """
    rows = rows_of(path, text_of(path, "a CSV of outputs"))
    line, header = next(rows, (1, []))
    columns = [name.strip().casefold() for name in header]
    check_columns(f"{path}: line {line}", columns, _REQUIRED, _ADVICE)
    lines: dict[str, int] = {}
    found = []
    for line, cells in rows:
        where = f"{path}: line {line}"
        output = _output(where, by_column(where, columns, cells))
        check_once(lines, line, where, _absolute(path.parent, output.path))
        found.append(output)
    return Outputs(path, tuple(found))


def _output(where: str, row: Mapping[str, str]) -> Output:
    threshold = _share(where, "threshold", row.get("threshold", ""))
    return Output(
        path_name(cell_text(row["path"])),
        row.get("sha256", "").strip().lower(),
        _share(where, "probability", row["probability"]),
        DEFAULT_THRESHOLD if threshold is None else threshold,
    )


def _share(where: str, name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise DataError(f"{where}: {name} is {text!r}; write a number from 0 to 1")
    return value


def contents(films: Sequence[LabelledScan], outputs: Sequence[Outputs]) -> list[str]:
    """The sha256 of films that no model has read, once for all outputs.

    Returns:
        One per film, "" where it cannot be read, and where no row has one to compare with.
    """
    wanted = any(row.sha256 for each in outputs for row in each.rows)
    return [_sha256(film.scan.location) if wanted else "" for film in films]


def matched(
    outputs: Outputs, films: Sequence[LabelledScan], contents: Sequence[str]
) -> tuple[list[float | None], float]:
    """Find each film's probability: by sha256, else by path, else by a name that is there once.

    Once in the CSV and among the films: of two sites' films of one name, nobody knows whose it is.
    A row that has a sha256 is of no film of another content, whatever its path and name; of several
    rows of a film's content, the one of its path is its.

    Args:
        outputs: of the other model.
        films: to find.
        contents: sha256 of the same films, "" where it is not known.

    Returns:
        One per film, None where the CSV has none; and the CSV's threshold.

    Raises:
        DataError: none of the films is in it.
    """
    path = outputs.path
    by_sha = {each.sha256: each for each in outputs.rows if each.sha256}
    by_path = {_absolute(path.parent, each.path): each for each in outputs.rows}
    by_name = _named_once(outputs, films)
    found: list[Output | None] = []
    others = 0
    for film, content in zip(films, contents, strict=True):
        location = film.scan.location
        named = (
            by_path.get(os.path.abspath(location))  # noqa: PTH100
            or by_name.get(os.path.basename(location))  # noqa: PTH119
        )
        of_path = named is not None and named.sha256 == content
        output = named if of_path else by_sha.get(content) or named
        is_other = bool(output and output.sha256 and content not in ("", output.sha256))
        others += is_other
        found.append(None if is_other else output)
    why = f" ({others} are others of the same name)" * bool(others)
    if not any(found):
        raise DataError(f"{path}: has none of the {len(films)} films{why}; check its paths")
    if others:
        log.warning(
            "%s: %d of %d films left out: what has their name there has another sha256",
            path,
            others,
            len(films),
        )
    threshold = next(each.threshold for each in found if each is not None)
    return [None if each is None else each.probability for each in found], threshold


def _named_once(outputs: Outputs, films: Sequence[LabelledScan]) -> dict[str, Output]:
    """The rows by file name, of names that one row and one film have."""
    there = Counter(os.path.basename(each.path) for each in outputs.rows)  # noqa: PTH119
    here = Counter(os.path.basename(film.scan.location) for film in films)  # noqa: PTH119
    return {
        name: each
        for each in outputs.rows
        if there[name := os.path.basename(each.path)] == here[name] == 1  # noqa: PTH119
    }


def _sha256(location: str) -> str:
    try:
        return file_sha256(Path(location))
    except OSError:
        return ""


def _absolute(folder: Path, name: str) -> str:
    return os.path.abspath(os.path.join(folder, name))  # noqa: PTH100, PTH118
