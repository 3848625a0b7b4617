"""What training runs on: precision, and one device or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from xrayscan.training.options import Precision

TENSORFLOW = "tensorflow"


def backend() -> str:
    """Which Keras backend runs: "tensorflow", "jax" or "torch"."""
    import keras

    return str(keras.config.backend())


def gpus() -> list[str]:
    """The names of the GPUs that the backend sees."""
    if backend() == TENSORFLOW:
        import tensorflow as tf

        return [device.name for device in tf.config.list_logical_devices("GPU")]
    import keras

    names = keras.distribution.list_devices()
    return [name for name in names if not name.startswith("cpu")]


def replicas() -> int:
    """Over how many devices every batch is spread here."""
    if backend() == TENSORFLOW:
        import tensorflow as tf

        return int(tf.distribute.get_strategy().num_replicas_in_sync)
    import keras

    spread = keras.distribution.distribution()
    return 1 if spread is None else int(spread.device_mesh.devices.size)


@contextmanager
def precision(choice: Precision) -> Iterator[None]:
    """Build and train in mixed or in float32 numbers while the context lasts.

    Mixed means bfloat16 (no loss scaling is needed) with float32 weights: what GPUs since 2020
    gain from. CPUs mostly lose by it.
    """
    import keras

    mixed = choice is Precision.MIXED or (choice is Precision.AUTO and bool(gpus()))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if mixed else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextmanager
def data_parallel(devices: Sequence[str] | None = None) -> Iterator[None]:
    """Spread every batch over several devices while the context lasts.

    Keras' own DataParallel under JAX; TensorFlow's MirroredStrategy, which Keras 3 works within,
    under TensorFlow. With one device nothing changes.

    Args:
        devices: their names; None takes the GPUs.
    """
    import keras

    chosen = list(gpus() if devices is None else devices)
    if len(chosen) < 2:
        yield
    elif backend() == TENSORFLOW:
        import tensorflow as tf

        with tf.distribute.MirroredStrategy(chosen).scope():
            yield
    else:
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=chosen))
        try:
            yield
        finally:
            keras.distribution.set_distribution(before)
