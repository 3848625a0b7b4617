"""What is trained on and what is chosen on, with nothing on both sides."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from xrayscan.errors import DataError
from xrayscan.evaluation.subgroups import too_small
from xrayscan.labels.contradictions import contradictions
from xrayscan.labels.films import LabelledFolder
from xrayscan.training.films.data import DecodedFilms, decode_films
from xrayscan.training.films.leaks import LeakedFilm, find_leaks, find_plain_leaks
from xrayscan.training.films.splits import Films, drawn, split_by_patient
from xrayscan.training.options import FitOptions

log = logging.getLogger(__name__)

# Fewer validation films than this decide nothing (Kaggle's official ``val`` has 16).
MIN_VALIDATION = 100


@dataclass(frozen=True, slots=True)
class Parts:
    """Training and validation films.

    Attributes:
        train: films to learn from.
        validation: films of other patients, to choose epoch, calibration and thresholds on.
        leaks: training films that were also found on the other side.
        seen_before: validation films that a model learnt from which this training builds on.
    """

    train: DecodedFilms
    validation: DecodedFilms
    leaks: tuple[LeakedFilm, ...] = ()
    seen_before: int = 0

    @property
    def validation_too_small(self) -> str:
        """Why the validation films cannot say how good a model is, a sentence; "" if they can."""
        pairs = {(film.label, film.patient) for film in self.validation.films}
        return too_small(min(Counter(label for label, _ in pairs).values()), "patient")


def make_parts(folder: LabelledFolder, size: int, options: FitOptions) -> Parts:
    """Split, decode and check.

    Training films that are also in the validation or the test part, or in a given ``val`` that is
    too small to validate on, as the same patient, the same file or the same picture, are reported
    and, unless ``options.keep_leaks``, left out. With ``options.limit``, at most about that many
    films are drawn to train on, and at most about as many, but ``MIN_VALIDATION`` at least, for
    validation and for test each, before any is decoded; training films are held against the others
    of ``val`` and ``test`` by bytes and patient alone.

    Args:
        folder: the labelled films.
        size: side of the network's square, pixels.
        options: of ``fit``.

    Raises:
        DataError: a part lacks a class, or a class has too few patients to split.
    """
    training, validation = _split(folder, options)
    given, test = folder.of_split("val"), folder.of_split("test")
    # measured on elsewhere or not at all; here only to keep them out of training
    apart = () if validation == given else given
    kept_apart = (*given, *test)
    training, validation, test = _limited(training, validation, test, options)
    looked_at = {*validation, *apart, *test}
    undrawn = tuple(film for film in kept_apart if film not in looked_at)
    log.info("%d films to train on, %d for validation", len(training), len(validation))
    _tell_unnamed((*training, *validation, *apart, *test))
    learnt = _decoded(training, size, options.workers)
    chosen = _decoded(validation, size, options.workers)
    said = contradictions(
        (sha256, label, film.location)
        for sha256, label, film in (*learnt.by_content, *chosen.by_content)
    )
    if said:
        log.warning("%s", said)
    leaks = find_leaks(learnt, chosen)
    for others in filter(None, (apart, test)):
        leaks += find_leaks(learnt, _decoded(others, size, options.workers))
    leaks += find_plain_leaks(learnt, undrawn, options.workers)
    for leak in leaks:
        log.warning("%s", leak)
    if leaks and not options.keep_leaks:
        dropped = {leak.training for leak in leaks}
        log.warning("%d training films left out as leaks", len(dropped))
        learnt = learnt.without(dropped)
    parts = Parts(learnt, chosen, leaks)
    _check_classes(parts, folder, options)
    return parts


def _split(folder: LabelledFolder, options: FitOptions) -> tuple[Films, Films]:
    """The given validation part where it can decide anything, else one taken by patient."""
    given = folder.of_split("val")
    training = _counting(folder.of_split("train", ""))
    if not training:
        raise DataError(f"{options.data}: no films to train on; put them into train, with a weight")
    if len(given) >= MIN_VALIDATION:
        return training, given
    if given:
        log.warning("val has only %d films: validating on patients of train", len(given))
    else:
        log.info("no val: validating on one in %d of the patients of train", options.folds)
    try:
        return split_by_patient(training, options.folds, options.recipe.seed, folder.classes)
    except DataError as fault:
        raise DataError(f"{options.data}: {fault}") from None


def _counting(films: Films) -> Films:
    """The films of a weight: those of weight 0 teach nothing, and need not be decoded."""
    kept = tuple(film for film in films if film.weight > 0)
    if len(kept) < len(films):
        log.info("%d films of weight 0 left out of training", len(films) - len(kept))
    return kept


def _limited(
    training: Films, validation: Films, test: Films, options: FitOptions
) -> tuple[Films, Films, Films]:
    """Draw the films of a quick trial; validation and test keep enough to decide anything."""
    if not options.limit:
        return training, validation, test
    seed, bound = options.recipe.seed, max(options.limit, MIN_VALIDATION)
    fewer = (
        drawn(training, options.limit, seed),
        drawn(validation, bound, seed),
        drawn(test, bound, seed),
    )
    log.info(
        "a trial on %d of %d films to train on, %d of %d for validation and %d of %d of test",
        *(
            len(films)
            for pair in zip(fewer, (training, validation, test), strict=True)
            for films in pair
        ),
    )
    return fewer


def _tell_unnamed(films: Films) -> None:
    unnamed = sum(not film.names_patient for film in films)
    if unnamed:
        log.warning(
            "%d films name no patient: each is taken for a patient of its own; give a CSV with a "
            "patient column",
            unnamed,
        )


def _decoded(films: Films, size: int, workers: int) -> DecodedFilms:
    decoded = decode_films(films, size, workers)
    for location, words in decoded.unreadable:
        log.warning("left out: %s: %s", location, words)
    return decoded


def _check_classes(parts: Parts, folder: LabelledFolder, options: FitOptions) -> None:
    for name, films in (("training", parts.train), ("validation", parts.validation)):
        for label, label_name in enumerate(folder.classes):
            if label not in films.labels:
                raise DataError(
                    f"{options.data}: no readable film of class {label_name} is left for {name}; "
                    "add films of that class"
                )
