"""The report's pictures: encoded at once, then inside the page or as small files beside it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import UsageError
from xrayscan.journal.atomic import is_stream, unwritable, write_bytes
from xrayscan.report_files import FOLDER_SUFFIX, PICTURE_NAME, is_harmless
from xrayscan.reporting.overlay import jpeg_bytes, jpeg_uri

_LEFT_BEHIND = re.compile(rf"\.{PICTURE_NAME.pattern}\..*\.part")  # of a run that was killed

# A page up to this size opens at once and goes through a mail gateway.
ONE_FILE_BYTES = 25_000_000
# Browsers take no longer strings than 512 MB; far below, a page still opens within seconds.
SELF_CONTAINED_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Heat:
    """A heat map as the page holds it.

    Attributes:
        width, height: of the map.
        levels: (height, width), row by row, 255 for heat 1.
        reliable: whether it has passed its test on the film; None where it was not tested.
    """

    width: int
    height: int
    levels: bytes
    reliable: bool | None = None


@dataclass(frozen=True, slots=True)
class DrawnFilm:
    """A film and its heat map, kept apart so that a reader can blend them.

    Attributes:
        jpeg: the film.
        heat: None without a heat map.
    """

    jpeg: bytes
    heat: Heat | None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a page's pictures went.

    Attributes:
        entries: what the page's script finds by a film's key.
        folder: of separate files; None where all are inside the page.
        left_out: pictures that a page in one file had no room for.
    """

    entries: Mapping[str, Mapping[str, Any]]
    folder: Path | None = None
    left_out: int = 0


def draw(
    film: NDArray[np.uint8], heat: NDArray[np.float32] | None, reliable: bool | None = None
) -> DrawnFilm:
    """Encode a film, (H, W) uint8, and its heat map, (h, w) float32, 0..1, with its mark."""
    if heat is None:
        return DrawnFilm(jpeg_bytes(film), None)
    levels = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8).tobytes()
    return DrawnFilm(jpeg_bytes(film), Heat(heat.shape[1], heat.shape[0], levels, reliable))


def files_folder(page: Path) -> Path:
    """The folder of a page's pictures."""
    return page.with_name(f"{page.stem}{FOLDER_SUFFIX}")


def check_files_folder(page: Path) -> None:
    """Refuse a page whose folder of pictures holds anything else: nobody would scan that again.

    Raises:
        UsageError: it does.
    """
    folder = files_folder(page)
    try:
        strangers = [path for path in folder.iterdir() if not is_harmless(path.name)]
    except FileNotFoundError:
        return
    except OSError as fault:
        raise unwritable(folder, fault) from None
    if strangers:
        raise UsageError(
            f"{strangers[0]}: would be taken for a picture of {page.name}; move it, or give the "
            "report another name"
        )


def place(
    page: Path, films: Mapping[str, DrawnFilm], other_bytes: int, *, self_contained: bool
) -> Placement:
    """Put pictures where the page finds them: inside it while it stays small, else beside it.

    Args:
        page: where the page will be.
        films: by key, the most urgent first.
        other_bytes: size of the rest of the page.
        self_contained: never write separate files; what goes beyond ``SELF_CONTAINED_BYTES`` is
            left out, the least urgent first.

    Raises:
        XrayscanError: a picture cannot be written.
    """
    room = SELF_CONTAINED_BYTES if self_contained or is_stream(page) else ONE_FILE_BYTES
    inside = _inside(films, room - other_bytes)
    if len(inside) == len(films) or room == SELF_CONTAINED_BYTES:
        return Placement(inside, left_out=len(films) - len(inside))
    entries = {key: _beside(page, film) for key, film in films.items()}
    return Placement(entries, files_folder(page))


def _inside(films: Mapping[str, DrawnFilm], room: int) -> dict[str, dict[str, Any]]:
    """The entries of as many films, from the first on, as have room."""
    entries: dict[str, dict[str, Any]] = {}
    for key, film in films.items():
        room -= len(film.jpeg) * 4 // 3 + 250  # base64, key and heat map
        if room < 0:
            break
        entries[key] = _entry(jpeg_uri(film.jpeg), film.heat)
    return entries


def _beside(page: Path, film: DrawnFilm) -> dict[str, Any]:
    folder, name = files_folder(page), picture_name(film.jpeg)
    path = folder / name
    try:
        folder.mkdir(exist_ok=True)
        # named by its content: of the same name and length it is the same; a file that lost its
        # content with the power is written anew
        if not path.exists() or path.stat().st_size != len(film.jpeg):
            write_bytes(path, film.jpeg, page)
    except OSError as fault:
        raise unwritable(path, fault) from fault
    source = f"{quote_from_bytes(bytes(Path(folder.name)))}/{name}"
    return _entry(source, film.heat)


def _entry(source: str, heat: Heat | None) -> dict[str, Any]:
    if heat is None:
        return {"film": source}
    levels = base64.b64encode(heat.levels).decode("ascii")
    return {
        "film": source,
        "heat": [heat.width, heat.height, levels],
        "reliable": heat.reliable,
    }


def picture_name(jpeg: bytes) -> str:
    """The name of a picture's own file: what it holds, so that an old page never shows another."""
    return hashlib.sha256(jpeg).hexdigest()[:32] + ".jpg"


def remove_stale(page: Path, placement: Placement) -> None:
    """Remove the pictures of an earlier page that the new one does not show.

    To be called when the new page is in place. What else lies in the folder stays, but for what a
    run that was killed has left of a picture.
    """
    if is_stream(page):
        return
    kept = (
        {entry["film"].rpartition("/")[2] for entry in placement.entries.values()}
        if placement.folder
        else set()
    )
    folder = files_folder(page)
    for path in _pictures_in(folder):
        if path.name not in kept:
            with suppress(OSError):  # what cannot be removed does no harm
                path.unlink()
    with suppress(OSError):  # not empty, or not there
        folder.rmdir()


def _pictures_in(folder: Path) -> Iterator[Path]:
    """Yield the pictures in a folder, and what was left of some; none where there is no folder."""
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if PICTURE_NAME.fullmatch(path.name) or _LEFT_BEHIND.fullmatch(path.name):
                yield path
