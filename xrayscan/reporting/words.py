"""What the report calls things: one table for its templates and its script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xrayscan.records import Reason, Status, Zone
from xrayscan.reporting.worklist import Section

_SECTIONS: Mapping[Section, tuple[str, str]] = {
    Section.WORKLIST: (
        "To read first",
        "Called positive, or in the review or positive zone; the most probable first.",
    ),
    Section.NOT_ASSESSED: (
        "Not assessed",
        "Readable, but nothing the model may judge: a person has to look at these.",
    ),
    Section.UNREADABLE: (
        "Unreadable",
        "Damaged, cut off, empty or of no known format. None of these was scored.",
    ),
    Section.VANISHED: (
        "Vanished",
        "Listed, but gone or still being written when their turn came.",
    ),
    Section.NEGATIVE: (
        "Negative",
        "Below the threshold and in the negative zone; the most probable first.",
    ),
}
_STATUSES: Mapping[Status, str] = {
    Status.SCORED: "scored",
    Status.ADMITTED: "admitted",
    Status.NOT_ASSESSED: "not assessed",
    Status.UNREADABLE: "unreadable",
    Status.VANISHED: "vanished",
}
_REASONS: Mapping[Reason, str] = {
    Reason.EMPTY: "empty file",
    Reason.TRUNCATED: "cut off",
    Reason.DAMAGED: "damaged",
    Reason.UNSUPPORTED: "format not supported",
    Reason.NOT_AN_IMAGE: "no picture",
    Reason.TOO_LARGE: "too large",
    Reason.PERMISSION: "no permission to read",
    Reason.IO_ERROR: "error while reading",
    Reason.DECODER: "decoder hung or crashed",
    Reason.BLANK: "blank",
    Reason.TOO_SMALL: "too small",
    Reason.ASPECT_RATIO: "too long or too narrow",
    Reason.OUTSIDE_TRAINING: "unlike the training films",
    Reason.NOT_FRONTAL_CHEST: "no frontal chest film",
    Reason.POSTURE: "turned or inverted, in doubt",
    Reason.GONE: "gone",
    Reason.GROWING: "still being written",
}
TESTED, WEAK, UNTESTED = "tested", "weak", "untested"
_MARKS = {
    TESTED: (
        "heat map: test passed",
        "heat test passed",
        "The film scores lower with its hottest fifth blurred than with as much of it blurred "
        "where the same heat would lie in other places.",
    ),
    WEAK: (
        "heat map: not reliable",
        "heat not reliable",
        "Blurring the hottest fifth of the film lowers its score no more than blurring other "
        "places does: where the heat lies says little.",
    ),
    UNTESTED: (
        "heat map: not tested",
        "heat not tested",
        "Whether the film's score depends on the hottest places more than on others was not "
        "tested.",
    ),
}
WORDS: Mapping[str, Any] = {
    "sections": [
        {"id": section.value, "title": title, "meaning": meaning}
        for section, (title, meaning) in _SECTIONS.items()
    ],
    "statuses": {status.value: words for status, words in _STATUSES.items()},
    "zones": {zone.value: zone.value for zone in Zone},
    "reasons": {reason.value: words for reason, words in _REASONS.items()},
    "marks": {
        mark: {"title": title, "short": short, "meaning": meaning}
        for mark, (title, short, meaning) in _MARKS.items()
    },
}
