"""The HTML report: one file, readable anywhere, with nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xrayscan import __version__
from xrayscan.journal.atomic import atomic_text
from xrayscan.records import DISCLAIMER
from xrayscan.reporting.overlay import colour_bar, data_uri, overlay
from xrayscan.reporting.run_record import RunFacts, versions
from xrayscan.reporting.table import path_text
from xrayscan.reporting.worklist import Entry, Section, Worklist

_TEMPLATE = "report.html"
_STYLE = "style.css"
# In one line, with no name and no path of a person: what a browser shows for invisible characters
# that turn the reading direction is decided here and not by the browser.
_BIDI = {
    ord(mark): f"\\u{ord(mark):04x}"
    for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
}


@dataclass(frozen=True, slots=True)
class ReportModel:
    """The model's side of the report.

    Attributes:
        facts: the model's card as written.
        positive: name of the positive class.
        negative: name of the other.
        cam: CAM method of the overlays, "none" for no overlays.
    """

    facts: Mapping[str, Any]
    positive: str
    negative: str
    cam: str


def write_report(
    path: Path, templates: Path, worklist: Worklist, run: RunFacts, model: ReportModel
) -> None:
    """Write the report, whole or not at all; its pictures are drawn as they are written.

    Raises:
        XrayscanError: it cannot be written.
    """
    style = (templates / _STYLE).read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"name": display_name, "percent": _percent, "probability": _probability}
    page = environment.get_template(_TEMPLATE).generate(
        style=style,
        style_hash=_csp_hash(style),
        disclaimer=DISCLAIMER,
        version=__version__,
        versions=versions(),
        run=run,
        model=model,
        card=model.facts,
        colours=colour_bar(),
        sections=worklist.sections(),
        worklist=worklist,
        Section=Section,
        picture_uris=picture_uris,
    )
    with atomic_text(path) as file:
        file.writelines(page)


def picture_uris(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield (what it is, data URI) for an entry's film and, if there is one, its overlay."""
    if entry.picture is None:
        return
    yield "film", data_uri(entry.picture.film)
    if entry.picture.heat is not None:
        yield "heat map", data_uri(overlay(entry.picture.film, entry.picture.heat))


def display_name(name: str) -> str:
    """A file name for people: as in the CSV, with control and direction marks made visible."""
    visible = path_text(name).translate(_BIDI)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in visible)


def _percent(share: float, decimals: int = 1) -> str:
    return f"{100 * share:.{decimals}f} %"


def _probability(value: float) -> str:
    """Three decimals, without calling any film certain."""
    if value >= 0.9995:
        return "> 0.999"
    return "< 0.001" if value < 0.0005 else f"{value:.3f}"


def _csp_hash(text: str) -> str:
    """The hash by which the page's security policy allows its own style sheet."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
