"""Which films a model has learnt from: so that nobody validates on them by starting from it.

A patient's films never part in a split of one list: films tell as much as patients would there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from xrayscan.scoring.looks import looks_of
from xrayscan.scoring.seen import Seen
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.films.parts import MIN_VALIDATION, Parts

log = logging.getLogger(__name__)


def known_by(films: DecodedFilms) -> Seen:
    """What the films are known by."""
    return Seen.of(films.sha256, looks_of(films.pixels))


def seen_by(folders: Iterable[Path]) -> Seen:
    """What models have learnt from, together; a model that does not say is named in the log."""
    found = Seen()
    for folder in folders:
        kept = Seen.kept_in(folder)
        if kept is None:
            log.warning("%s does not say which films it was trained on: validate on others", folder)
        else:
            found = found.and_of(kept)
    return found


def set_apart(parts: Parts, seen: Seen) -> Parts:
    """Leave out of validation what was learnt from before, where enough films remain.

    Args:
        parts: a split of this training's own.
        seen: what the models have learnt from that this training builds on.

    Returns:
        The parts; ``seen_before`` of them counts the validation films that had to stay.
    """
    known = seen.knows(parts.validation.sha256, looks_of(parts.validation.pixels))
    if not known.any():
        return parts
    fresh = parts.validation.labels[~known]
    enough = len(fresh) >= MIN_VALIDATION and set(fresh) == set(parts.validation.labels)
    count = int(known.sum())
    if not enough:
        log.warning(
            "%d of %d validation films were learnt from before: figures will be too good",
            count,
            len(known),
        )
        return replace(parts, seen_before=count)
    log.warning("%d validation films left out: learnt from before", count)
    films = {film for film, old in zip(parts.validation.films, known, strict=True) if old}
    return replace(parts, validation=parts.validation.without(films))
