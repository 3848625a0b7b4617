"""How ``calibrate`` may correct probabilities."""

from __future__ import annotations

from enum import StrEnum


class Correction(StrEnum):
    """What ``--recalibration`` takes."""

    AUTO = "auto"
    NONE = "none"
    TEMPERATURE = "temperature"
    ISOTONIC = "isotonic"
