"""The pictures of an earlier report, read back so that no film has to be read again for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrayscan.journal.atomic import is_stream
from xrayscan.report_files import PICTURE_NAME
from xrayscan.reporting.overlay import JPEG_URI
from xrayscan.reporting.pictures import (
    DrawnFilm,
    Heat,
    files_folder,
    picture_name,
)
from xrayscan.reporting.rows import script_json

BLOCK = '<script type="application/json" id="pictures">'
_BLOCK = BLOCK.encode()
_KEY = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class PictureSource:
    """What a heat map comes from: the sha256 of the model's card, and the CAM method."""

    model_sha256: str
    cam: str

    def facts(self) -> dict[str, str]:
        """As the page's picture block says it."""
        return {"model_sha256": self.model_sha256, "cam": self.cam}


def picture_block(source: PictureSource, entries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the pieces of a page's picture block: JSON with a line for each film.

    By lines, so that reading one film back does not take the memory of all of them.
    """
    yield script_json(source.facts()).removesuffix("}") + ',"films":{'
    for index, (key, entry) in enumerate(entries.items()):
        yield ("," if index else "") + f"\n{script_json(key)}:{script_json(entry)}"
    yield "\n}}"


@dataclass(frozen=True, slots=True)
class _Line:
    """Where a film's line stands: the page, the offset of its first byte, and its length."""

    page: Path
    start: int
    length: int


class EarlierPictures(Mapping[str, DrawnFilm]):
    """The pictures of earlier pages by film; each is read when it is asked for.

    A page that is not there, is no report, is damaged or has heat maps of another model has none:
    then the new report shows rows without pictures, and nothing worse.
    """

    def __init__(self, pages: tuple[Path, ...], source: PictureSource) -> None:
        self._lines: dict[str, _Line] = {}
        # the first page wins; a pipe that the new one goes to has none, and would be waited for
        for page in reversed([page for page in pages if not is_stream(page)]):
            with suppress(OSError, ValueError):
                self._lines |= _lines(page, source)

    def __getitem__(self, key: str) -> DrawnFilm:
        line = self._lines[key]
        try:
            with line.page.open("rb") as file:
                file.seek(line.start)
                text = file.read(line.length).strip().rstrip(b",")
            return _film(line.page, json.loads(b"{" + text + b"}")[key])
        except (KeyError, TypeError, ValueError, AttributeError, OSError):
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


def _lines(page: Path, source: PictureSource) -> dict[str, _Line]:
    """Find the films of a page; raises OSError or ValueError where it is no report."""
    lines: dict[str, _Line] = {}
    with page.open("rb") as file:
        head = next((line for line in file if line.startswith(_BLOCK)), b"")
        facts = json.loads(head.removeprefix(_BLOCK).rstrip() + b"}}" if head else b"{}")
        if facts != {**source.facts(), "films": {}}:
            return {}
        start = file.tell()
        for line in file:
            if not line.startswith(b'"'):
                break
            key = _KEY.raw_decode(line.decode("ascii"))[0]
            lines[key] = _Line(page, start, len(line))
            start += len(line)
    return lines


def _film(page: Path, entry: Any) -> DrawnFilm:
    """Read one entry; raises anything where it is not as this version writes it."""
    text = entry["film"]
    if text.startswith(JPEG_URI):
        jpeg = base64.b64decode(text.removeprefix(JPEG_URI), validate=True)
    else:
        name = text.rpartition("/")[2]
        if not PICTURE_NAME.fullmatch(name):  # never a path of someone's choosing
            raise ValueError(name)
        jpeg = (files_folder(page) / name).read_bytes()
        if picture_name(jpeg) != name:
            raise ValueError(name)
    return DrawnFilm(jpeg, _heat(entry))


def _heat(entry: Any) -> Heat | None:
    if entry.get("heat") is None:
        return None
    width, height, levels = entry["heat"]
    # the mark travels with the map: it is of a film that is not read again
    reliable = entry.get("reliable")
    heat = Heat(int(width), int(height), base64.b64decode(levels, validate=True), reliable)
    if reliable not in (True, False, None):
        raise ValueError("a mark that is none")
    if len(heat.levels) != heat.width * heat.height:
        raise ValueError("heat map of another size")
    return heat
