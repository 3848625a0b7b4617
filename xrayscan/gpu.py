"""Scoring on a GPU: an NVIDIA one by TensorFlow, an Intel one by OpenVINO."""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ModelError, OptionError
from xrayscan.runtime import core
from xrayscan.scoring.card import KERAS, SCORER, ModelCard
from xrayscan.scoring.engine import Engine, Scorer, Scores

PACKAGES = ("keras", "tensorflow")  # what an NVIDIA GPU's results hang on besides
# What the NVIDIA driver makes on Linux, and what stands for GPUs under WSL. Looked for first:
# importing TensorFlow takes longer than scoring a hundred films.
_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
_NVIDIA = "GPU:0"  # as TensorFlow names it
_FILMS = 16  # at once, or one: the graph is traced for these numbers alone
_IN_FLIGHT = 4  # films on an Intel GPU


def check_gpu(card: ModelCard) -> None:
    """Find out before the work whether a model can be scored on this machine's GPU.

    Raises:
        UsageError: there is none, or nothing here that can use it.
        ModelError: the model cannot be scored there.
    """
    if _find() == _NVIDIA:
        _check_keras(card)


def gpu_scorer(card: ModelCard) -> Scorer:
    """Load a model onto this machine's GPU.

    Raises:
        UsageError: there is none, or nothing here that can use it.
        ModelError: the model cannot be scored there.
    """
    found = _find()
    if found != _NVIDIA:
        return Engine(card.folder / SCORER, card.input_size, _IN_FLIGHT, device=found)
    import tensorflow as tf

    gpu, *_ = tf.config.list_physical_devices("GPU")
    with suppress(RuntimeError):  # TensorFlow runs already: what was set for it stays
        tf.config.set_visible_devices(gpu, "GPU")
        # else it takes all of the memory, which others may be using
        tf.config.experimental.set_memory_growth(gpu, True)
    return KerasScorer(card, found)


class KerasScorer:
    """A model folder's Keras model as a scorer; takes its films in batches of two sizes.

    In float32 proper: these devices would use TensorFloat-32, with 10 bits of mantissa, by
    themselves.
    """

    def __init__(self, card: ModelCard, device: str) -> None:
        """Load the model.

        Args:
            card: of its folder.
            device: as TensorFlow names it, "GPU:0".

        Raises:
            UsageError: Keras is told to use something else than TensorFlow.
            ModelError: the folder has no Keras model, or not what its card was measured on.
        """
        _check_keras(card)
        import tensorflow as tf

        from xrayscan.training.learning import devices
        from xrayscan.training.outcome.export import traced
        from xrayscan.training.outcome.formats import Graph

        devices.need_tensorflow("--engine gpu")
        tf.config.experimental.enable_tensor_float_32_execution(False)
        self._device = device
        self._in_use = threading.Lock()  # scoring and tests of heat maps share the memory
        try:
            with tf.device(device):
                self._graph = Graph.of(card, with_admission=True)  # it holds the variables
        except (OSError, KeyError, ValueError) as fault:
            words = str(fault).strip().partition("\n")[0]
            raise ModelError(
                f"{card.folder / KERAS}: cannot be loaded ({words}); leave --engine out"
            ) from None
        self._runs = {films: traced(self._graph.function, films) for films in (1, _FILMS)}

    def score(self, pixels: NDArray[np.float32], /) -> Scores:
        """Score B films, (B, S, S) float32, 0..255.

        Raises:
            MemoryError: the device has too little.
        """
        import tensorflow as tf

        try:
            with self._in_use:
                parts = [
                    self._outputs(pixels[start : start + _FILMS])
                    for start in range(0, len(pixels), _FILMS)
                ]
        except tf.errors.ResourceExhaustedError as fault:
            raise MemoryError from fault
        return Scores.of(
            {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        )

    def _outputs(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        import tensorflow as tf

        count = 1 if len(pixels) == 1 else _FILMS
        films = np.zeros((count, *pixels.shape[1:], 1), np.float32)
        films[: len(pixels), :, :, 0] = pixels
        with tf.device(self._device):
            found: dict[str, Any] = self._runs[count](tf.constant(films))
        return {name: values.numpy()[: len(pixels)] for name, values in found.items()}


def _check_keras(card: ModelCard) -> None:
    if not (card.folder / KERAS).is_file():
        raise ModelError(
            f"{card.folder}: has no {KERAS}, which NVIDIA GPUs need; leave --engine out, or give "
            "a model that has one"
        )
    if "quantization" in card.facts:
        raise ModelError(
            f"{card.folder}: was measured in 8-bit integers, which run on CPUs alone; leave "
            "--engine out"
        )


def _find() -> str:
    """This machine's GPU: NVIDIA by TensorFlow's name, else an Intel one by OpenVINO's.

    Raises:
        UsageError: there is none, or nothing here that can use it.
    """
    driver = any(path.exists() for path in _DRIVERS)
    if driver and find_spec("tensorflow"):
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return _NVIDIA
    devices: list[str] = core().available_devices
    found = [name for name in devices if name.startswith("GPU")]
    if found:
        return found[0]
    why = "no GPU found on this machine; leave --engine out"
    if driver:
        why = "no GPU that can be used; pip install 'xrayscan[gpu]', or leave --engine out"
    raise OptionError("engine", "gpu", why)
