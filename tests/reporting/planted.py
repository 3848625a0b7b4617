"""A planted run for the report's tests, benchmarks and screenshots: the same at every call."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.films import draw_film
from xrayscan.intake.options import BATCH_SIZE
from xrayscan.job.report_model import report_model
from xrayscan.records import Assessment, Ending, HeatMap, Reason, RunSummary, Scan, Status, Tally
from xrayscan.reporting.html import ReportOptions, write_report
from xrayscan.reporting.run_record import Night, RunFacts
from xrayscan.reporting.worklist import HeatTest, Picture, Worklist
from xrayscan.resources import DEFAULT_MODEL, model_folder, templates_folder
from xrayscan.scoring.card import ModelCard, load_card

HOSTILE = (
    "<img src=x onerror=alert(1)>.png",
    '"><script>alert(1)<',
    "=cmd|' /C calc'!A0.jpg",
    "right\u202egnp.to left.jpg",
    "{{ 7 * 7 }}.jpg",
    "</script><!-- &amp; 'quoted'\u2028.jpg",
    "n" * 246 + ".jpg",
)
MIDNIGHT = 1_795_219_200  # 2026-11-21 00:00 UTC, in seconds since the epoch
_ODD = {  # what becomes of every nth film
    23: (Status.UNREADABLE, Reason.TRUNCATED, "ends in the middle of the picture; copy it again"),
    31: (Status.NOT_ASSESSED, Reason.NOT_FRONTAL_CHEST, "looks like no frontal chest film"),
    37: (Status.VANISHED, Reason.GONE, "was listed and is gone"),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """A run with all that a report can show.

    Attributes:
        rows: films.
        names: of the first films.
        pictures: whether films have pictures.
        max_overlays: as ``predict`` takes it.
        nights: earlier runs.
        distinct: every film has a picture of its own; otherwise twelve are taken in turns.
    """

    rows: int
    names: tuple[str, ...] = HOSTILE
    pictures: bool = True
    max_overlays: int = 200
    nights: int = 7
    distinct: bool = False

    def write(self, page: Path, options: ReportOptions | None = None) -> list[Assessment]:
        """Write the report; returns its rows in the order of their finding."""
        card = load_card(model_folder(DEFAULT_MODEL))
        worklist = Worklist(card.positive, self.max_overlays)
        rows = []
        for row, picture in self._films(card):
            rows.append(row)
            worklist.add(row, picture)
            if len(rows) % BATCH_SIZE == 0:  # as a run does: what is not drawn stays in memory
                worklist.draw()
        model = report_model(card, card.zones, "gradcam")
        manner = options or ReportOptions()
        write_report(page, templates_folder(), worklist, self.facts(), model, manner)
        return rows

    def facts(self) -> RunFacts:
        """What is true of the whole run."""
        card = load_card(model_folder(DEFAULT_MODEL))
        tally = Tally(self.rows)
        for row, _ in replace(self, pictures=False)._films(card):
            tally.add(row, card.positive)
        return self._facts(card, tally)

    def _films(self, card: ModelCard) -> Iterator[tuple[Assessment, Picture | None]]:
        chance = np.random.default_rng(7)
        threshold = round(card.thresholds[card.default_rule].threshold, 7)
        for number in range(self.rows):
            name = f"ward {number % 7}/2026-11/film-{number:05}.dcm"
            name = self.names[number] if number < len(self.names) else name
            row = _scored(name, number, float(round(chance.beta(0.35, 1.6), 6)), threshold, card)
            for every, (status, reason, detail) in _ODD.items():
                if number % every == every - 1:
                    row = _unscored(row, status, reason, detail)
            has_picture = self.pictures and row.status in (Status.SCORED, Status.NOT_ASSESSED)
            picture = picture_of(number, row.probability) if has_picture else None
            if picture and self.distinct:
                picture = replace(picture, film=_marked(picture.film, number))
            yield row, picture

    def _facts(self, card: ModelCard, tally: Tally) -> RunFacts:
        by = tally.by_status
        chance = np.random.default_rng(8)
        nights = tuple(
            Night(
                f"2026-11-{14 + day:02}T02:00:00+00:00", 250 + day, 240 + day, 20 + day, 60, 7, 3,
                0,
                tuple(chance.integers(1, 90, 20).tolist()),
            )
            for day in range(self.nights)
        )  # fmt: skip
        summary = RunSummary(
            self.rows, by[Status.SCORED], by[Status.NOT_ASSESSED], by[Status.UNREADABLE],
            by[Status.VANISHED], tally.positive, tally.review, 0, 3, Ending.FINISHED, 123.4,
        )  # fmt: skip
        return RunFacts(
            started="2026-11-21T02:00:00+00:00",
            finished="2026-11-21T03:59:00+00:00",
            options={"paths": ["scans"], "cam": "gradcam"},
            model=card.name,
            model_sha256=card.sha256,
            threshold_rule=card.default_rule,
            threshold=round(card.thresholds[card.default_rule].threshold, 7),
            summary=summary,
            nights=nights,
        )


def _scored(
    name: str, number: int, probability: float, threshold: float, card: ModelCard
) -> Assessment:
    moment = datetime.datetime.fromtimestamp(MIDNIGHT + 7200 + number % 7000, datetime.UTC)
    return Assessment(
        scan=Scan(name, "", 200_000 + 37 * number, (MIDNIGHT - 3600 * number) * 10**9),
        status=Status.SCORED,
        detail="first of 2 frames" if number % 17 == 16 else "",
        format="DICOM (JPEG 2000)",
        width=2021,
        height=1955,
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        probability=probability,
        threshold=threshold,
        label=card.positive if probability >= threshold else card.negative,
        zone=card.zones.zone(probability),
        embedding_distance=0.4321,
        assessed_at=moment.isoformat(timespec="seconds"),
    )


def _unscored(row: Assessment, status: Status, reason: Reason, detail: str) -> Assessment:
    row = replace(
        row, status=status, reason=reason, detail=detail, probability=None, threshold=None,
        label="", zone=None,
    )  # fmt: skip
    if status is Status.NOT_ASSESSED:
        return row
    return replace(row, width=None, height=None, embedding_distance=None)


def picture_of(number: int, probability: float | None) -> Picture:
    """The film's picture; its heat has one spot, as strong as the film is probable."""
    film = _drawn(number % 12)
    if probability is None:
        return Picture(film, None)
    chance = np.random.default_rng(number)
    y, x = np.mgrid[0:7, 0:7]
    centre = chance.uniform(1.5, 4.5, 2)
    spot = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 3)
    heat = (spot * max(probability, 0.1)).astype(np.float32)
    return Picture(film, heat, known(heat, None if number % 5 == 4 else number % 3 > 0))


def known(heat: NDArray[np.float32], reliable: bool | None) -> HeatTest:
    """A test of a heat map whose answer is known."""
    heat_map = HeatMap(np.zeros((1, 1), np.float32), heat, 0.0)
    return HeatTest(heat_map, lambda maps: [reliable] * len(maps))


@cache
def _drawn(seed: int) -> NDArray[np.uint8]:
    return draw_film(seed, width=512, height=495)


def _marked(film: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """The film with its number in the corner, as 16 squares, so that no other one is like it."""
    marked = film.copy()
    for bit in range(16):
        marked[:16, 16 * bit : 16 * bit + 16] = 255 * (number >> bit & 1)
    return marked
