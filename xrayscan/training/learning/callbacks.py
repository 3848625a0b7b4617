"""What happens around each epoch and each step of training."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

from xrayscan.errors import XrayscanError
from xrayscan.training.learning.state import Row, TrainingState
from xrayscan.training.options import FitHooks

log = logging.getLogger(__name__)

_EPOCH_STRIDE = 1000  # between the seeds of two epochs


def begin_epochs(dataset: Any, seed: int) -> Any:
    """Set the dataset's epoch and the dropout seeds, so that an epoch depends on nothing before."""
    import keras

    class BeginEpoch(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no type information
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            dataset.epoch = epoch
            for number, layer in enumerate(_random_layers(self.model)):
                state = layer.seed_generator.state
                state.assign([seed + _EPOCH_STRIDE * epoch + number, 0])

    return BeginEpoch()


def _random_layers(network: Any) -> list[Any]:
    layers = network._flatten_layers()  # nested ones too; Keras has no public way
    return [layer for layer in layers if getattr(layer, "seed_generator", None) is not None]


def keep_last(state: TrainingState) -> Any:
    """Save weights and optimizer at the end of every epoch, as they were trained, not averaged."""
    import keras

    class KeepLast(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            state.save_last(self.model.save_weights)

    return KeepLast()


def finish_epochs(
    state: TrainingState,
    measure: Callable[[], Row],
    write_best: Callable[[Any], object],
    patience: int,
    redraw: Callable[[TrainingState], None],
) -> Any:
    """Measure on validation, keep the best, commit, and stop when nothing gets better.

    Args:
        state: where it is kept.
        measure: gives val_loss and val_auc of the network as it is now.
        write_best: writes the classifier's weights.
        patience: epochs without a better one after which to stop; 0 for never.
        redraw: draws the learning curves again.
    """
    import keras

    class FinishEpoch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.started = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            figures = {name: float(value) for name, value in (logs or {}).items()}
            rate = float(self.model.optimizer.learning_rate)
            _check_numbers(figures, state)
            row = {"epoch": epoch + 1, **figures, **measure(), "learning_rate": rate}
            _check_numbers(row, state)
            row["seconds"] = time.monotonic() - self.started
            state.finish_epoch(row, write_best)
            state.commit()
            redraw(state)
            log.info("%s", _line(row))
            if state.exhausted(patience):
                log.info("stopping early: no better epoch since %d", state.best_epoch)
                self.model.stop_training = True

    return FinishEpoch()


def _check_numbers(figures: Row, state: TrainingState) -> None:
    """Stop at an epoch that has no numbers: weights that are none stay so in all that follow.

    Raises:
        XrayscanError: training diverged; epochs before this one are kept.
    """
    for name in ("loss", "val_loss", "val_auc"):
        if not math.isfinite(figures.get(name, 0)):
            before = f", or --resume with --epochs {state.epochs} takes what was learnt before"
            raise XrayscanError(
                f"{state.folder}: training diverged in epoch {state.epochs + 1} ({name} is no "
                f"number); give a lower --learning-rate{before if state.epochs else ''}"
            )


def listen(hooks: FitHooks, epochs: int, steps: int) -> Any:
    """Show a bar per epoch, and stop when asked to."""
    import keras

    class Listen(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.bar: Any = None

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            if hooks.bar:
                self.bar = hooks.bar(total=steps, desc=f"epoch {epoch + 1}/{epochs}", leave=False)

        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            if self.bar is not None:
                self.bar.set_postfix(
                    {k: f"{v:.4f}" for k, v in (logs or {}).items()}, refresh=False
                )
                self.bar.update()
            hooks.check()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            if self.bar is not None:
                self.bar.close()

    return Listen()


def _line(row: Row) -> str:
    forms = {"learning_rate": ".3g", "seconds": ".0f"}
    shown = [f"{name} {value:{forms.get(name, '.4f')}}" for name, value in row.items()]
    return f"epoch {row['epoch']:.0f}: {', '.join(shown[1:])}"
