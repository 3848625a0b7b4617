from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.special import expit, logit

from tests.training.conftest import SIZE, TINY, draw_folder
from tests.training.spread import spread_logits
from xrayscan.errors import UsageError
from xrayscan.evaluation.calibration import Calibration
from xrayscan.scoring.card import CAMS, CARD, KERAS, SCORER, ModelCard, load_card
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.scoring.model import ScoringModel
from xrayscan.training.fit import fit
from xrayscan.training.learning.devices import machine
from xrayscan.training.network.architectures import TABLE
from xrayscan.training.network.classifier import CALIBRATION, LOGIT, PROBABILITY, build_classifier
from xrayscan.training.network.classifier import calibrated as with_calibration
from xrayscan.training.network.ensemble import (
    NAME,
    build_ensemble,
    ensemble_function,
    members,
    read_members,
)
from xrayscan.training.network.start import find_start
from xrayscan.training.options import FitOptions, Recipe
from xrayscan.training.outcome.export import export_scorer, scoring_function

SMALLER = replace(TINY, name="smaller", input_size=48)  # a coarser grid of heat, too
RECIPE = Recipe(epochs=1, batch_size=8, learning_rate=1e-2, augmentation="none", seed=3)
CALIBRATIONS = (Calibration(0.6, 0.4), Calibration(1.7, -0.9), Calibration(0.9, 0.2))


@pytest.fixture(scope="module", autouse=True)
def _in_table() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TABLE, TINY.name, TINY)
        patch.setitem(TABLE, SMALLER.name, SMALLER)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("drawn"), 12)


@pytest.fixture(scope="module")
def template(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder by ``fit``."""
    out = tmp_path_factory.mktemp("fitted") / "first"
    return fit(FitOptions(data, out, TINY.name, "none", folds=3, workers=1, recipe=RECIPE))


@pytest.fixture(scope="module")
def second(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another one, of a smaller input."""
    out = tmp_path_factory.mktemp("fitted") / "second"
    return fit(FitOptions(data, out, SMALLER.name, "none", folds=3, workers=1, recipe=RECIPE))


def member(template: Path, folder: Path, number: int, size: int = SIZE) -> ModelCard:
    """A member whose logits spread, with a calibration of its own, and its scorer."""
    import keras

    keras.utils.set_random_seed(40 + number)
    chosen = TINY if size == SIZE else replace(SMALLER, input_size=size)
    classifier = build_classifier(chosen, size)
    spread_logits(classifier, number)
    final = with_calibration(classifier, CALIBRATIONS[number])
    folder.mkdir()
    final.save(folder / KERAS)
    export_scorer(scoring_function(final, chosen.admission_layers), folder / SCORER)
    card = load_card(template)
    return replace(card, folder=folder, input_size=size, architecture=chosen.name)


def logit_of(scores: Scores) -> np.ndarray:
    return np.asarray(logit(scores.probability.astype(np.float64)))


def resized(films: np.ndarray, size: int) -> np.ndarray:
    """By interpolation between neighbours, as the ensemble does within itself."""
    return np.stack([cv2.resize(film, (size, size)) for film in films])


def exported(
    cards: Sequence[ModelCard], folder: Path, calibration: Calibration, *, mirrored: bool = False
) -> tuple[Any, Any]:
    """The calibrated Keras model of an ensemble, and its scorer."""
    final = with_calibration(build_ensemble(cards, mirrored=mirrored), calibration)
    function = ensemble_function(final, cards, mirrored=mirrored)
    assert function.size == max(card.input_size for card in cards)
    export_scorer(function, folder / SCORER)
    return final, Engine(folder / SCORER, function.size, 2)


@pytest.mark.parametrize("sizes", [(SIZE, SIZE), (SIZE, SIZE, SIZE), (SIZE, 48), (32, SIZE, 48)])
def test_probability_and_heat(
    tmp_path: Path, template: Path, films: np.ndarray, sizes: tuple[int, ...]
) -> None:
    """Against the members' own scorers: the mean of calibrated logits, and of scaled maps."""
    cards = [
        member(template, tmp_path / f"m{number}", number, size) for number, size in enumerate(sizes)
    ]
    (tmp_path / "out").mkdir()
    final, engine = exported(cards, tmp_path / "out", Calibration(1.3, -0.2))
    scores = engine.score(films)
    own = [
        Engine(card.folder / SCORER, card.input_size, 1).score(resized(films, card.input_size))
        for card in cards
    ]
    mean = np.mean([logit_of(each) for each in own], axis=0)
    assert np.ptp(mean) > 0.1
    np.testing.assert_allclose(scores.probability, expit(mean / 1.3 - 0.2), atol=2e-4)
    # the Keras model says the same
    expected = final.predict_on_batch(films[..., None])[:, 0]
    np.testing.assert_allclose(scores.probability, expected, atol=1e-5)
    assert scores.classes is None
    np.testing.assert_allclose(
        scores.embedding, np.hstack([each.embedding for each in own]), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(
        scores.admission, np.hstack([each.admission for each in own]), rtol=1e-3, atol=1e-4
    )
    if len(set(sizes)) > 1:
        return
    for cam in CAMS:
        maps = [
            each.heat[cam] / calibration.temperature
            for each, calibration in zip(own, CALIBRATIONS, strict=False)
        ]
        assert all(heat.max() > 0 for heat in maps)
        np.testing.assert_allclose(scores.heat[cam], np.mean(maps, axis=0), rtol=1e-3, atol=1e-5)


def test_heat_of_different_grids(tmp_path: Path, template: Path, films: np.ndarray) -> None:
    """On the finest grid; of a coarse map no heat is won or lost, but at its borders."""
    cards = [member(template, tmp_path / "a", 0), member(template, tmp_path / "b", 1, 32)]
    (tmp_path / "out").mkdir()
    _, engine = exported(cards, tmp_path / "out", Calibration())
    heat = engine.score(films).heat["gradcam"]
    own = [
        Engine(card.folder / SCORER, card.input_size, 1).score(resized(films, card.input_size))
        for card in cards
    ]
    fine, coarse = (
        each.heat["gradcam"] / calibration.temperature
        for each, calibration in zip(own, CALIBRATIONS, strict=False)
    )
    assert fine.shape[1:] == heat.shape[1:] == (8, 8)
    assert coarse.shape[1:] == (4, 4)
    expected = [
        (one + cv2.resize(other, (8, 8)) / 4) / 2 for one, other in zip(fine, coarse, strict=True)
    ]
    np.testing.assert_allclose(heat, expected, rtol=1e-3, atol=1e-5)
    total = (fine.sum(axis=(1, 2)) + coarse.sum(axis=(1, 2))) / 2
    np.testing.assert_allclose(heat.sum(axis=(1, 2)), total, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 2])
def test_mirror_images(tmp_path: Path, template: Path, films: np.ndarray, count: int) -> None:
    """Each member also scores the mirror image; its heat is mirrored back, its features are not."""
    cards = [member(template, tmp_path / f"m{number}", number) for number in range(count)]
    (tmp_path / "out").mkdir()
    final, engine = exported(cards, tmp_path / "out", Calibration(1.1, 0.3), mirrored=True)
    scores = engine.score(films)
    engines = [Engine(card.folder / SCORER, SIZE, 1) for card in cards]
    own = [each.score(films) for each in engines]
    others = [each.score(np.ascontiguousarray(films[:, :, ::-1])) for each in engines]
    logits = np.array([logit_of(each) for each in (*own, *others)])
    assert np.abs(logits[0] - logits[count]).max() > 0.01  # the mirror image is another film
    mean = logits.mean(axis=0)
    np.testing.assert_allclose(scores.probability, expit(mean / 1.1 + 0.3), atol=2e-4)
    expected = final.predict_on_batch(films[..., None])[:, 0]
    np.testing.assert_allclose(scores.probability, expected, atol=1e-5)
    mirrored = engine.score(np.ascontiguousarray(films[:, :, ::-1]))
    np.testing.assert_allclose(mirrored.probability, scores.probability, atol=1e-5)
    features = np.hstack([each.admission for each in own])
    np.testing.assert_allclose(scores.admission, features, rtol=1e-3, atol=1e-4)
    for cam in CAMS:
        maps = [each.heat[cam] for each in own] + [each.heat[cam][:, :, ::-1] for each in others]
        scales = [1 / each.temperature for each in CALIBRATIONS[:count]] * 2
        parts = [heat * scale for heat, scale in zip(maps, scales, strict=True)]
        np.testing.assert_allclose(scores.heat[cam], np.mean(parts, axis=0), rtol=1e-3, atol=1e-5)


def test_it_has_the_joints_of_a_classifier(tmp_path: Path, template: Path) -> None:
    cards = [member(template, tmp_path / f"m{number}", number) for number in range(2)]
    ensemble = build_ensemble(cards)
    names = [layer.name for layer in ensemble.layers]
    assert {LOGIT, CALIBRATION, PROBABILITY, *members(cards)} <= set(names)
    assert members(cards) == ["member1", "member2"]
    assert ensemble.input_shape == (None, SIZE, SIZE, 1)
    assert ensemble.output_shape == (None, 1)


# -- the whole way -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(
    data: Path, template: Path, second: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "both"
    pair = (str(template), str(second))
    options = FitOptions(data, out, ensemble_of=pair, folds=3, workers=1, recipe=RECIPE)
    return fit(replace(options, command="xrayscan fit films"))


def test_the_card_says_how_it_was_made(whole: Path) -> None:
    training = load_card(whole).facts["training"]
    assert training["seconds"] >= 1
    page = (whole / "README.md").read_text(encoding="utf-8")
    assert "| Command | `xrayscan fit films` |" in page
    assert f"| Made in | {training['seconds']} s on {machine()}, without training |" in page


def test_the_card_names_its_members(whole: Path, template: Path, second: Path) -> None:
    card = load_card(whole)
    assert (card.name, card.architecture, card.input_size) == ("both", NAME, SIZE)
    assert card.classes == ("NORMAL", "PNEUMONIA")
    said = card.facts["training"]["started_from"]
    for path in (template, second):
        own = load_card(path)
        assert f"{own.identity} ({own.architecture})" in said
    assert card.facts["training"]["epochs"] == 0
    parameters = sum(load_card(path).facts["parameters"] for path in (template, second))
    assert card.facts["parameters"] == parameters
    assert not (whole / "training").exists()
    assert [path.name for path in whole.parent.iterdir()] == ["both"]


def test_the_model_scores(whole: Path, template: Path, second: Path, films: np.ndarray) -> None:
    scored = list(ScoringModel(whole, 2).score(films, "gradcam"))
    probabilities = np.array([film.probability for film in scored])
    assert not (whole / KERAS).exists()  # nothing is trained on from an ensemble
    maps = [film.heat_map for film in scored]
    assert all(each is not None and each.heat.shape == (8, 8) for each in maps)
    assert all(np.isfinite(film.distance) for film in scored)
    # in the order of the members' mean, whatever the calibration
    own = [
        logit_of(Engine(path / SCORER, size, 1).score(resized(films, size)))
        for path, size in ((template, SIZE), (second, 48))
    ]
    calibration = load_card(whole).facts["calibration"]
    expected = np.mean(own, axis=0) / calibration["temperature"] + calibration["offset"]
    np.testing.assert_allclose(logit(probabilities), expected, rtol=1e-3, atol=1e-3)


# -- what is refused -----------------------------------------------------------------------------


def renamed(folder: Path, source: Path, **changed: object) -> str:
    """A copy of a model folder whose card says something else."""
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    facts = json.loads((source / CARD).read_text())
    (folder / CARD).write_text(json.dumps(facts | changed))
    return str(folder)


def asked(names: Sequence[str], **others: Any) -> FitOptions:
    return FitOptions(Path("data"), Path("out"), ensemble_of=tuple(names), **others)


def refusal(names: Sequence[str]) -> str:
    with pytest.raises(UsageError) as fault:
        read_members(asked(names))
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_one_member(template: Path) -> None:
    assert refusal([str(template)]).startswith("--ensemble-of: give it twice or more")
    assert len(read_members(asked([str(template)], mirrored=True))) == 1


def test_mirror_images_of_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--mirrored: makes an ensemble; give --ensemble-of"):
        fit(FitOptions(data, tmp_path / "out", mirrored=True))


def test_the_members_come_in_order(template: Path, second: Path) -> None:
    names = [str(second), str(template)]
    assert [card.name for card in read_members(asked(names))] == ["second", "first"]


@pytest.mark.parametrize(
    "changed",
    [
        {"positive": "TUBERCULOSIS", "classes": ["NORMAL", "TUBERCULOSIS"]},
        {"classes": ["HEALTHY", "PNEUMONIA"]},
    ],
    ids=["another positive", "another negative"],
)
def test_other_classes(tmp_path: Path, template: Path, changed: dict[str, Any]) -> None:
    other = renamed(tmp_path / "other", template, **changed)
    message = refusal([str(template), other])
    assert message.startswith("--ensemble-of: the models score different things (")
    assert message.endswith("; give models of one kind")


def test_an_ensemble_as_a_member(whole: Path, template: Path) -> None:
    message = refusal([str(template), str(whole)])
    assert "an ensemble cannot be a member; give its members instead" in message


def test_an_ensemble_as_a_start(whole: Path) -> None:
    with pytest.raises(UsageError, match="an ensemble cannot be trained on; give one of its mem"):
        find_start("", str(whole))


def test_no_such_member(tmp_path: Path, template: Path) -> None:
    assert "neither a model" in refusal([str(template), str(tmp_path / "nobody")])


@pytest.mark.parametrize(
    "others",
    [{"architecture": "tiny"}, {"origin": "none"}, {"teacher": "fast"}, {"resume": True}],
    ids=lambda others: next(iter(others)),
)
def test_what_only_a_training_does(template: Path, others: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="trains nothing; leave --arch"):
        read_members(asked([str(template), str(template)], **others))


@pytest.mark.parametrize("classes", ["", "subtype"], ids=["others", "more"])
def test_data_of_other_classes(tmp_path: Path, template: Path, second: Path, classes: str) -> None:
    """What the members score is what the films have to be told apart by."""
    data = draw_folder(tmp_path / "data", 8)
    if classes:
        for path in sorted((data / "PNEUMONIA").iterdir())[::2]:
            path.rename(path.with_name(path.name.replace("bacteria", "virus")))
    else:
        (data / "PNEUMONIA").rename(data / "TUBERCULOSIS")
    options = FitOptions(
        data,
        tmp_path / "out",
        classes=classes,
        ensemble_of=(str(template), str(second)),
        folds=2,
        workers=1,
    )
    with pytest.raises(UsageError, match="VIRUS" if classes else "TUBERCULOSIS"):
        fit(options)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
