"""Which films a model has learnt from: so that nobody validates on them by starting from it.

A model folder keeps the beginnings of the files' sha256. A patient's films never part in a split:
films tell as much as patients would, and say nothing of anybody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from xrayscan.scoring import seen as model_seen
from xrayscan.scoring.seen import FILE as FILE
from xrayscan.scoring.seen import Keys as Keys
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.films.parts import MIN_VALIDATION, Parts

log = logging.getLogger(__name__)


def keys_of(films: DecodedFilms) -> Keys:
    """The films' keys, in their order."""
    return model_seen.keys_of(films.sha256)


def seen_by(folders: Iterable[Path]) -> Keys:
    """What models have learnt from, together; a model that does not say is named in the log."""
    found = [np.zeros(0, np.uint64)]
    for folder in folders:
        keys = model_seen.films_seen(folder)
        if keys is None:
            log.warning("%s does not say which films it was trained on: validate on others", folder)
        else:
            found.append(keys)
    return np.unique(np.concatenate(found))


def set_apart(parts: Parts, seen: Keys) -> Parts:
    """Leave out of validation what was learnt from before, where enough films remain.

    Args:
        parts: a split of this training's own.
        seen: what the models have learnt from that this training builds on.

    Returns:
        The parts; ``seen_before`` of them counts the validation films that had to stay.
    """
    known = np.isin(keys_of(parts.validation), seen)
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
