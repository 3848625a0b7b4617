"""From a probability to label and zone: what the user chooses, and may choose anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xrayscan.records import Assessment
from xrayscan.scoring.thresholds import ZoneLimits


@dataclass(frozen=True, slots=True)
class Decision:
    """How films are called.

    Attributes:
        threshold: a film is positive from this probability on, 0..1.
        zones: the limits of the review zone.
        positive, negative: the labels.
    """

    threshold: float
    zones: ZoneLimits
    positive: str
    negative: str

    def of(self, row: Assessment) -> Assessment:
        """Decide a row by its probability, as it is written; rows without one stay as they are."""
        if row.probability is None:
            return row
        label = self.positive if row.probability >= self.threshold else self.negative
        zone = self.zones.zone(row.probability)
        if (row.threshold, row.label, row.zone) == (self.threshold, label, zone):
            return row  # as of nearly all rows of earlier nights, and much faster than a copy
        return replace(row, threshold=self.threshold, label=label, zone=zone)
