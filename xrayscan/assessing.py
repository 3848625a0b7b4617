"""How scans become rows: read and admit, score in batches, decide."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.admission import Admission, Doubt, outside_training, unclear_posture
from xrayscan.intake.dicom_header import identifiers
from xrayscan.intake.options import USUAL, DecodeOptions
from xrayscan.intake.read import check_settled, decode, read_content
from xrayscan.intake.resize import network_input, viewing_copy
from xrayscan.records import PROBABILITY_DECIMALS, Assessment, Scan, Status
from xrayscan.reporting.worklist import Picture
from xrayscan.scoring.model import Scored, ScoringModel

# Longest side of the report's pictures, pixels: two fit side by side on a common screen.
VIEW_SIDE = 512
# Batches read ahead of the one being scored: one keeps every core busy, more only cost memory.
READ_AHEAD = 1

Assessed = tuple[Assessment, Picture | None]


@dataclass(frozen=True, slots=True)
class AssessOptions:
    """How films are assessed.

    Attributes:
        threshold: a film is positive from this probability on, 0..1.
        cam: heat map method for the pictures, "none" for none.
        admission: what to do with films outside the training population.
        batch_size: films that are read, scored and handed on together.
        workers: threads that read and decode.
        min_age: files changed less than this many seconds ago are left for the next run.
        with_identifiers: rows name patients.
        decoding: how pictures are decoded.
    """

    threshold: float
    cam: str
    admission: Admission
    batch_size: int
    workers: int
    min_age: float = 0.0
    with_identifiers: bool = False
    decoding: DecodeOptions = USUAL


@dataclass(frozen=True, slots=True)
class _Reading:
    """What reading one scan gave: the row so far and, if it may be scored, the pixels.

    Attributes:
        row: with what is known by now.
        pixels: (S, S) float32, 0..255.
        view: (h, w) uint8.
        doubt: about how the film lies.
        undone: in words, what was undone of how it lay.
        contradictions: of the file's header.
    """

    row: Assessment
    pixels: NDArray[np.float32] | None = None
    view: NDArray[np.uint8] | None = None
    doubt: Doubt | None = None
    undone: str = ""
    contradictions: tuple[str, ...] = ()


class Assessor:
    """Turns scans into rows, in order, reading ahead of what is scored."""

    def __init__(self, model: ScoringModel, options: AssessOptions) -> None:
        self._model = model
        self._options = options

    def batches(self, scans: Sequence[Scan]) -> Iterator[list[Assessed]]:
        """Yield a row and, where the film could be read, its picture, for each scan, in order."""
        # decoding already runs one thread per core; OpenCV's own would only get in their way
        cv2.setNumThreads(1)
        for batch in self._read_ahead(scans):
            yield list(self._assess(batch))

    def _read_ahead(self, scans: Sequence[Scan]) -> Iterator[list[_Reading]]:
        """Yield batches of readings in order while the next ones are being read."""
        remaining = iter(scans)
        queue: deque[list[Future[_Reading]]] = deque()
        pool = ThreadPoolExecutor(self._options.workers, thread_name_prefix="read")
        try:
            while True:
                while len(queue) <= READ_AHEAD:
                    batch = list(islice(remaining, self._options.batch_size))
                    if not batch:
                        break
                    queue.append([pool.submit(self._read, scan) for scan in batch])
                if not queue:
                    return
                yield [future.result() for future in queue.popleft()]
        finally:
            pool.shutdown(cancel_futures=True)

    def _read(self, scan: Scan) -> _Reading:
        """Read, check and decode one scan; every fault of the file ends here, as its row."""
        row = Assessment(scan, Status.UNREADABLE)
        try:
            check_settled(scan, self._options.min_age)
            content = read_content(scan.location)
            row = replace(row, sha256=content.sha256)
            if self._options.with_identifiers:
                row = replace(row, identifiers=identifiers(content.data))
            radiograph = decode(content, scan.name, self._options.decoding)
        except ScanError as fault:
            return _Reading(_refused(row, fault))
        row = replace(
            row,
            format=radiograph.format,
            width=radiograph.width,
            height=radiograph.height,
            detail="; ".join(radiograph.notes),
            facts=radiograph.facts,
        )
        pixels = network_input(radiograph, self._model.card.input_size)
        reading = _Reading(
            row,
            pixels,
            viewing_copy(radiograph, VIEW_SIDE),
            contradictions=radiograph.contradictions,
        )
        return reading if self._options.admission is Admission.OFF else self._upright(reading)

    def _upright(self, reading: _Reading) -> _Reading:
        """Undo how a film lies where that is certain."""
        assert reading.pixels is not None
        assert reading.view is not None
        found = self._model.posture(reading.pixels)
        if found.is_certain:
            return replace(
                reading,
                pixels=found.posture.undone(reading.pixels),
                view=found.posture.undone(reading.view),
                undone=f"was {found.posture}; undone",
            )
        doubt = unclear_posture(str(found.posture)) if found.is_unclear else None
        return replace(reading, doubt=doubt)

    def _assess(self, batch: list[_Reading]) -> Iterator[Assessed]:
        """Score what can be scored and decide; the order stays."""
        pixels = [reading.pixels for reading in batch if reading.pixels is not None]
        scored = iter(self._model.score(np.stack(pixels), self._options.cam) if pixels else ())
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        for reading in batch:
            row = replace(reading.row, assessed_at=now)
            if reading.pixels is None or reading.view is None:
                yield row, None
            else:
                film = next(scored)
                row = self._decide(row, film, reading)
                heat = film.heat if row.status is Status.SCORED else None
                yield row, Picture(reading.view, heat)

    def _decide(self, row: Assessment, film: Scored, reading: _Reading) -> Assessment:
        """Turn scores into a row: nothing that the model may judge, or label and zone."""
        card = self._model.card
        row = replace(row, embedding_distance=film.distance)
        if self._options.admission is not Admission.OFF:
            doubt = reading.doubt or outside_training(
                film.distance, card.distance_limit, reading.contradictions
            )
            if doubt:
                row = replace(row, reason=doubt.reason, detail=joined(doubt.words, row.detail))
                if self._options.admission is Admission.ON:
                    return replace(row, status=doubt.reason.status)
            row = replace(row, detail=joined(reading.undone, row.detail))
        # decided on what is written, so that the row can be checked from the row
        probability = round(film.probability, PROBABILITY_DECIMALS)
        shares = ", ".join(f"{name} {share:.3f}" for name, share in film.classes)
        return replace(
            row,
            detail=joined(shares, row.detail),
            status=Status.SCORED,
            probability=probability,
            threshold=self._options.threshold,
            label=card.positive if probability >= self._options.threshold else card.negative,
            zone=card.zones.zone(probability),
        )


def _refused(row: Assessment, fault: ScanError) -> Assessment:
    return replace(
        row,
        status=fault.reason.status,
        reason=fault.reason,
        detail=fault.detail,
        format=fault.format,
        width=fault.size[0] if fault.size else None,
        height=fault.size[1] if fault.size else None,
    )


def joined(*parts: str) -> str:
    """Join what there is of the parts of a row's detail."""
    return "; ".join(part for part in parts if part)
