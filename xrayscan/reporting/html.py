"""The HTML report: a worklist to read films by, with nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xrayscan.journal.atomic import atomic_text
from xrayscan.reporting.earlier import EarlierPictures, PictureSource, picture_block
from xrayscan.reporting.histogram import bars
from xrayscan.reporting.overlay import STRONGEST, colour_bar, colour_table
from xrayscan.reporting.page import STYLE, page_environment
from xrayscan.reporting.pictures import DrawnFilm, Placement, place, remove_stale
from xrayscan.reporting.rows import FIELDS, joined_rows, script_json
from xrayscan.reporting.run_record import RunFacts
from xrayscan.reporting.table import FACTS
from xrayscan.reporting.words import TESTED, UNTESTED, WEAK, WORDS
from xrayscan.reporting.worklist import Worklist

_SAME = 1e-9  # as in scoring: thresholds that differ by less are the same one
_TEMPLATE = "report.html"
_OWN_STYLE = "report.css"
_SCRIPTS = ("rows.js", "list.js", "heat.js", "film.js", "verdicts.js", "reading.js", "report.js")
_PLAIN_ROWS = 200  # for print: some ten pages
_FRAME_BYTES = 200_000  # about what a page is without rows and pictures
# A page opened from a folder may show pictures of that folder, one from a server those of it.
_IMAGES_BESIDE = "data: 'self' file:"


@dataclass(frozen=True, slots=True)
class ReportModel:
    """The model's side of the report.

    Attributes:
        facts: the model's card as written.
        positive: name of the positive class.
        negative: name of the other.
        cam: CAM method of the overlays, "none" for no overlays.
        trained_on: whose films it was last trained on, in words; "" where its card does not say.
        measured: what the model gave on films of others, as ``scoring.evaluations`` has it.
    """

    facts: Mapping[str, Any]
    positive: str
    negative: str
    cam: str
    trained_on: str = ""
    measured: Sequence[Mapping[str, Any]] = ()


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
    pictures: Mapping[str, DrawnFilm] | None = None,
) -> None:
    """Write the report, whole or not at all, and the files of its pictures where it needs them.

    Args:
        path: the page.
        templates: the folder of templates.
        worklist: the rows.
        run: their run.
        model: its model.
        options: how.
        pictures: by film, for rows that have none of their own; None takes those that an earlier
            report has of the same films.

    Raises:
        XrayscanError: it cannot be written.
    """
    rows = worklist.rows()
    source = PictureSource(run.model_sha256, model.cam)
    if pictures is None:
        pictures = EarlierPictures(options.earlier or (path,), source)
    films = dict(worklist.films(pictures))
    run = _with_notice(run, len(worklist.unpictured(films)))
    size = sum(map(len, rows)) + _FRAME_BYTES
    placed = place(path, films, size, self_contained=options.self_contained)
    page = page_environment(templates, (STYLE, _OWN_STYLE), _SCRIPTS).get_template(_TEMPLATE)
    pieces = page.generate(
        facts=script_json(_script_facts(run, model, options) | {"marks": _marks(placed)}),
        pictures=picture_block(source, placed.entries),
        **_run_part(run, model),
        **_rows_part(worklist, rows),
        **_placed_part(placed),
    )
    with atomic_text(path) as file:
        file.writelines(pieces)
    remove_stale(path, placed)


def without_picture(count: int) -> str:
    """Say how many films that could be shown with a picture are shown without."""
    films = "1 film shown has" if count == 1 else f"{count} films shown have"
    return f"{films} no picture; xrayscan predict, run again, makes those of films that are there."


def _with_notice(run: RunFacts, unpictured: int) -> RunFacts:
    notices = (without_picture(unpictured),) if unpictured else ()
    return replace(run, notices=(*run.notices, *notices))


def _run_part(run: RunFacts, model: ReportModel) -> dict[str, Any]:
    assert run.threshold is not None  # pages are of runs that score
    return {
        "run": run,
        "model": model,
        "card": model.facts,
        "gave": measured_at(model.facts, run.threshold),
        "colours": colour_bar(),
        "words": WORDS,
    }


def _rows_part(worklist: Worklist, rows: Sequence[bytes]) -> dict[str, Any]:
    return {
        "rows": joined_rows(rows),
        "listed": len(rows),
        "first": first_rows(rows),
        "total": worklist.total,
        "bars": bars(worklist.histogram),
        "bars_of": bars,
    }


def _placed_part(placed: Placement) -> dict[str, Any]:
    return {
        "left_out": placed.left_out,
        "img_src": "data:" if placed.folder is None else _IMAGES_BESIDE,
    }


def _marks(placed: Placement) -> dict[str, str]:
    """How far heat maps were tested, by film: the list says it before any picture is read."""
    words = {True: TESTED, False: WEAK, None: UNTESTED}
    return {
        key: words[entry["reliable"]] for key, entry in placed.entries.items() if "heat" in entry
    }


def first_rows(rows: Sequence[bytes]) -> list[dict[str, Any]]:
    """The first rows of the page, for print and for browsers without scripts."""
    return [dict(zip(FIELDS, json.loads(row), strict=False)) for row in rows[:_PLAIN_ROWS]]


def _script_facts(run: RunFacts, model: ReportModel, options: ReportOptions) -> dict[str, Any]:
    """What the page's script has to know besides the rows."""
    card = model.facts
    return {
        "fields": FIELDS + FACTS,
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
