"""Three classes, from building to predicting: the score is everything but the negative one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logsumexp, softmax

from tests.training.conftest import SIZE, TINY, draw_film
from tests.training.spread import spread_logits
from xrayscan.errors import UsageError
from xrayscan.evaluation.calibration import Calibration
from xrayscan.scoring.card import CLASS_CAM, GRADCAM, KERAS, SCORER, ModelCard, load_card
from xrayscan.scoring.engine import Engine, Scores
from xrayscan.scoring.model import ScoringModel
from xrayscan.training.fit import fit
from xrayscan.training.network.architectures import TABLE, heads
from xrayscan.training.network.classifier import (
    BACKBONE,
    CLASS_LOGITS,
    FEATURE_MAP,
    LOGIT,
    build_classifier,
    calibrated,
    logit_model,
    take_over,
    training_network,
    trunk_and_head,
)
from xrayscan.training.options import FitOptions, Recipe
from xrayscan.training.outcome.export import export_scorer, scoring_function

RECIPE = Recipe(epochs=4, batch_size=8, learning_rate=2e-2, augmentation="none", seed=3)
# with a seed of the last weights under which every class has heat somewhere
HEADS = [(heads.pooled, 9), (heads.pooled_dense, 3), (heads.flat_dense, 9)]
by_head = pytest.mark.parametrize(("head", "seed"), HEADS, ids=[h.__name__ for h, _ in HEADS])


def build(classes: int = 3, head: Callable[[Any], Any] = heads.pooled, seed: int = 9) -> Any:
    """A small classifier whose class logits spread."""
    import keras

    keras.utils.set_random_seed(11)
    classifier = build_classifier(replace(TINY, head=head), SIZE, classes=classes)
    spread_logits(classifier, seed)
    return classifier


def class_logits(classifier: Any, films: np.ndarray) -> np.ndarray:
    network = training_network(classifier)
    return np.asarray(network.predict_on_batch(films[..., None]), np.float64)


def score(classifier: Any, folder: Path, films: np.ndarray) -> Scores:
    export_scorer(scoring_function(classifier, TINY.admission_layers), folder / SCORER)
    return Engine(folder / SCORER, SIZE, 2).score(films)


# -- the network ---------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [3, 5])
def test_the_logit_is_that_of_anything_but_the_first(classes: int, films: np.ndarray) -> None:
    classifier = build(classes)
    z = class_logits(classifier, films)
    assert z.shape == (6, classes)
    logit = logit_model(classifier).predict_on_batch(films[..., None])
    np.testing.assert_allclose(
        logit[:, 0], logsumexp(z[:, 1:], axis=1) - z[:, 0], rtol=1e-4, atol=1e-5
    )
    probability = classifier.predict_on_batch(films[..., None])
    np.testing.assert_allclose(probability[:, 0], 1 - softmax(z, axis=1)[:, 0], atol=1e-6)


@by_head
def test_trunk_and_head(head: Callable[[Any], Any], seed: int, films: np.ndarray) -> None:
    classifier = build(head=head, seed=seed)
    trunk, rest = trunk_and_head(classifier)
    two_steps = rest.predict_on_batch(trunk.predict_on_batch(films[..., None]))
    np.testing.assert_allclose(two_steps, class_logits(classifier, films), rtol=1e-5, atol=1e-5)


def test_saved_and_reloaded(tmp_path: Path, films: np.ndarray) -> None:
    import keras

    final = calibrated(build(), Calibration(1.7, -0.3))
    final.save(tmp_path / KERAS)
    loaded = keras.models.load_model(tmp_path / KERAS, compile=False)
    np.testing.assert_array_equal(
        loaded.predict_on_batch(films[..., None]), final.predict_on_batch(films[..., None])
    )
    np.testing.assert_array_equal(class_logits(loaded, films), class_logits(final, films))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = score(final, tmp_path / "a", films), score(loaded, tmp_path / "b", films)
    np.testing.assert_array_equal(one.classes, two.classes)
    np.testing.assert_array_equal(one.heat[GRADCAM], two.heat[GRADCAM])


@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 2), (3, 4)])
def test_taken_over_from_other_classes(before: int, after: int, films: np.ndarray) -> None:
    """The backbone and the hidden layer are; the last weights belong to other classes."""
    other = build(before, heads.pooled_dense)
    classifier = build(after, heads.pooled_dense)
    fresh = build_classifier(replace(TINY, head=heads.pooled_dense), SIZE, classes=after)
    last = CLASS_LOGITS if after > 2 else LOGIT
    kept = fresh.get_layer(last).get_weights()
    for layer in other.get_layer(BACKBONE).layers:
        layer.set_weights([w + 0.01 for w in layer.get_weights()])
    take_over(fresh, other)
    for name in (BACKBONE, heads.EMBEDDING):
        pairs = [x.get_layer(name).get_weights() for x in (fresh, other, classifier)]
        assert all(np.array_equal(mine, theirs) for mine, theirs, _ in zip(*pairs, strict=True))
    pairs = [x.get_layer(BACKBONE).get_weights() for x in (fresh, classifier)]
    assert not any(np.array_equal(*pair) for pair in zip(*pairs, strict=True))
    assert all(map(np.array_equal, fresh.get_layer(last).get_weights(), kept))


def test_taken_over_from_the_same_classes(films: np.ndarray) -> None:
    other, fresh = build(), build_classifier(TINY, SIZE, classes=3)
    take_over(fresh, other)
    np.testing.assert_array_equal(class_logits(fresh, films), class_logits(other, films))


# -- the scorer ----------------------------------------------------------------------------------


def test_probabilities(tmp_path: Path, films: np.ndarray) -> None:
    classifier = build()
    z = class_logits(classifier, films)
    scores = score(classifier, tmp_path, films)
    assert np.ptp(scores.probability) > 0.05
    expected = softmax(z, axis=1)
    np.testing.assert_allclose(scores.probability, 1 - expected[:, 0], atol=1e-5)
    assert scores.classes is not None
    np.testing.assert_allclose(scores.classes, expected, atol=1e-5)
    np.testing.assert_allclose(scores.classes.sum(axis=1), 1, atol=1e-6)


def test_calibrated_probabilities(tmp_path: Path, films: np.ndarray) -> None:
    """Calibration moves P(positive); the positive classes share it as before."""
    classifier = build()
    z = class_logits(classifier, films)
    logit = logsumexp(z[:, 1:], axis=1) - z[:, 0]
    scores = score(calibrated(classifier, Calibration(2.0, 0.5)), tmp_path, films)
    probability = expit(logit / 2 + 0.5)
    np.testing.assert_allclose(scores.probability, probability, atol=1e-5)
    assert scores.classes is not None
    np.testing.assert_allclose(scores.classes[:, 0], 1 - probability, atol=1e-5)
    shares = softmax(z[:, 1:], axis=1) * probability[:, None]
    np.testing.assert_allclose(scores.classes[:, 1:], shares, atol=1e-5)
    np.testing.assert_allclose(scores.classes.sum(axis=1), 1, atol=1e-6)


def grad_cam(classifier: Any, films: np.ndarray, target: Callable[[Any], Any]) -> np.ndarray:
    """Selvaraju et al. 2017, by automatic differentiation of ``target`` of the class logits."""
    import keras
    import tensorflow as tf

    feature_map = classifier.get_layer(FEATURE_MAP).output
    to_map = keras.Model(classifier.input, feature_map)
    to_logits = keras.Model(feature_map, classifier.get_layer(CLASS_LOGITS).output)
    features = tf.convert_to_tensor(to_map(films[..., None]))
    with tf.GradientTape() as tape:
        tape.watch(features)
        value = target(to_logits(features))
    weights = tf.reduce_mean(tape.gradient(value, features), axis=(1, 2), keepdims=True)
    return np.asarray(tf.nn.relu(tf.reduce_sum(weights * features, axis=-1)))


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@by_head
def test_heat_is_the_gradient(
    tmp_path: Path, films: np.ndarray, head: Callable[[Any], Any], seed: int
) -> None:
    """Of the score through the whole logit, and of each class through its own."""
    import tensorflow as tf

    classifier = build(head=head, seed=seed)
    scores = score(classifier, tmp_path, films)
    assert set(scores.heat) == {GRADCAM, "gradcam++", *(f"{CLASS_CAM}{n}" for n in range(3))}

    def whole(z: Any) -> Any:
        return tf.reduce_logsumexp(z[:, 1:], axis=1) - z[:, 0]

    targets = {GRADCAM: whole} | {
        f"{CLASS_CAM}{number}": lambda z, number=number: z[:, number] for number in range(3)
    }
    for name, target in targets.items():
        expected = grad_cam(classifier, films, target)
        assert expected.max() > 0, name
        assert correlation(scores.heat[name], expected) >= 0.999, name
        np.testing.assert_allclose(scores.heat[name], expected, rtol=2e-3, atol=1e-4)


# -- fit -----------------------------------------------------------------------------------------


def draw_subtypes(root: Path, count: int) -> Path:
    """Films as Kermany names them: bacteria are bright all over, viruses are dark."""
    import cv2

    def shade(path: Path, seed: int, brighter: int) -> None:
        draw_film(path, seed)
        film = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        cv2.imwrite(str(path), film // 3 + brighter)

    for index in range(count):
        draw_film(root / "NORMAL" / f"IM-{index:04d}-0001.png", index)
        folder = root / "PNEUMONIA"
        shade(folder / f"person{index}_bacteria_{index}.png", 1000 + index, 150)
        shade(folder / f"person{500 + index}_virus_{index}.png", 2000 + index, 0)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_subtypes(tmp_path_factory.mktemp("drawn"), 16)


@pytest.fixture(scope="module", autouse=True)
def _in_table() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TABLE, TINY.name, TINY)
        yield


@pytest.fixture(scope="module")
def fitted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "subtypes"
    recipe = replace(RECIPE, epochs=40)
    return fit(
        FitOptions(data, out, TINY.name, "none", "subtype", folds=4, workers=2, recipe=recipe)
    )


@pytest.fixture(scope="module")
def card(fitted: Path) -> ModelCard:
    return load_card(fitted)


def test_the_card(card: ModelCard) -> None:
    assert card.classes == ("NORMAL", "BACTERIA", "VIRUS")
    assert (card.negative, card.positive) == ("NORMAL", "PNEUMONIA")
    own = {f"{CLASS_CAM}{number}" for number in range(3)}
    assert set(card.heat_scale) == {GRADCAM, "gradcam++"} | own
    assert all(scale > 0 for scale in card.heat_scale.values())
    by_class = card.facts["training"]["train"]["by_class"]
    assert by_class == {"NORMAL": 12, "BACTERIA": 12, "VIRUS": 12}


def test_predictions_name_the_classes(fitted: Path, data: Path, card: ModelCard) -> None:
    """And tell them apart: they are easy."""
    from xrayscan.labels.layouts import read_labelled
    from xrayscan.training.films.data import decode_films

    films = decode_films(read_labelled(data, "subtype").films, SIZE, 2)
    scored = list(ScoringModel(fitted, 2).score(films.pixels.astype(np.float32)))
    for film in scored:
        assert {name for name, _ in film.classes} == set(card.classes)
        shares = [share for _, share in film.classes]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert dict(film.classes)["NORMAL"] == pytest.approx(1 - film.probability, abs=1e-5)
    first = [film.classes[0][0] for film in scored]
    right = [name == card.classes[label] for name, label in zip(first, films.labels, strict=True)]
    assert np.mean(right) > 0.8


@pytest.mark.parametrize(
    ("cam", "key"),
    [
        ("gradcam", "gradcam"),
        ("gradcam++", "gradcam++"),
        ("gradcam:NORMAL", f"{CLASS_CAM}0"),
        ("gradcam:BACTERIA", f"{CLASS_CAM}1"),
        ("gradcam:VIRUS", f"{CLASS_CAM}2"),
    ],
)
def test_heat_maps_by_name(
    fitted: Path, card: ModelCard, films: np.ndarray, cam: str, key: str
) -> None:
    assert card.heat_map(cam) == key
    for film in ScoringModel(fitted, 1).score(films[:2], key):
        assert film.heat_map is not None
        heat = film.heat_map.heat
        assert heat.shape == (8, 8)
        assert 0 <= heat.min() <= heat.max() <= 1


@pytest.mark.parametrize(
    "cam", ["gradcam:FUNGUS", "gradcam:", "gradcam:virus", "gradcam_class2", "VIRUS", "scorecam"]
)
def test_unknown_heat_maps(card: ModelCard, cam: str) -> None:
    with pytest.raises(UsageError) as fault:
        card.heat_map(cam)
    message = str(fault.value)
    assert message.startswith(f"--cam {cam}: choose one of ")
    for name in ("gradcam", "gradcam++", "gradcam:NORMAL", "gradcam:BACTERIA", "gradcam:VIRUS"):
        assert name in message
    assert message.endswith(", none")


def test_started_from_a_model_of_two_classes(data: Path, tmp_path: Path) -> None:
    """With nothing of it trained any more, the backbone is the other model's."""
    import keras

    from xrayscan.training.options import Unfreeze

    common = {"folds": 4, "workers": 2}
    first = fit(FitOptions(data, tmp_path / "two", TINY.name, "none", recipe=RECIPE, **common))
    recipe = replace(RECIPE, epochs=1, unfreeze=Unfreeze.NONE)
    second = fit(
        FitOptions(data, tmp_path / "three", "", str(first), "subtype", recipe=recipe, **common)
    )
    weights = [
        keras.models.load_model(folder / KERAS, compile=False).get_layer(BACKBONE).get_weights()
        for folder in (first, second)
    ]
    assert all(np.array_equal(*pair) for pair in zip(*weights, strict=True))
    made = load_card(second)
    assert made.architecture == TINY.name
    assert made.classes == ("NORMAL", "BACTERIA", "VIRUS")
    origin = load_card(first)
    assert made.facts["training"]["started_from"] == f"model two, card sha256 {origin.sha256}"
