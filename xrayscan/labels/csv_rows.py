"""A CSV that people or their programs wrote, read row by row; faults name the line."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from xrayscan.errors import DataError, UsageError, words_of


def text_of(path: Path, wanted: str) -> str:
    """Read a file as UTF-8, with or without byte order mark.

    Args:
        path: the file.
        wanted: what to give instead of a file that cannot be opened.

    Raises:
        UsageError: it cannot be opened.
        DataError: it is no UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise UsageError(f"{path}: {words_of(fault)}; give {wanted}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise DataError(f"{path}: line {line}: is not UTF-8; save it as CSV UTF-8") from None


def rows_of(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line that it begins on, cells) of the rows that hold anything, the header first.

    Raises:
        DataError: its quotes are wrong.
    """
    # strict: a quote that is never closed would otherwise swallow the rest of the list
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            raise DataError(f"{path}: line {line}: {fault}; check its quotes") from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def check_columns(where: str, columns: Sequence[str], required: Sequence[str], advice: str) -> None:
    """Refuse a header that lacks a column, or has one twice; those named "" are passed over.

    Raises:
        DataError: so it is.
    """
    for name in required:
        if name not in columns:
            raise DataError(f"{where}: has no column {name}; {advice}")
    for name in columns:
        if name and columns.count(name) > 1:
            raise DataError(f"{where}: has the column {name} twice; keep one of the two")


def by_column(where: str, columns: Sequence[str], cells: list[str]) -> dict[str, str]:
    """The row's cells by column, in the columns' order; missing last cells are empty.

    Raises:
        DataError: it has more cells than there are columns.
    """
    if any(cells[len(columns) :]):
        raise DataError(
            f"{where}: has {len(cells)} cells under {len(columns)} columns; put cells that hold a "
            "comma into quotes"
        )
    padded = cells + [""] * (len(columns) - len(cells))
    return {name: cell for name, cell in zip(columns, padded, strict=False) if name}


def check_once(lines: dict[str, int], line: int, where: str, location: str) -> None:
    """Refuse a film that an earlier line of the same list has, however its path is spelt.

    Args:
        lines: where films were first met, by absolute path; this one is added.
        line: where this one stands.
        where: what the error begins with: the list and the line.
        location: the film's path.

    Raises:
        DataError: it is on two lines.
    """
    file = os.path.abspath(location)  # noqa: PTH100  # "a/../b" is b; Path keeps it
    first = lines.setdefault(file, line)
    if first != line:
        raise DataError(f"{where}: {location} is also on line {first}; keep one of the two")
