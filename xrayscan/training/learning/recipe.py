"""The recipe: head first on frozen features, then what is unfrozen; the best epoch kept."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.plots import learning_curves
from xrayscan.training.films.data import DecodedFilms
from xrayscan.training.films.parts import Parts
from xrayscan.training.learning.augmentation import PRESETS
from xrayscan.training.learning.batch_norm import measure_statistics
from xrayscan.training.learning.batches import (
    BatchOptions,
    film_weights,
    one_hot,
    plain_batches,
    training_batches,
)
from xrayscan.training.learning.callbacks import begin_epochs, finish_epochs, keep_last, listen
from xrayscan.training.learning.devices import Spread
from xrayscan.training.learning.metrics import training_auc, training_loss, validation_figures
from xrayscan.training.learning.stages import freeze, make_optimizer, take_averages
from xrayscan.training.learning.state import CURVES, TrainingState
from xrayscan.training.network import classifier as joints
from xrayscan.training.options import FitHooks, Recipe

log = logging.getLogger(__name__)

_PREDICT_BATCH = 64  # forward only: memory is no concern, and larger brings nothing on CPUs
_HEAD_EPOCHS = 60  # on cached embeddings an epoch takes milliseconds
_HEAD_STEPS = 20  # per epoch at least, where there are few films
_HEAD_BATCH = 256
_HEAD_RATE = 3e-3


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt, and how.

    Attributes:
        parts: decoded films.
        classes: how many classes.
        recipe: the schedule, nothing in it left open.
        last_blocks: the architecture's.
        teacher: (N, 1) or (N, K) float32, a teacher's probabilities of the training films; None
            without a teacher.
        workers: threads that prepare batches.
        pretrained: whether the backbone knows anything yet.
        spread: over what devices.
    """

    parts: Parts
    classes: int
    recipe: Recipe
    last_blocks: str = ""
    teacher: NDArray[np.float32] | None = None
    workers: int = 1
    pretrained: bool = False
    spread: Spread = field(default_factory=Spread)

    def targets(self) -> NDArray[np.float32]:
        """What the training films are to be taken for: labels, and a teacher's share."""
        labels = one_hot(self.parts.train, self.classes)
        if self.teacher is None:
            return labels
        share = np.float32(self.recipe.teacher_share)
        return (1 - share) * labels + share * self.teacher

    def batch_options(self) -> BatchOptions:
        """How training films become batches."""
        return BatchOptions(
            self.recipe.batch_size,
            self.recipe.seed,
            PRESETS[self.recipe.augmentation],
            self.workers,
            self.spread.replicas,
            self.spread.hosts,
        )


def train(
    classifier: Any, lesson: Lesson, state: TrainingState, hooks: FitHooks | None = None
) -> None:
    """Train a classifier; ``state.best`` ends as the weights of the epoch best on validation.

    What is trained is a copy, over the lesson's devices. The classifier itself, on one device, has
    its head trained first, and gets the averaged weights after each epoch, to be measured and kept.

    Args:
        classifier: from ``build_classifier``; changed in place.
        lesson: films and recipe.
        state: what was finished before, to go on from; kept up to date.
        hooks: who watches.

    Raises:
        StoppedError: the hooks said so.
        XrayscanError: the state cannot be written, or training diverged.
    """
    import keras

    recipe, spread = lesson.recipe, lesson.spread
    keras.utils.set_random_seed(recipe.seed)
    if state.last is None and lesson.pretrained:
        _train_head(classifier, lesson)
    measured = joints.training_network(classifier)
    batches = training_batches(lesson.parts.train, lesson.targets(), lesson.batch_options())
    with spread.building():
        network = _copy(measured, lesson, len(batches) * recipe.epochs)
        _begin(network, state)
    # after it was copied: a copy of frozen layers has layers within them that are not
    freeze(classifier.get_layer(joints.BACKBONE), recipe.unfreeze, lesson.last_blocks)

    def measure() -> dict[str, float]:
        with spread.apart():
            take_averages(network, measured)
            measure_statistics(measured, batches.whole())
            return _figures(measured, lesson)

    with spread.training():
        network.fit(
            batches,
            initial_epoch=state.epochs,
            epochs=recipe.epochs,
            shuffle=False,  # the batches are; Keras would do it again, by chance that is not kept
            callbacks=[
                begin_epochs(batches, recipe.seed),
                listen(hooks or FitHooks(), recipe.epochs, len(batches)),
                keep_last(state),
                finish_epochs(state, measure, classifier.save_weights, recipe.patience, _draw),
            ],
            verbose=0,
        )


def predict_logits(classifier: Any, films: DecodedFilms) -> NDArray[np.float64]:
    """Return the raw logits (N,) of films."""
    return _predict(joints.logit_model(classifier), films)[:, 0].astype(np.float64)


def _copy(measured: Any, lesson: Lesson, steps: int) -> Any:
    """Make the network that is trained, alike on all hosts."""
    import keras

    network = keras.models.clone_model(measured)
    freeze(network.get_layer(joints.BACKBONE), lesson.recipe.unfreeze, lesson.last_blocks)
    network.set_weights(lesson.spread.hosts.told_by_first(measured.get_weights()))
    network.compile(
        optimizer=make_optimizer(lesson.recipe, steps),
        loss=training_loss(lesson.classes, lesson.recipe.label_smoothing),
        weighted_metrics=[training_auc(lesson.classes)],
    )
    return network


def _figures(measured: Any, lesson: Lesson) -> dict[str, float]:
    """What a network is worth on validation films, as the first host finds it."""
    films = lesson.parts.validation
    logits = _predict(measured, films).astype(np.float64)
    figures = lesson.spread.hosts.told_by_first(validation_figures(logits, films.labels))
    return {name: float(value) for name, value in figures.items()}


def _begin(network: Any, state: TrainingState) -> None:
    """Go on from what was saved, or save where the epochs begin."""
    network.optimizer.build(network.trainable_variables)
    if state.last is None:
        variables = [*network.variables, *network.optimizer.variables]
        size = sum(np.dtype(np.float32).itemsize * math.prod(each.shape) for each in variables)
        state.save_last(network.save_weights, size)
        state.commit()
    else:
        state.restore(network, state.last)
        log.info("going on after epoch %d", state.epochs)


def _train_head(classifier: Any, lesson: Lesson) -> None:
    """Fit the head on cached features, so that the first real steps do no harm below."""
    import keras

    trunk, head = joints.trunk_and_head(classifier)
    films = lesson.parts.train
    features = _predict(trunk, films)
    head.compile(keras.optimizers.Adam(_HEAD_RATE), training_loss(lesson.classes, 0.0))
    head.fit(
        features,
        lesson.targets(),
        sample_weight=film_weights(films),
        epochs=_HEAD_EPOCHS,
        batch_size=min(_HEAD_BATCH, max(2, len(features) // _HEAD_STEPS)),
        verbose=0,
    )
    log.info("head trained on frozen features of %d films", len(features))


def _predict(network: Any, films: DecodedFilms) -> NDArray[np.float32]:
    batches = plain_batches(films, np.zeros((len(films.films), 1), np.float32), _PREDICT_BATCH)
    return np.asarray(network.predict(batches, verbose=0), np.float32)


def _draw(state: TrainingState) -> None:
    (state.folder / CURVES).write_bytes(learning_curves(state.history))
