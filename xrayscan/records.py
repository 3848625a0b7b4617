"""The small frozen records that flow from stage to stage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from xrayscan.wording import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROBABILITY_DECIMALS = 6  # beyond them lies float32's own noise
PROBABILITY_BINS = 20
DISTANCE_BIN = 0.05  # validation patients' films lie between about .3 and 1
DISTANCE_BINS = 41  # the last one from 2 on
DISCLAIMER = "Research software. Not a medical device; not for diagnosis."


class Status(StrEnum):
    """How a found file ends. Every file ends as exactly one of these."""

    SCORED = "scored"
    ADMITTED = "admitted"  # of check: predict with the same options would score it
    NOT_ASSESSED = "not_assessed"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"


class Command(StrEnum):
    """Which command a run is of that makes a row of every file."""

    PREDICT = "predict"
    CHECK = "check"


class Ending(StrEnum):
    """Why a run ended."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FOLDER_LOST = "folder_lost"
    WORKERS_LOST = "workers_lost"
    TOO_MANY_FAILURES = "too_many_failures"


class Zone(StrEnum):
    """Where a probability lies between the card's two zone limits."""

    NEGATIVE = "negative"
    REVIEW = "review"
    POSITIVE = "positive"


class Reason(StrEnum):
    """Why a file has no probability. The values are part of the CSV contract."""

    # unreadable
    EMPTY = "empty"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    UNSUPPORTED = "unsupported"
    NOT_AN_IMAGE = "not_an_image"
    TOO_LARGE = "too_large"
    PERMISSION = "permission"
    IO_ERROR = "io_error"
    DECODER = "decoder"
    # not assessed
    BLANK = "blank"
    TOO_SMALL = "too_small"
    ASPECT_RATIO = "aspect_ratio"
    OUTSIDE_TRAINING = "outside_training"
    NOT_FRONTAL_CHEST = "not_frontal_chest"
    POSTURE = "posture"
    # vanished
    GONE = "gone"
    GROWING = "growing"

    @property
    def status(self) -> Status:
        """The status of a file that was stopped for this reason."""
        return _STATUS_OF.get(self, Status.UNREADABLE)

    @property
    def passes(self) -> bool:
        """Whether the same file may be read another time: the fault need not be the file's."""
        return self in _PASSING


_STATUS_OF: Mapping[Reason, Status] = {
    Reason.BLANK: Status.NOT_ASSESSED,
    Reason.TOO_SMALL: Status.NOT_ASSESSED,
    Reason.ASPECT_RATIO: Status.NOT_ASSESSED,
    Reason.OUTSIDE_TRAINING: Status.NOT_ASSESSED,
    Reason.NOT_FRONTAL_CHEST: Status.NOT_ASSESSED,
    Reason.POSTURE: Status.NOT_ASSESSED,
    Reason.GONE: Status.VANISHED,
    Reason.GROWING: Status.VANISHED,
}

# what is too large is so for a run's --max-pixels and memory, and is refused undecoded
_PASSING = frozenset(
    {
        Reason.TOO_LARGE,
        Reason.PERMISSION,
        Reason.IO_ERROR,
        Reason.DECODER,
        Reason.GONE,
        Reason.GROWING,
    }
)


@dataclass(frozen=True, slots=True)
class Scan:
    """A file that discovery found and that will end as one row.

    Attributes:
        name: the path as the outputs show it; may hold surrogates where it is not valid UTF-8.
        location: the path to open.
        size_bytes: size when it was listed.
        modified_ns: modification time when it was listed, nanoseconds since the epoch.
    """

    name: str
    location: str
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, name: str, location: str, stat: os.stat_result) -> Scan:
        return cls(name, location, stat.st_size, stat.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a film's header says that groups of patients can be told apart by; none names anybody.

    Attributes:
        age: years when the film was taken, 90 for all above 89; None where it is not said.
        sex: "F", "M", "O" or "".
        view: as the header calls it, e.g. "PA" or "AP"; "" where it does not.
    """

    age: float | None = None
    sex: str = ""
    view: str = ""


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A decoded, whole and upright-as-stored picture on a grey scale where 0 is black.

    Attributes:
        pixels: (H, W) uint8 or uint16, 0 (black) to ``peak`` (white); never inverted.
        peak: the value that means white: 255, or 2**bits - 1, or 65535.
        format: as told by content, e.g. "JPEG" or "DICOM (JPEG 2000)".
        notes: facts about the reading worth a person's eye, e.g. "first of 12 frames".
        contradictions: what the header says that does not go with a frontal chest film, e.g. "its
            header says CT".
        facts: about the patient and the view.
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    peak: int
    format: str
    notes: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    facts: Facts = Facts()  # frozen

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A heat map, and what it is a map of.

    Attributes:
        film: (S, S) float32, 0..255, as it was scored.
        heat: (h, w) float32, 0..1.
        log_odds: that the film was given of what the map explains, before a site's correction.
    """

    film: NDArray[np.float32]
    heat: NDArray[np.float32]
    log_odds: float


@dataclass(frozen=True, slots=True, repr=False)
class Identifiers:
    """Who a DICOM film is of, as its header says; read only where the user asks for it."""

    patient_name: str = ""
    patient_id: str = ""
    birth_date: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """One row: what became of one scan. Fields without a value are None or "".

    Attributes:
        gone_since: when a run first missed the file that an earlier one had found, UTC, ISO 8601.
    """

    scan: Scan
    status: Status
    reason: Reason | None = None
    detail: str = ""
    format: str = ""
    width: int | None = None
    height: int | None = None
    sha256: str = ""
    probability: float | None = None
    threshold: float | None = None
    label: str = ""
    zone: Zone | None = None
    embedding_distance: float | None = None
    assessed_at: str = ""
    gone_since: str = ""
    identifiers: Identifiers = field(default=Identifiers(), repr=False)
    facts: Facts = field(default=Facts())


@dataclass(slots=True)
class Tally:
    """Running counts of a run; the one record that is written to while it flows.

    Attributes:
        probabilities: films by probability, in ``PROBABILITY_BINS`` bins from 0 to 1.
        distances: films by embedding distance, in bins of ``DISTANCE_BIN``, the last one open.
    """

    found: int = 0
    by_status: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    positive: int = 0
    review: int = 0
    to_read: int = 0
    probabilities: list[int] = field(default_factory=lambda: [0] * PROBABILITY_BINS)
    distances: list[int] = field(default_factory=lambda: [0] * DISTANCE_BINS)

    def add(self, assessment: Assessment, positive_label: str) -> None:
        is_positive = assessment.label == positive_label
        self.by_status[assessment.status] += 1
        self.positive += is_positive
        self.review += assessment.zone is Zone.REVIEW
        self.to_read += is_positive or assessment.zone in (Zone.REVIEW, Zone.POSITIVE)
        if assessment.probability is not None:
            self.probabilities[probability_bin(assessment.probability)] += 1
        if assessment.embedding_distance is not None:
            self.distances[distance_bin(assessment.embedding_distance)] += 1

    @property
    def accounted(self) -> int:
        """Files that have ended as a row."""
        return sum(self.by_status.values())


def probability_bin(probability: float) -> int:
    """Which of ``PROBABILITY_BINS`` a probability falls into; 1 itself lies in the last one."""
    return min(int(probability * PROBABILITY_BINS), PROBABILITY_BINS - 1)


def distance_bin(distance: float) -> int:
    """Which of ``DISTANCE_BINS`` a distance falls into."""
    return min(int(distance / DISTANCE_BIN), DISTANCE_BINS - 1)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended. ``found`` equals the sum of the statuses plus ``not_reached``.

    Attributes:
        admitted: films that a check found nothing against; None for a run that scores.
        not_reached: files that a stopped run did not come to; 0 for a run that went through.
        other_files: files left out as no scans at all (text, spreadsheets, hidden files, ...).
        ending: why the run ended.
        seconds: wall time.
        taken_over: files among ``found`` whose rows an earlier run has made.
        gone: rows of earlier runs whose files are there no more; not among ``found``.
        to_read: new films that are positive or in a zone to be read.
        workload: how much there is to read and what it may miss, in words.
        drift: how tonight's films differ from those before and in training, one sentence each.
    """

    found: int
    scored: int
    not_assessed: int
    unreadable: int
    vanished: int
    positive: int
    review: int
    not_reached: int
    other_files: int
    ending: Ending
    seconds: float
    taken_over: int = 0
    gone: int = 0
    to_read: int = 0
    workload: str = ""
    drift: tuple[str, ...] = ()
    admitted: int | None = None

    def line(self) -> str:
        """The one line a run ends with."""
        end = f" + not reached {self.not_reached}" if self.not_reached else ""
        taken = f", {self.taken_over} taken over unchanged" if self.taken_over else ""
        gone = f", {self.gone} of earlier runs gone" if self.gone else ""
        if self.admitted is None:
            passed, positive = f"scored {self.scored}", f", {self.positive} positive"
        else:
            passed, positive = f"admitted {self.admitted}", ""
        return (
            f"found {self.found} = {passed} + not assessed {self.not_assessed}"
            f" + unreadable {self.unreadable} + vanished {self.vanished}{end}"
            f"{positive}{taken}{gone}{left_out(self.other_files)}"
        )


def left_out(other_files: int) -> str:
    """How a line goes on about files that are no scans; "" without any."""
    if not other_files:
        return ""
    return f", {counted(other_files, 'other file')} left out"
