"""What is followed while training: the losses, and the AUC of "anything but negative"."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.metrics import auc

_AUC_THRESHOLDS = 1000  # of the running estimate on training batches; validation is exact


def training_loss(classes: int, label_smoothing: float) -> Any:
    """Cross-entropy on logits: (B, 1) with two classes, else (B, K)."""
    import keras

    if classes == 2:
        return keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)


def training_auc(classes: int) -> Any:
    """The AUC over training batches; a teacher's soft targets count by their side of 1/2."""
    import keras
    from keras import ops

    class PositiveAUC(keras.metrics.AUC):  # type: ignore[misc]  # keras has no type information
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            if classes > 2:
                y_true, y_pred = 1 - y_true[:, :1], 1 - ops.softmax(y_pred)[:, :1]
            else:
                y_pred = ops.sigmoid(y_pred)
            hard = ops.cast(y_true > 0.5, "float32")
            super().update_state(hard, y_pred, sample_weight)

    return PositiveAUC(name="auc", num_thresholds=_AUC_THRESHOLDS)


def validation_figures(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Compute the mean cross-entropy and the exact AUC.

    Args:
        logits: (N, 1) with two classes, else (N, K).
        labels: (N,) index into the classes.
    """
    z = np.hstack([np.zeros_like(logits), logits]) if logits.shape[1] == 1 else logits
    log_shares = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    loss = -log_shares[np.arange(len(labels)), labels].mean()
    score = np.logaddexp.reduce(z[:, 1:], axis=1) - z[:, 0]
    return {"val_loss": float(loss), "val_auc": float(auc(score, labels != 0))}
