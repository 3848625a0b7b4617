"""The HTML report: one file, readable anywhere, with nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from xrayscan import __version__
from xrayscan.journal.atomic import atomic_text
from xrayscan.records import DISCLAIMER
from xrayscan.reporting.earlier import EarlierPictures, PictureSource, picture_block
from xrayscan.reporting.histogram import bars
from xrayscan.reporting.overlay import STRONGEST, colour_bar, colour_table
from xrayscan.reporting.pictures import place, remove_stale
from xrayscan.reporting.rows import FIELDS, joined_rows, script_json
from xrayscan.reporting.run_record import RunFacts, versions
from xrayscan.reporting.table import path_text
from xrayscan.reporting.words import WORDS
from xrayscan.reporting.worklist import Section, Worklist

_SAME = 1e-9  # as in scoring: thresholds that differ by less are the same one
_TEMPLATE = "report.html"
_STYLE, _OWN_STYLE = "style.css", "report.css"
SCRIPTS = ("rows.js", "list.js", "heat.js", "film.js", "verdicts.js", "reading.js", "report.js")
_PLAIN_ROWS = 200  # for print: some ten pages
_FRAME_BYTES = 200_000  # about what a page is without rows and pictures
# A page opened from a folder may show pictures of that folder, one from a server those of it.
_IMAGES_BESIDE = "data: 'self' file:"
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


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How the report is written.

    Attributes:
        self_contained: everything in one file, up to ``pictures.SELF_CONTAINED_BYTES``; without it
            pictures become files of their own where the page would not stay small.
        dates: language of dates as a BCP 47 tag such as "de"; "" writes them by ISO 8601.
        earlier: pages whose pictures are taken over; none takes those of the page that is replaced.
    """

    self_contained: bool = False
    dates: str = ""
    earlier: tuple[Path, ...] = ()


def write_report(
    path: Path,
    templates: Path,
    worklist: Worklist,
    run: RunFacts,
    model: ReportModel,
    options: ReportOptions = ReportOptions(),
) -> None:
    """Write the report, whole or not at all, and the files of its pictures where it needs them.

    Rows without a picture take the one that an earlier report has of the same film.

    Raises:
        XrayscanError: it cannot be written.
    """
    rows = worklist.rows()
    source = PictureSource(run.model_sha256, model.cam)
    films = dict(worklist.films(EarlierPictures(options.earlier or (path,), source)))
    size = sum(map(len, rows)) + _FRAME_BYTES
    placed = place(path, films, size, self_contained=options.self_contained)
    page = page_environment(templates, (_STYLE, _OWN_STYLE), SCRIPTS).get_template(_TEMPLATE)
    pieces = page.generate(
        versions=versions(),
        run=run,
        model=model,
        card=model.facts,
        colours=colour_bar(),
        gave=measured_at(model.facts, run.threshold),
        words=WORDS,
        Section=Section,
        total=worklist.total,
        rows=joined_rows(rows),
        listed=len(rows),
        first=first_rows(rows),
        bars=bars(worklist.histogram),
        bars_of=bars,
        facts=script_json(_script_facts(run, model, options)),
        pictures=picture_block(source, placed.entries),
        placed=placed,
        img_src="data:" if placed.folder is None else _IMAGES_BESIDE,
    )
    with atomic_text(path) as file:
        file.writelines(pieces)
    remove_stale(path, placed)


def first_rows(rows: Sequence[bytes]) -> list[dict[str, Any]]:
    """The first rows of the page, for print and for browsers without scripts."""
    return [dict(zip(FIELDS, json.loads(row), strict=True)) for row in rows[:_PLAIN_ROWS]]


def _script_facts(run: RunFacts, model: ReportModel, options: ReportOptions) -> dict[str, Any]:
    """What the page's script has to know besides the rows."""
    card = model.facts
    return {
        "fields": FIELDS,
        "positive": model.positive,
        "negative": model.negative,
        "threshold": run.threshold,
        "rule": run.threshold_rule,
        "zones": card["zones"],
        "distance_limit": card.get("admission", {}).get("distance_limit", 1.0),
        "model": run.model,
        "model_sha256": run.model_sha256,
        "cam": model.cam,
        "colours": colour_table(),
        "strongest": STRONGEST,
        "dates": options.dates,
        "words": WORDS,
    }


def page_environment(
    templates: Path, styles: Sequence[str] = (_STYLE,), scripts: Sequence[str] = ()
) -> Environment:
    """Prepare templates for a page that holds its own style and allows nothing from elsewhere.

    Every page has ``style`` and ``script`` with their hashes for the security policy,
    ``disclaimer`` and ``version``, and the filters ``name``, ``percent``, ``probability`` and
    ``threshold``.
    """
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (
        "".join((templates / name).read_text(encoding="utf-8") for name in names)
        for names in (styles, scripts)
    )
    environment.globals |= {
        "style": style,
        "style_hash": _csp_hash(style),
        "script": script,
        "script_hash": _csp_hash(script),
        "disclaimer": DISCLAIMER,
        "version": __version__,
    }
    environment.filters |= {
        "name": display_name,
        "shown": visible,
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


def display_name(name: str) -> str:
    """A file name for people: as in the CSV, with control and direction marks made visible."""
    return visible(path_text(name))


def visible(text: str) -> str:
    """A text with its control and direction marks made visible."""
    marked = text.translate(_BIDI)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in marked)


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
