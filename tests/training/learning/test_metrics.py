from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit, log_softmax, softmax

from xrayscan.training.learning.metrics import training_auc, training_loss, validation_figures

rng = np.random.default_rng(8)
LABELS = rng.integers(0, 2, 40)
LABELS_OF_3 = rng.integers(0, 3, 40)
LOGITS = rng.normal(0, 2, (40, 1)) + LABELS[:, None]
LOGITS_OF_3 = rng.normal(0, 2, (40, 3)) + np.eye(3)[LABELS_OF_3]


def roc_auc_score(*given: Any, **named: Any) -> float:
    from sklearn.metrics import roc_auc_score as theirs

    return float(theirs(*given, **named))


def log_loss(*given: Any) -> float:
    from sklearn.metrics import log_loss as theirs

    return float(theirs(*given))


def numbers(tensor: Any) -> np.ndarray:
    return np.asarray(tensor, np.float64)


# -- losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_of_two_classes(smoothing: float) -> None:
    """By hand: targets are drawn towards 1/2, and each film costs its cross-entropy."""
    targets = LABELS[:, None] * (1 - smoothing) + smoothing / 2
    expected = -(targets * log_expit(LOGITS) + (1 - targets) * log_expit(-LOGITS)).mean()
    loss = training_loss(2, smoothing)(
        LABELS[:, None].astype(np.float32), LOGITS.astype(np.float32)
    )
    assert float(numbers(loss)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_of_three_classes(smoothing: float) -> None:
    targets = np.eye(3)[LABELS_OF_3] * (1 - smoothing) + smoothing / 3
    expected = -(targets * log_softmax(LOGITS_OF_3, axis=1)).sum(axis=1).mean()
    loss = training_loss(3, smoothing)(
        np.eye(3, dtype=np.float32)[LABELS_OF_3], LOGITS_OF_3.astype(np.float32)
    )
    assert float(numbers(loss)) == pytest.approx(expected, rel=1e-5)


def test_loss_of_soft_targets() -> None:
    """As a teacher gives them."""
    two = rng.uniform(0, 1, (40, 1))
    expected = -(two * log_expit(LOGITS) + (1 - two) * log_expit(-LOGITS)).mean()
    loss = training_loss(2, 0.0)(two.astype(np.float32), LOGITS.astype(np.float32))
    assert float(numbers(loss)) == pytest.approx(expected, rel=1e-5)
    three = rng.dirichlet(np.ones(3), 40)
    expected = -(three * log_softmax(LOGITS_OF_3, axis=1)).sum(axis=1).mean()
    loss = training_loss(3, 0.0)(three.astype(np.float32), LOGITS_OF_3.astype(np.float32))
    assert float(numbers(loss)) == pytest.approx(expected, rel=1e-5)


# -- the AUC over training batches ---------------------------------------------------------------


def running_auc(
    classes: int, targets: np.ndarray, logits: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """In uneven batches, as training gives them."""
    metric = training_auc(classes)
    for part in (slice(0, 7), slice(7, 24), slice(24, None)):
        metric.update_state(
            targets[part].astype(np.float32),
            logits[part].astype(np.float32),
            None if weights is None else weights[part],
        )
    return float(numbers(metric.result()))


def test_auc_of_two_classes() -> None:
    expected = roc_auc_score(LABELS, LOGITS[:, 0])
    assert 0.55 < expected < 0.9
    assert running_auc(2, LABELS[:, None], LOGITS) == pytest.approx(expected, abs=0.005)


def test_auc_of_three_classes() -> None:
    """Of anything but the first against the first."""
    score = 1 - softmax(LOGITS_OF_3, axis=1)[:, 0]
    expected = roc_auc_score(LABELS_OF_3 != 0, score)
    targets = np.eye(3)[LABELS_OF_3]
    assert running_auc(3, targets, LOGITS_OF_3) == pytest.approx(expected, abs=0.005)


def test_auc_of_soft_targets() -> None:
    """They count by their side of 1/2."""
    two = np.where(LABELS[:, None] == 1, 0.7, 0.2)
    expected = roc_auc_score(LABELS, LOGITS[:, 0])
    assert running_auc(2, two, LOGITS) == pytest.approx(expected, abs=0.005)
    three = 0.5 * np.eye(3)[LABELS_OF_3] + 0.5 * np.array([0.4, 0.3, 0.3])
    three[LABELS_OF_3 == 1] = [0.45, 0.3, 0.25]  # the first is the largest, but not the half
    score = 1 - softmax(LOGITS_OF_3, axis=1)[:, 0]
    expected = roc_auc_score(LABELS_OF_3 != 0, score)
    assert running_auc(3, three, LOGITS_OF_3) == pytest.approx(expected, abs=0.005)


def test_auc_with_weights() -> None:
    weights = rng.uniform(0.1, 3, 40).astype(np.float32)
    expected = roc_auc_score(LABELS, LOGITS[:, 0], sample_weight=weights)
    assert expected != pytest.approx(roc_auc_score(LABELS, LOGITS[:, 0]), abs=0.005)
    found = running_auc(2, LABELS[:, None], LOGITS, weights)
    assert found == pytest.approx(expected, abs=0.005)


def test_auc_starts_anew() -> None:
    metric = training_auc(2)
    metric.update_state(LABELS[:, None].astype(np.float32), LOGITS.astype(np.float32))
    metric.reset_state()
    metric.update_state(np.float32([[0], [1]]), np.float32([[-1], [1]]))
    assert float(numbers(metric.result())) == pytest.approx(1, abs=1e-3)
    assert metric.name == "auc"


# -- the figures on validation films -------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(2, 60), st.floats(0.1, 30))
def test_figures_of_two_classes(seed: int, count: int, spread: float) -> None:
    drawn = np.random.default_rng(seed)
    labels = np.r_[0, 1, drawn.integers(0, 2, count)]
    logits = drawn.normal(0, spread, (count + 2, 1)).round(1)  # some of them are the same
    figures = validation_figures(logits, labels)
    assert figures["val_auc"] == pytest.approx(roc_auc_score(labels, logits[:, 0]))
    exact = -np.where(labels == 1, log_expit(logits[:, 0]), log_expit(-logits[:, 0])).mean()
    assert figures["val_loss"] == pytest.approx(exact)
    if spread < 5:
        assert figures["val_loss"] == pytest.approx(log_loss(labels, expit(logits[:, 0])))


@given(seeds, st.integers(2, 60), st.floats(0.1, 30), st.integers(3, 5))
def test_figures_of_more_classes(seed: int, count: int, spread: float, classes: int) -> None:
    drawn = np.random.default_rng(seed)
    labels = np.r_[np.arange(classes), drawn.integers(0, classes, count)]
    logits = drawn.normal(0, spread, (len(labels), classes))
    figures = validation_figures(logits, labels)
    shares = log_softmax(logits, axis=1)
    assert figures["val_loss"] == pytest.approx(-shares[np.arange(len(labels)), labels].mean())
    if spread < 5:
        assert figures["val_loss"] == pytest.approx(log_loss(labels, softmax(logits, axis=1)))
        positive = softmax(logits, axis=1)[:, 1:].sum(axis=1)
        # rounding makes ties of probabilities near 1, where the logits still differ
        assert figures["val_auc"] == pytest.approx(roc_auc_score(labels != 0, positive), abs=0.02)


@given(seeds, st.integers(2, 40))
def test_one_logit_is_two(seed: int, count: int) -> None:
    """A logit is the difference of two, the first of them 0."""
    drawn = np.random.default_rng(seed)
    labels = np.r_[0, 1, drawn.integers(0, 2, count)]
    logits = drawn.normal(0, 3, (count + 2, 1))
    pairs = np.hstack([np.zeros_like(logits), logits]) + drawn.normal(0, 3, (count + 2, 1))
    one, two = validation_figures(logits, labels), validation_figures(pairs, labels)
    assert one == pytest.approx(two)


@pytest.mark.parametrize("size", [800.0, 1e5, 1e30])
@pytest.mark.parametrize("classes", [2, 3])
def test_extreme_logits(size: float, classes: int) -> None:
    """Neither too large a number nor none."""
    labels = np.array([0, 1, classes - 1, 0])
    if classes == 2:
        right = np.where(labels[:, None] == 1, size, -size)
    else:
        right = size * np.eye(3)[labels]
    with np.errstate(all="raise", under="ignore"):
        sure, wrong = (validation_figures(logits, labels) for logits in (right, -right))
    assert sure == {"val_loss": pytest.approx(0, abs=1e-12), "val_auc": 1.0}
    assert np.isfinite(wrong["val_loss"])
    assert wrong["val_loss"] >= size * 0.99
    assert wrong["val_auc"] == 0.0


def test_figures_are_plain_numbers() -> None:
    """They are written as JSON."""
    figures = validation_figures(LOGITS, LABELS)
    assert {name: type(value) for name, value in figures.items()} == {
        "val_loss": float,
        "val_auc": float,
    }
