"""A model in other runtimes' formats, and what runs them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ModelError, XrayscanError
from xrayscan.runtime import onnx_runtime
from xrayscan.scoring import card as cards
from xrayscan.training.network.architectures import architecture
from xrayscan.training.network.classifier import BACKBONE
from xrayscan.training.outcome.export import PIXELS, ScoringFunction, scoring_function, traced

Outputs = Mapping[str, NDArray[np.float32]]
Run = Callable[[NDArray[np.float32]], Outputs]  # (B, S, S, 1) float32, 0..255

_OPSET = 17  # of ONNX; runtimes since 2022 read it
_SIGNATURE = "serving_default"


class Format(StrEnum):
    """What other runtimes read."""

    ONNX = "onnx"
    TFLITE = "tflite"
    SAVED_MODEL = "saved_model"


@dataclass(frozen=True, slots=True)
class Graph:
    """A scoring function and the variables that it uses."""

    function: ScoringFunction
    variables: list[Any]

    @classmethod
    def of(cls, card: cards.ModelCard, *, with_admission: bool = False) -> Graph:
        """Load a model folder's Keras model.

        Args:
            card: the folder's.
            with_admission: the scorer's outputs are all there; other programs have no use for
                those that tell films apart.
        """
        import keras

        stored = keras.models.load_model(card.folder / cards.KERAS, compile=False)
        layers = (
            architecture(card.architecture).admission_names(stored.get_layer(BACKBONE))
            if with_admission
            else ()
        )
        variables = [variable.value for variable in stored.variables]
        return cls(scoring_function(stored, layers), variables)


def write(graph: Graph, path: Path, format: Format) -> Run:
    """Write the graph in a format, in the folder of ``path`` alone; returns what runs the file.

    Raises:
        ModelError: the format has no way to say it.
        OSError: there is no room for it, or it cannot be written.
    """
    writers = {Format.ONNX: _onnx, Format.TFLITE: _tflite, Format.SAVED_MODEL: _saved_model}
    try:
        return writers[format](graph, path)
    except (OSError, XrayscanError):
        raise
    except Exception as fault:  # converters raise what they like
        words = str(fault).strip().partition("\n")[0][:200] or type(fault).__name__
        raise ModelError(
            f"--format {format}: cannot say what this network does ({words}); give another"
        ) from fault


def _saved_model(graph: Graph, path: Path, films: int | None = None) -> Run:
    import tensorflow as tf

    module = tf.Module()
    module.kept = graph.variables
    module.score = traced(graph.function, films)
    concrete = module.score.get_concrete_function()
    try:
        tf.saved_model.save(module, str(path), signatures={_SIGNATURE: concrete})
    except tf.errors.OpError as fault:  # what the system says of the file stands last
        raise OSError(fault.message.partition(" [Op:")[0].rpartition("; ")[2]) from fault
    loaded = tf.saved_model.load(str(path))
    score = loaded.signatures[_SIGNATURE]
    return lambda pixels: _numbers(score(tf.constant(pixels)).items())


def _tflite(graph: Graph, path: Path) -> Run:
    import tensorflow as tf

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        _saved_model(graph, Path(folder), films=1)
        path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())
    score = _interpreter()(str(path)).get_signature_runner(_SIGNATURE)
    return _one_by_one(lambda film: _numbers(score(**{PIXELS: film}).items()))


def _interpreter() -> Any:
    """What runs TFLite files: TensorFlow's own until it drops it, LiteRT where that is there."""
    if find_spec("ai_edge_litert"):
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter
    import tensorflow as tf

    return tf.lite.Interpreter


def _onnx(graph: Graph, path: Path) -> Run:
    onnxruntime = onnx_runtime()  # before anything else loads it
    import tf2onnx

    # with the number of films left open, gradients have shapes that ONNX cannot say
    function = traced(graph.function, films=1)
    tf2onnx.convert.from_function(
        function, function.input_signature, opset=_OPSET, output_path=str(path)
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return _one_by_one(
        lambda film: _numbers(zip(names, session.run(names, {PIXELS: film}), strict=True))
    )


def _one_by_one(run: Run) -> Run:
    """Run films with what takes a single one."""

    def run_all(pixels: NDArray[np.float32]) -> Outputs:
        rows = [run(film[None]) for film in pixels]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    return run_all


def _numbers(outputs: Iterable[tuple[str, Any]]) -> Outputs:
    return {name: np.array(values, np.float32) for name, values in outputs}
