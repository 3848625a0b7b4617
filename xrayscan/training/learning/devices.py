"""What training runs on: precision, and one device or several, on this host or on several."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from xrayscan.cores import available_cores
from xrayscan.errors import UsageError
from xrayscan.training.learning.hosts import ALONE, Hosts
from xrayscan.training.options import Precision
from xrayscan.wording import counted

TENSORFLOW = "tensorflow"


def backend() -> str:
    """Which Keras backend runs: "tensorflow", "jax" or "torch"."""
    import keras

    return str(keras.config.backend())


def need_tensorflow(what: str) -> None:
    """Refuse to go on under another backend.

    Args:
        what: needs TensorFlow, in a word or two.

    Raises:
        UsageError: Keras was told to use another.
    """
    if backend() != TENSORFLOW:
        raise UsageError(f"KERAS_BACKEND: {what} needs {TENSORFLOW}; leave it unset")


def gpus() -> list[str]:
    """The names of the GPUs that the backend sees."""
    if backend() == TENSORFLOW:
        import tensorflow as tf

        return [device.name for device in tf.config.list_logical_devices("GPU")]
    import keras

    names = keras.distribution.list_devices()
    return [name for name in names if not name.startswith("cpu")]


def machine() -> str:
    """What is trained on, in words: processor, cores, GPUs, Keras and its backend."""
    import keras

    cores, graphics = available_cores(), len(gpus())
    parts = [platform.machine(), counted(cores, "core")]
    if graphics:
        parts.append(counted(graphics, "GPU"))
    return ", ".join([*parts, f"Keras {keras.__version__} on {backend()}"])


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


class Spread:
    """How training is spread over devices: here over one; several are kinds of it.

    Attributes:
        replicas: over how many devices every batch is spread, on all hosts together.
        hosts: which train together.
    """

    def __init__(self, replicas: int = 1, hosts: Hosts = ALONE) -> None:
        self.replicas = replicas
        self.hosts = hosts

    def building(self) -> AbstractContextManager[Any]:
        """Where the network that is trained gets its variables and its optimizer."""
        return nullcontext()

    def training(self) -> AbstractContextManager[Any]:
        """Where it is trained."""
        return nullcontext()

    def apart(self) -> AbstractContextManager[Any]:
        """Within training: where another network runs on one device of this host."""
        return nullcontext()


class _Mirrored(Spread):
    """Several devices of one host under TensorFlow: MirroredStrategy, which Keras 3 works with."""

    def __init__(self, devices: Sequence[str]) -> None:
        import tensorflow as tf

        super().__init__(len(devices))
        self._strategy = tf.distribute.MirroredStrategy(devices)

    def building(self) -> AbstractContextManager[Any]:
        scope: AbstractContextManager[Any] = self._strategy.scope()
        return scope


class _DataParallel(Spread):
    """Several devices, on any number of hosts, under JAX: Keras' own DataParallel."""

    def __init__(self, devices: Sequence[str], hosts: Hosts) -> None:
        import keras

        super().__init__(len(devices), hosts)
        # every host makes its own share of each batch, so that Keras is not to share it out again
        self._spread = keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)

    def building(self) -> AbstractContextManager[Any]:
        scope: AbstractContextManager[Any] = self._spread.scope()
        return scope

    def training(self) -> AbstractContextManager[Any]:
        return self.building()

    @contextmanager
    def apart(self) -> Iterator[None]:
        import keras

        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(self._spread)


def spread_over(devices: Sequence[str] | None = None, hosts: Hosts = ALONE) -> Spread:
    """Choose how every batch is spread over devices.

    Args:
        devices: their names; None takes the GPUs; on several hosts without any, the CPUs.
        hosts: which train together.
    """
    chosen = list(gpus() if devices is None else devices)
    if hosts.count > 1 and not chosen:
        import keras

        chosen = list(keras.distribution.list_devices())
    if len(chosen) < 2:
        return Spread()
    return _Mirrored(chosen) if backend() == TENSORFLOW else _DataParallel(chosen, hosts)
