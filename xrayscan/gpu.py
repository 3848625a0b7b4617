"""Scoring on a GPU: an NVIDIA one by TensorFlow, an Intel one by OpenVINO."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ModelError, UsageError
from xrayscan.scoring.card import KERAS, SCORER, ModelCard
from xrayscan.scoring.engine import Engine, Scorer, Scores

NVIDIA = "NVIDIA"
# What its driver makes on Linux, and what stands for it under WSL. Looked for first:
# importing TensorFlow takes longer than scoring a hundred films.
_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
_FILMS = 32  # at once; always as many, so that the graph is traced once


def find_gpu() -> str:
    """Find this machine's GPU: NVIDIA, or an Intel one as OpenVINO names it.

    Raises:
        UsageError: there is none.
    """
    if any(path.exists() for path in _DRIVERS):
        return NVIDIA
    import openvino as ov

    devices: list[str] = ov.Core().available_devices
    found = [name for name in devices if name.startswith("GPU")]
    if not found:
        raise UsageError("--engine gpu: no GPU found on this machine; leave --engine out")
    return found[0]


def gpu_scorer(card: ModelCard) -> Scorer:
    """Load a model onto this machine's GPU.

    Raises:
        UsageError: there is none, or nothing here that can use it.
        ModelError: the model cannot be scored there.
    """
    found = find_gpu()
    if found == NVIDIA:
        return KerasScorer(card, _nvidia())
    # one thread: it only hands films on
    return Engine(card.folder / SCORER, card.input_size, 1, device=found)


class KerasScorer:
    """A model folder's Keras model as a scorer; takes its films in batches of one size.

    In float32 proper: TensorFloat-32, which these devices use by themselves, would move
    probabilities in the third decimal.
    """

    def __init__(self, card: ModelCard, device: str) -> None:
        """Load and trace the model.

        Args:
            card: of its folder.
            device: as TensorFlow names it, "GPU:0".

        Raises:
            UsageError: Keras is told to use something else than TensorFlow.
            ModelError: the folder has no Keras model.
        """
        if not (card.folder / KERAS).is_file():
            raise ModelError(
                f"{card.folder}: has no {KERAS}, which a GPU needs; leave --engine out, or give a "
                "model that has one"
            )
        import tensorflow as tf

        from xrayscan.training.learning import devices
        from xrayscan.training.outcome.export import traced
        from xrayscan.training.outcome.formats import Graph

        devices.need_tensorflow("--engine gpu")
        tf.config.experimental.enable_tensor_float_32_execution(False)
        self._device = device
        self._in_use = threading.Lock()  # scoring and tests of heat maps share the memory
        with tf.device(device):
            self._graph = Graph.of(card, with_admission=True)  # it holds the variables
        self._run = traced(self._graph.function, films=_FILMS)

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

        films = np.zeros((_FILMS, *pixels.shape[1:], 1), np.float32)
        films[: len(pixels), :, :, 0] = pixels
        with tf.device(self._device):
            found: dict[str, Any] = self._run(tf.constant(films))
        return {name: values.numpy()[: len(pixels)] for name, values in found.items()}


def _nvidia() -> str:
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if not found:
        raise UsageError(
            "--engine gpu: TensorFlow cannot use this machine's NVIDIA GPU; "
            "pip install 'xrayscan[gpu]', or leave --engine out"
        )
    # else it takes all of the memory, which others may be using
    tf.config.experimental.set_memory_growth(found[0], True)
    return "GPU:0"
