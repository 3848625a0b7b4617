"""Labelled films through the whole intake and the scorer, as ``predict`` takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xrayscan.assessing import AssessOptions, Assessor
from xrayscan.errors import DataError, StoppedError
from xrayscan.evaluation.films import LabelledScan, copies_joined
from xrayscan.evaluation.sample import Sample
from xrayscan.intake.admission import Admission
from xrayscan.intake.options import BATCH_SIZE, TIME_LIMIT_S
from xrayscan.reading.scans import ReadOptions
from xrayscan.records import Assessment, HeatMap, Reason, Scan, Status
from xrayscan.reporting.table import fact_cells
from xrayscan.scoring.card import CAMS, GRADCAM, ModelCard
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.looks import NO_LOOK, Looks, look_of, stacked
from xrayscan.scoring.model import NO_CAM, ScoringModel


class Hooks(Protocol):
    """How the outside world listens in and interrupts, as of ``predict``."""

    @property
    def stop(self) -> Callable[[], bool]:
        """Asked between batches; True ends the work."""

    @property
    def assessed(self) -> Callable[[Sequence[Assessment]], None]:
        """Told the rows of each batch."""


OpenHooks = Callable[[int], AbstractContextManager[Hooks]]


@dataclass(frozen=True, slots=True)
class Judged:
    """Labelled films with what became of them, in the same order.

    Attributes:
        films: as labelled.
        rows: as ``predict`` would write them.
        names: of the negative and the positive side.
        looks: (N, LOOK_BYTES) what they look like; ``NO_LOOK`` of what could not be read.
    """

    films: tuple[LabelledScan, ...]
    rows: tuple[Assessment, ...]
    names: tuple[str, str]
    looks: Looks

    @property
    def scored(self) -> NDArray[np.bool_]:
        """(N,) True for films with a probability."""
        return np.array([row.status is Status.SCORED for row in self.rows], np.bool_)

    @property
    def positives(self) -> NDArray[np.bool_]:
        """(N,) True for films of the positive class."""
        return np.array([film.positive for film in self.films], np.bool_)

    @property
    def patients(self) -> tuple[str, ...]:
        return tuple(film.patient for film in self.films)

    @property
    def unnamed_patients(self) -> int:
        """How many films name no patient, each taken for a patient of its own."""
        return sum(not film.names_patient for film in self.films)

    @property
    def sample(self) -> Sample:
        """The films with a probability."""
        return self.all_with(0.0).chosen(self.scored)

    def all_with(self, probability: float) -> Sample:
        """All films, those without a probability given this one."""
        values = [probability if row.probability is None else row.probability for row in self.rows]
        return Sample(np.array(values, np.float64), self.positives, self.patients, self.names)

    def chosen(self, kept: NDArray[np.bool_]) -> Judged:
        """Those films of (N,) that are True."""
        places = np.flatnonzero(kept)
        films = tuple(self.films[at] for at in places)
        rows = tuple(self.rows[at] for at in places)
        return Judged(films, rows, self.names, self.looks[places])

    def places(self) -> NDArray[np.int64]:
        """(n,) where the films of ``sample`` are among all."""
        return np.flatnonzero(self.scored)


def judge(
    model: ScoringModel, films: Sequence[LabelledScan], options: AssessOptions, hooks: OpenHooks
) -> Judged:
    """Take films through intake, admission and scoring, without pictures.

    Raises:
        DataError: none of the films is there.
        StoppedError: asked to stop; nothing is measured on half of the films.
    """
    assessor = Assessor(model, replace(options, cam=NO_CAM))
    rows: list[Assessment] = []
    looks: list[Looks] = []
    with hooks(len(films)) as listening:
        for batch in assessor.batches([film.scan for film in films]):
            rows += [row for row, _ in batch]
            looks += [look_of(picture.film) if picture else NO_LOOK for _, picture in batch]
            listening.assessed([row for row, _ in batch])
            if listening.stop():
                raise StoppedError(
                    f"stopped after {len(rows)} of {len(films)} films; nothing was measured"
                )
    if films and all(row.reason is Reason.GONE for row in rows):
        raise DataError(
            f"{films[0].scan.location}: is not there, and no other film is; name the folder that "
            "their paths start from by --films"
        )
    told = [_with_header(film, row) for film, row in zip(films, rows, strict=True)]
    names = (model.card.negative, model.card.positive)
    contents = [row.sha256 if row.status is not Status.UNREADABLE else "" for row in rows]
    return Judged(copies_joined(told, contents), tuple(rows), names, stacked(looks))


@dataclass(frozen=True, slots=True)
class Explained:
    """A film with all its heat maps.

    Attributes:
        view: (H, W) uint8.
        pixels: (S, S) float32, 0..255, as it was scored.
        heat: (h, w) float32, 0..1, by CAM method.
        marks: what a test of the map found, in words, by CAM method; empty where none was made.
    """

    view: NDArray[np.uint8]
    pixels: NDArray[np.float32]
    heat: dict[str, NDArray[np.float32]]
    marks: dict[str, str] = field(default_factory=dict)


def explain(
    model: ScoringModel, scans: Sequence[Scan], options: AssessOptions
) -> dict[str, Explained]:
    """Score a few films again with every heat map, by location; one that is gone is left out."""
    found: dict[str, Explained] = {}
    for cam in (cam for cam in CAMS if cam in model.card.heat_scale):
        for scan, view, heat_map in _pictures(model, scans, replace(options, cam=cam)):
            film = found.setdefault(scan.location, Explained(view, heat_map.film, {}))
            film.heat[cam] = heat_map.heat
    return found


def as_scored(
    model: ScoringModel, scans: Sequence[Scan], options: AssessOptions
) -> dict[str, NDArray[np.float32]]:
    """The pixels of a few films as the network gets them, by location.

    Returns:
        (S, S) 0..255; films that have no probability, or are gone by now, are left out.
    """
    seen = _pictures(model, scans, replace(options, cam=GRADCAM))
    return {scan.location: heat_map.film for scan, _, heat_map in seen}


def _pictures(
    model: ScoringModel, scans: Sequence[Scan], options: AssessOptions
) -> Iterator[tuple[Scan, NDArray[np.uint8], HeatMap]]:
    for batch in Assessor(model, options).batches(scans):
        for row, picture in batch:
            if picture is not None and picture.test is not None:
                yield row.scan, picture.film, picture.test.heat_map


def assess_options(
    threshold: float, card: ModelCard, workers: int, admission: Admission
) -> AssessOptions:
    """How films are assessed to be measured: as ``predict`` does by default."""
    read = ReadOptions(card.input_size, workers, TIME_LIMIT_S)
    decision = Decision(threshold, card.zones, card.positive, card.negative)
    return AssessOptions(read, decision, NO_CAM, admission, BATCH_SIZE)


def _with_header(film: LabelledScan, row: Assessment) -> LabelledScan:
    """A film with what its DICOM header says of it, where the labels do not."""
    header = {name: text for name, text in fact_cells(row.facts).items() if text}
    return replace(film, attributes={**header, **film.attributes})
