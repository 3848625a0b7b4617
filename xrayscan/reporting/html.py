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

_SAME = 1e-9  # as in scoring: thresholds that differ by less are the same one
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
    page = page_environment(templates).get_template(_TEMPLATE)
    sections = worklist.sections()
    pictures = [entry.picture for entries in sections.values() for entry in entries]
    pieces = page.generate(
        versions=versions(),
        run=run,
        model=model,
        card=model.facts,
        colours=colour_bar(),
        gave=measured_at(model.facts, run.threshold),
        sections=sections,
        pictures_shown=any(picture is not None for picture in pictures),
        heat_shown=any(picture is not None and picture.heat is not None for picture in pictures),
        worklist=worklist,
        Section=Section,
        picture_uris=picture_uris,
    )
    with atomic_text(path) as file:
        file.writelines(pieces)


def page_environment(templates: Path) -> Environment:
    """Prepare templates for a page that holds its own style and allows nothing from elsewhere.

    Every page has ``style``, its ``style_hash`` for the security policy, ``disclaimer`` and
    ``version``, and the filters ``name``, ``percent``, ``probability`` and ``threshold``.
    """
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (templates / _STYLE).read_text(encoding="utf-8")
    environment.globals |= {
        "style": style,
        "style_hash": _csp_hash(style),
        "disclaimer": DISCLAIMER,
        "version": __version__,
    }
    environment.filters |= {
        "name": display_name,
        "percent": _percent,
        "probability": _probability,
        "threshold": _threshold,
    }
    return environment


def measured_at(card: Mapping[str, Any], threshold: float) -> dict[str, Any]:
    """Look up what a threshold gave on the films that the card's thresholds were chosen on.

    Reads the curve as ``OperatingCurve.at_threshold`` does, and gives both limits between two of
    its points: the least is what that function says.

    Args:
        card: as written.
        threshold: 0..1; may be rounded.

    Returns:
        (least, most) of "sensitivity" and of "specificity", 0..1, the same where it was measured;
        "sensitivity_interval" and "specificity_interval" where the card has them.
    """
    highest = min(threshold + _SAME, 1.0)  # the threshold above every film can lie above 1
    for point in card["thresholds"].values():
        if threshold - _SAME <= point["threshold"] <= highest:
            measured = {name: (point[name],) * 2 for name in ("sensitivity", "specificity")}
            return {**point, **measured}
    points = card["operating_curve"]["points"]
    above = [point for point in points if point[0] >= threshold - _SAME] or points[:1]
    below = [point for point in points if point[0] <= highest] or points[-1:]
    return {
        "sensitivity": (above[-1][1], below[0][1]),
        "specificity": (below[0][2], above[-1][2]),
    }


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


def _threshold(value: float) -> str:
    """Four decimals, or as many as keep it from looking like 0 or 1."""
    text = f"{value:.4f}"
    return f"{value:.7f}".rstrip("0").rstrip(".") if float(text) in (0, 1) else text


def _csp_hash(text: str) -> str:
    """The hash by which the page's security policy allows its own style sheet."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
