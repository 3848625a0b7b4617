"""How scans become rows: read and admit, score in batches, decide."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from xrayscan.clock import now
from xrayscan.errors import ScanError
from xrayscan.intake.admission import Admission, Doubt, outside_training, unclear_posture
from xrayscan.reading.readers import Begun, Submit, readers
from xrayscan.reading.scans import Read, Reading, ReadOptions, read_scan, refused
from xrayscan.records import PROBABILITY_DECIMALS, Assessment, HeatMap, Reason, Scan, Status
from xrayscan.reporting.worklist import HeatTest, Picture
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.model import Scored, ScoringModel

# Batches read ahead of the one being scored: one keeps every core busy, more only cost memory.
READ_AHEAD = 1

Assessed = tuple[Assessment, Picture | None]


@dataclass(frozen=True, slots=True)
class AssessOptions:
    """How films are assessed.

    Attributes:
        read: how they are read.
        decision: how they are called; None does not score them: they are admitted or not.
        cam: heat map method for the pictures, "none" for none.
        admission: what to do with films outside the training population.
        batch_size: films that are read, scored and handed on together.
        heat_test: heat maps that are shown are tested on their films.
    """

    read: ReadOptions
    decision: Decision | None
    cam: str
    admission: Admission
    batch_size: int
    heat_test: bool = True


@dataclass(frozen=True, slots=True)
class _Upright:
    """A reading after admission has looked at how its film lies.

    Attributes:
        reading: turned back where that is certain.
        doubt: about how the film lies.
        undone: in words, what was undone of how it lay.
    """

    reading: Reading
    doubt: Doubt | None = None
    undone: str = ""


class Assessor:
    """Turns scans into rows, in order, reading ahead of what is scored.

    Attributes:
        cores: what films are read and scored on; each takes one meanwhile.
    """

    def __init__(
        self, model: ScoringModel | None, options: AssessOptions, read: Read = read_scan
    ) -> None:
        """Begin.

        Args:
            model: scores films, and tells those that it was not made for; None where films are
                neither scored nor to be told apart, and nothing but reading can fail.
            options: how.
            read: reads one scan.
        """
        self._model = model
        self._options = options
        self._read = read
        self.cores = model.cores if model else threading.Semaphore(options.read.workers)
        # halved where memory is short, for the rest of the run
        self._batch_size = options.batch_size

    def batches(self, scans: Sequence[Scan]) -> Iterator[list[Assessed]]:
        """Yield a row and, where the film could be read, its picture, for each scan, in order."""
        with readers(self._options.read, self.cores, self._read) as submit:
            yield from self.batches_read_by(submit, scans)

    def batches_read_by(self, submit: Submit, scans: Sequence[Scan]) -> Iterator[list[Assessed]]:
        """As ``batches``, with readers that are open already and outlast these scans.

        A batch is scored while the one before it is recorded and drawn, and the one behind is read.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="score") as scorer:
            scoring: Future[list[Assessed]] | None = None
            for batch in self._read_ahead(scans, submit):
                begun = scorer.submit(self._assessed, batch)
                if scoring:
                    yield scoring.result()
                scoring = begun
            if scoring:
                yield scoring.result()

    def _assessed(self, batch: list[Reading]) -> list[Assessed]:
        model = self._model
        return list(self._assess(batch, model) if model else map(_read_whole, batch))

    def _read_ahead(self, scans: Sequence[Scan], submit: Submit) -> Iterator[list[Reading]]:
        """Yield batches of readings in order while the next ones are being read."""
        remaining = iter(scans)
        queue: deque[list[tuple[Scan, Begun]]] = deque()
        while True:
            while len(queue) <= READ_AHEAD:
                batch = list(islice(remaining, self._batch_size))
                if not batch:
                    break
                queue.append([(scan, submit(scan)) for scan in batch])
            if not queue:
                return
            yield [self._result(scan, begun, submit) for scan, begun in queue.popleft()]

    def _result(self, scan: Scan, begun: Begun, submit: Submit) -> Reading:
        """A film that did not fit beside the others is tried once more, with fewer of them."""
        try:
            return begun.result()
        except MemoryError:
            self._halve()
        try:
            return submit(scan).result()
        except MemoryError:
            detail = "does not fit into memory; give fewer --workers"
            fault = ScanError(Reason.TOO_LARGE, detail)
            return Reading(refused(Assessment(scan, Status.UNREADABLE), fault))

    def _halve(self) -> None:
        self._batch_size = max(1, self._batch_size // 2)

    def _upright(self, reading: Reading, model: ScoringModel) -> _Upright:
        """Undo how a film lies where that is certain."""
        if reading.pixels is None or reading.view is None:
            return _Upright(reading)
        found = model.posture(reading.pixels)
        if found.is_certain:
            undone = found.posture.undone
            turned = replace(reading, pixels=undone(reading.pixels), view=undone(reading.view))
            return _Upright(turned, undone=f"was {found.posture}; undone")
        doubt = unclear_posture(str(found.posture)) if found.is_unclear else None
        return _Upright(reading, doubt)

    def _assess(self, batch: list[Reading], model: ScoringModel) -> Iterator[Assessed]:
        """Score what can be scored and decide; the order stays."""
        off = self._options.admission is Admission.OFF
        films = [_Upright(each) if off else self._upright(each, model) for each in batch]
        readable = [film.reading.pixels for film in films if film.reading.pixels is not None]
        scored = iter(self._score(readable, model))
        assessed_at = now()
        for film in films:
            row = replace(film.reading.row, assessed_at=assessed_at)
            if film.reading.pixels is None or film.reading.view is None:
                yield row, None
            else:
                scores = next(scored)
                row = self._admit(row, scores, film, model.card)
                if row.status is Status.ADMITTED and self._options.decision:
                    row = _called(row, scores, self._options.decision)
                heat_map = scores.heat_map if row.status is Status.SCORED else None
                yield row, self._picture(film.reading.view, heat_map)

    def _score(self, films: list[NDArray[np.float32]], model: ScoringModel) -> list[Scored]:
        """Score films together; where that does not fit into memory, in halves.

        Raises:
            MemoryError: a single film does not fit.
        """
        if not films:
            return []
        try:
            return list(model.score(np.stack(films), self._options.cam))
        except MemoryError:
            if len(films) == 1:
                raise
            self._halve()
        half = len(films) // 2
        return self._score(films[:half], model) + self._score(films[half:], model)

    def _picture(self, view: NDArray[np.uint8], heat_map: HeatMap | None) -> Picture:
        if heat_map is None:
            return Picture(view, None)
        test = HeatTest(heat_map, self._are_reliable) if self._options.heat_test else None
        return Picture(view, heat_map.heat, test)

    def _are_reliable(self, maps: Sequence[HeatMap]) -> list[bool | None]:
        """Test heat maps; None where there is no memory to: a night does not end for a mark."""
        assert self._model is not None
        found = self._model.are_reliable(maps, self._options.cam)
        if None in found:
            self._halve()
        return found

    def _admit(
        self, row: Assessment, film: Scored, upright: _Upright, card: ModelCard
    ) -> Assessment:
        """Tell whether a film is what the model may judge."""
        row = replace(row, embedding_distance=film.distance)
        if self._options.admission is not Admission.OFF:
            doubt = upright.doubt or outside_training(
                film.distance, card.distance_limit, upright.reading.contradictions
            )
            if doubt:
                row = replace(row, reason=doubt.reason, detail=joined(doubt.words, row.detail))
                if self._options.admission is Admission.ON:
                    return replace(row, status=doubt.reason.status)
            row = replace(row, detail=joined(upright.undone, row.detail))
        return replace(row, status=Status.ADMITTED)


def _called(row: Assessment, film: Scored, decision: Decision) -> Assessment:
    """The row of an admitted film with what the model says of it, label and zone."""
    shares = ", ".join(f"{name} {share:.3f}" for name, share in film.classes)
    scored = replace(
        row,
        detail=joined(shares, row.detail),
        status=Status.SCORED,
        # decided on what is written, so that the row can be checked from the row
        probability=round(film.probability, PROBABILITY_DECIMALS),
    )
    return decision.of(scored)


def _read_whole(reading: Reading) -> Assessed:
    """The row of a film that no model looks at: what could be read whole is admitted."""
    row = replace(reading.row, assessed_at=now())
    return (row if row.reason else replace(row, status=Status.ADMITTED)), None


def joined(*parts: str) -> str:
    """Join what there is of the parts of a row's detail."""
    return "; ".join(part for part in parts if part)
