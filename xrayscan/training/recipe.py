"""The recipe: head first on frozen features, then the whole network, the best epoch kept."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.training import classifier as joints
from xrayscan.training.augmentation import PRESETS
from xrayscan.training.batches import BatchOptions, class_weights, training_batches
from xrayscan.training.data import DecodedFilms
from xrayscan.training.options import Recipe
from xrayscan.training.parts import Parts

log = logging.getLogger(__name__)

_PREDICT_BATCH = 64  # forward only: memory is no concern, and larger brings nothing on CPUs
_HEAD_EPOCHS = 60  # on cached embeddings an epoch takes milliseconds
_HEAD_RATE = 3e-3
_EMA_MOMENTUM = 0.99  # over about 100 steps, less than an epoch


def train(classifier: Any, parts: Parts, recipe: Recipe, scratch: Path) -> Any:
    """Train a classifier; its weights end as those of the epoch with the best validation AUC.

    Args:
        classifier: from ``build_classifier``; changed in place.
        parts: decoded films.
        recipe: the schedule.
        scratch: folder for the checkpoint and the history (``history.csv``).

    Returns:
        The Keras history, a dict of lists by epoch.
    """
    import keras

    keras.utils.set_random_seed(recipe.seed)
    _train_head(classifier, parts)
    network = joints.logit_model(classifier)
    batches = training_batches(parts.train, _batch_options(recipe))
    network.compile(
        optimizer=_optimizer(recipe, steps=len(batches) * recipe.epochs),
        loss=keras.losses.BinaryCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        ),
        metrics=[keras.metrics.AUC(name="auc", from_logits=True, num_thresholds=1000)],
    )
    best = scratch / "best.weights.h5"
    history = network.fit(
        batches,
        epochs=recipe.epochs,
        validation_data=_validation_arrays(parts),
        validation_batch_size=_PREDICT_BATCH,
        callbacks=[
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            keras.callbacks.ModelCheckpoint(
                best, monitor="val_auc", mode="max", save_best_only=True, save_weights_only=True
            ),
            keras.callbacks.CSVLogger(scratch / "history.csv"),
            keras.callbacks.LambdaCallback(on_epoch_end=_log_epoch),
        ],
        verbose=0,
    )
    network.load_weights(best)
    return history.history


def predict_logits(classifier: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the raw logits (N,) of films (N, S, S) uint8."""
    network = joints.logit_model(classifier)
    return np.asarray(_predict(network, pixels)[:, 0], np.float64)


def _train_head(classifier: Any, parts: Parts) -> None:
    """Fit the dense layer on cached embeddings, so that the first real steps do no harm below."""
    import keras

    trunk = keras.Model(classifier.input, classifier.get_layer(joints.EMBEDDING).output)
    embeddings = _predict(trunk, parts.train.pixels)
    head = keras.Sequential([keras.Input(embeddings.shape[1:]), classifier.get_layer(joints.LOGIT)])
    head.compile(
        keras.optimizers.Adam(_HEAD_RATE), keras.losses.BinaryCrossentropy(from_logits=True)
    )
    targets = _targets(parts.train)
    head.fit(
        embeddings,
        targets[:, None],
        sample_weight=class_weights(targets),
        epochs=_HEAD_EPOCHS,
        batch_size=256,
        verbose=0,
    )
    log.info("head trained on frozen features of %d films", len(embeddings))


def _optimizer(recipe: Recipe, steps: int) -> Any:
    import keras

    warmup = max(1, steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 100,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(
        schedule, weight_decay=recipe.weight_decay, use_ema=True, ema_momentum=_EMA_MOMENTUM
    )


def _batch_options(recipe: Recipe) -> BatchOptions:
    return BatchOptions(recipe.batch_size, recipe.seed, PRESETS[recipe.augmentation])


def _validation_arrays(parts: Parts) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    pixels = parts.validation.pixels.astype(np.float32)[..., None]
    return pixels, _targets(parts.validation)[:, None]


def _targets(films: DecodedFilms) -> NDArray[np.float32]:
    return films.positives.astype(np.float32)


def _predict(network: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Predict in pieces: the whole set as float32 would be four times its size."""
    pieces = [
        network.predict_on_batch(piece[..., None].astype(np.float32))
        for piece in np.array_split(pixels, range(_PREDICT_BATCH, len(pixels), _PREDICT_BATCH))
    ]
    return np.asarray(np.concatenate(pieces), np.float32)


def _log_epoch(epoch: int, logs: dict[str, float]) -> None:
    figures = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
    log.info("epoch %d: %s", epoch + 1, figures)
