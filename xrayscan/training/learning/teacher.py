"""Learning from another model's probabilities beside the labels (Hinton et al. 2015)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError
from xrayscan.scoring.card import SCORER, ModelCard
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.training.films.data import DecodedFilms, decode_films

_SCORE_BATCH = 256


def taught(teacher: ModelCard, films: DecodedFilms, workers: int) -> NDArray[np.float32]:
    """Ask a teacher about the training films.

    Args:
        teacher: the card of a model that tells the films' classes apart.
        films: N training films; decoded again at the teacher's own size.
        workers: threads.

    Returns:
        (N, 1) float32, P(positive), with two classes; else (N, K), P(class).

    Raises:
        DataError: a film that could be read before cannot be any more.
        ModelError: its scorer cannot be loaded.
    """
    decoded = decode_films(films.films, teacher.input_size, workers)
    if decoded.unreadable:
        location, words = decoded.unreadable[0]
        raise DataError(
            f"{location}: could be read a moment ago ({words}); give the same command again"
        )
    engine = Engine(teacher.folder / SCORER, teacher.input_size, workers)
    scores = score_films(engine, decoded.pixels)
    return scores.probability[:, None] if scores.classes is None else scores.classes


def score_films(engine: Engine, pixels: NDArray[np.uint8]) -> Scores:
    """Score (N, S, S) uint8 films in pieces: all of them as float32 would be four times as much."""
    starts = range(0, len(pixels), _SCORE_BATCH)
    pieces = [engine.score(pixels[at : at + _SCORE_BATCH].astype(np.float32)) for at in starts]
    classes = [piece.classes for piece in pieces if piece.classes is not None]
    return Scores(
        np.concatenate([piece.probability for piece in pieces]),
        np.concatenate([piece.embedding for piece in pieces]),
        np.concatenate([piece.admission for piece in pieces]),
        {name: np.concatenate([piece.heat[name] for piece in pieces]) for name in pieces[0].heat},
        np.concatenate(classes) if classes else None,
    )
