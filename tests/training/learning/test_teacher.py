from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import SIZE, TINY, draw_folder
from xrayscan.errors import DataError, UsageError
from xrayscan.labels.films import LabelledFolder
from xrayscan.labels.layouts import read_labelled
from xrayscan.scoring.card import SCORER, ModelCard, load_card
from xrayscan.scoring.engine import Engine
from xrayscan.training.films.data import decode_films
from xrayscan.training.films.parts import Parts
from xrayscan.training.fit import fit
from xrayscan.training.learning import teacher
from xrayscan.training.learning.batches import one_hot
from xrayscan.training.learning.recipe import Lesson
from xrayscan.training.learning.teacher import score_films, taught
from xrayscan.training.network.architectures import TABLE
from xrayscan.training.options import FitOptions, Recipe
from xrayscan.training.outcome.export import export_scorer, scoring_function

SMALLER = replace(TINY, name="smaller", input_size=48)
RECIPE = Recipe(epochs=1, batch_size=8, learning_rate=1e-2, augmentation="none", seed=3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("drawn"), 10)


@pytest.fixture(scope="module")
def fitted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A teacher of another input size than the pupil's."""
    out = tmp_path_factory.mktemp("fitted") / "teacher"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TABLE, SMALLER.name, SMALLER)
        patch.setitem(TABLE, TINY.name, TINY)
        yield fit(FitOptions(data, out, SMALLER.name, folds=2, workers=1, recipe=RECIPE))


@pytest.fixture(scope="module")
def folder(data: Path) -> LabelledFolder:
    return read_labelled(data)


@pytest.fixture(scope="module")
def scorer(make_tiny: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scorer") / SCORER
    export_scorer(scoring_function(make_tiny(), TINY.admission_layers), path)
    return path


def test_what_is_taught_is_what_the_teacher_says(fitted: Path, folder: LabelledFolder) -> None:
    """Of films at its own size, whatever the pupil's is."""
    pupils = decode_films(folder.films, SIZE, 1)
    card = load_card(fitted)
    said = taught(card, pupils, 2)
    assert said.shape == (20, 1)
    assert said.dtype == np.float32
    assert card.input_size == 48
    own = decode_films(folder.films, 48, 1).pixels.astype(np.float32)
    expected = Engine(fitted / SCORER, 48, 1).score(own).probability
    np.testing.assert_array_equal(said[:, 0], expected)
    assert np.ptp(said) > 0


def test_only_the_films_that_are_asked_about(fitted: Path, folder: LabelledFolder) -> None:
    few = decode_films(folder.films[3:9:2], SIZE, 1)
    card = load_card(fitted)
    every = taught(card, decode_films(folder.films, SIZE, 1), 1)
    np.testing.assert_array_equal(taught(card, few, 1), every[3:9:2])


def test_a_film_that_goes_before_the_teacher_sees_it(fitted: Path, tmp_path: Path) -> None:
    """It was an array that did not fit the others."""
    pupils = decode_films(read_labelled(draw_folder(tmp_path, 3)).films, SIZE, 1)
    gone = Path(pupils.films[2].location)
    gone.unlink()
    words = rf"{gone.name}: could be read a moment ago \(was listed, .*\); give the same command"
    with pytest.raises(DataError, match=words):
        taught(load_card(fitted), pupils, 1)


def test_no_such_teacher(tmp_path: Path, data: Path) -> None:
    """Said before any film is read."""
    options = FitOptions(data, tmp_path / "out", teacher=str(tmp_path / "nobody"), workers=1)
    with pytest.raises(UsageError, match="neither a model folder nor a bundled model"):
        fit(options)
    assert not any(tmp_path.iterdir())


# -- the targets ---------------------------------------------------------------------------------


def lesson(folder: LabelledFolder, classes: int, said: np.ndarray | None, share: float) -> Lesson:
    films = decode_films(folder.films, 16, 1)
    films = replace(films, labels=np.arange(len(films.films)) % classes)
    return Lesson(Parts(films, films), classes, replace(RECIPE, teacher_share=share), teacher=said)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_targets_are_a_mix(folder: LabelledFolder, classes: int, share: float) -> None:
    said = np.random.default_rng(1).dirichlet(np.ones(classes), 20).astype(np.float32)
    said = said[:, 1:] if classes == 2 else said
    learnt = lesson(folder, classes, said, share)
    targets = learnt.targets()
    labels = one_hot(learnt.parts.train, classes)
    assert targets.shape == labels.shape
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets, (1 - share) * labels + share * said, rtol=1e-6)
    if classes > 2:
        np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_targets_without_a_teacher(folder: LabelledFolder, classes: int) -> None:
    learnt = lesson(folder, classes, None, 0.5)
    np.testing.assert_array_equal(learnt.targets(), one_hot(learnt.parts.train, classes))


def test_a_pupil_of_a_teacher(
    fitted: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: the teacher is asked about the training films, and the card names it."""
    asked = []

    def listening(card: ModelCard, films: Any, *rest: Any) -> np.ndarray:
        asked.append((card.folder, len(films.films)))
        return taught(card, films, *rest)

    monkeypatch.setattr("xrayscan.training.fit.taught", listening)
    out = tmp_path / "pupil"
    fit(FitOptions(data, out, TINY.name, "none", teacher=str(fitted), folds=2, workers=1,
                   recipe=RECIPE))  # fmt: skip
    assert asked == [(fitted, 10)]
    assert load_card(out).facts["training"]["teacher"] == load_card(fitted).identity
    assert load_card(out).input_size == SIZE


# -- in pieces -----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_score_films_in_pieces(scorer: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (count, SIZE, SIZE), np.uint8)
    engine = Engine(scorer, SIZE, 2)
    whole = engine.score(pixels.astype(np.float32))
    monkeypatch.setattr(teacher, "_SCORE_BATCH", 4)
    pieces = score_films(engine, pixels)
    np.testing.assert_array_equal(pieces.probability, whole.probability)
    np.testing.assert_array_equal(pieces.embedding, whole.embedding)
    np.testing.assert_array_equal(pieces.admission, whole.admission)
    assert set(pieces.heat) == set(whole.heat)
    for name, heat in whole.heat.items():
        np.testing.assert_array_equal(pieces.heat[name], heat)
    assert pieces.classes is None


def test_score_films_of_three_classes_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xrayscan.training.network.classifier import build_classifier

    classifier = build_classifier(TINY, SIZE, classes=3)
    export_scorer(scoring_function(classifier, TINY.admission_layers), tmp_path / SCORER)
    pixels = np.random.default_rng(2).integers(0, 256, (7, SIZE, SIZE), np.uint8)
    engine = Engine(tmp_path / SCORER, SIZE, 2)
    whole = engine.score(pixels.astype(np.float32))
    monkeypatch.setattr(teacher, "_SCORE_BATCH", 3)
    pieces = score_films(engine, pixels)
    assert whole.classes is not None
    assert whole.classes.shape == (7, 3)
    assert pieces.classes is not None
    np.testing.assert_array_equal(pieces.classes, whole.classes)
