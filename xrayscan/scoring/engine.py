"""The exported scorer, run by OpenVINO: probability, heat maps and embedding in one pass."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ModelError
from xrayscan.records import HeatMap
from xrayscan.runtime import core, openvino
from xrayscan.scoring.card import CLASS_CAM
from xrayscan.scoring.log_odds import log_odds

# Outputs of the exported graph; training.outcome.export writes them, this module reads them.
PROBABILITY = "probability"
EMBEDDING = "embedding"
ADMISSION = "admission"
CLASSES = "class_probabilities"
HEAT_PREFIX = "heat_"
OUTPUT_PREFIXES = (PROBABILITY, EMBEDDING, ADMISSION, CLASSES, HEAT_PREFIX)

# What the runtime says where C++ cannot allocate, or oneDNN.
_OUT_OF_MEMORY = re.compile("bad_alloc|out of memory|cannot allocate", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scores:
    """What the scorer says of B films.

    Attributes:
        probability: (B,) float32, calibrated P(positive), 0..1.
        embedding: (B, D) float32, the pooled last feature map.
        admission: (B, E) float32, pooled earlier layers, for the distance from the training set.
        heat: by CAM method, (B, h, w) float32, >= 0, in logit units per position; with more than
            two classes also by the card's CLASS_CAM and the class's index.
        classes: (B, K) float32, 0..1, each row sums to 1 and starts with 1 - probability; None for
            models of two classes.
    """

    probability: NDArray[np.float32]
    embedding: NDArray[np.float32]
    admission: NDArray[np.float32]
    heat: dict[str, NDArray[np.float32]]
    classes: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, outputs: Mapping[str, NDArray[np.float32]]) -> Scores:
        """Take apart what the graph gives of B films, by the names of its outputs."""
        return cls(
            outputs[PROBABILITY].reshape(-1),
            outputs[EMBEDDING],
            outputs[ADMISSION],
            {
                name.removeprefix(HEAT_PREFIX): values
                for name, values in outputs.items()
                if name.startswith(HEAT_PREFIX)
            },
            outputs.get(CLASSES),
        )

    def explained(self, cam: str) -> NDArray[np.float32]:
        """What a heat map explains, by its key in ``heat``: (B,) float32, 0..1."""
        if self.classes is None or not cam.startswith(CLASS_CAM):
            return self.probability
        return self.classes[:, int(cam.removeprefix(CLASS_CAM))]

    def heat_map(self, cam: str, index: int, film: NDArray[np.float32], scale: float) -> HeatMap:
        """One film's heat map with what it is tested on.

        Args:
            cam: its key in ``heat``.
            index: of the film.
            film: (S, S) float32, 0..255.
            scale: the raw heat that is 1.
        """
        heat = np.asarray(np.clip(self.heat[cam][index] / np.float32(scale), 0, 1), np.float32)
        return HeatMap(film, heat, float(log_odds(self.explained(cam)[index])))


class Scorer(Protocol):
    """What scores films, on whatever device."""

    def score(self, pixels: NDArray[np.float32], /) -> Scores:
        """Score B films, (B, S, S) float32, 0..255.

        Raises:
            MemoryError: there is not enough for what runs at once.
        """
        ...


class Engine:
    """A compiled scorer.

    Every film runs as a batch of one on a stream of one thread: what it gets cannot depend on its
    neighbours, on the size of the batch or on the number of cores, and on CPUs independent streams
    are also the fastest way (see benchmarks/). Precision is float32 on purpose: left alone,
    OpenVINO computes in bfloat16 on CPUs that have it, and results would change with the machine.
    """

    def __init__(
        self,
        scorer: Path,
        input_size: int,
        threads: int,
        prepare: Callable[[Any], None] | None = None,
        cores: threading.Semaphore | None = None,
        device: str = "CPU",
    ) -> None:
        """Load and compile a scorer.

        Args:
            scorer: an OpenVINO model with the outputs named above.
            input_size: side of the square input, pixels.
            threads: CPU threads to use at once.
            prepare: changes the loaded graph before it is compiled; tests of heat maps look at its
                feature map or shuffle its weights.
            cores: each film takes one while it is scored; what reads films may share them.
            device: an Intel GPU as the runtime names it, or the CPU.

        Raises:
            ModelError: the file cannot be loaded.
        """
        try:
            model = core().read_model(scorer)
            if prepare is not None:
                prepare(model)
            model.reshape([1, input_size, input_size, 1])
            compiled = core().compile_model(
                model,
                device,
                {
                    "PERFORMANCE_HINT": "THROUGHPUT",
                    "INFERENCE_PRECISION_HINT": "f32",
                    **(_on_cores(threads) if device == "CPU" else {}),
                },
            )
        except RuntimeError as fault:
            words = str(fault).strip().rpartition("\n")[2]  # before it: places in the runtime
            sentence = f"{scorer}: cannot be loaded ({words}); restore the model folder"
            raise ModelError(sentence) from None
        self._names = [next(iter(output.get_names())) for output in compiled.outputs]
        self._cores = cores or threading.Semaphore(threads)
        self._done = _Done(self._cores)
        self._queue = openvino().AsyncInferQueue(compiled, threads)
        self._queue.set_callback(self._done)
        # several threads may ask at once; films of one batch are what runs side by side
        self._in_use = threading.Lock()

    def score(self, pixels: NDArray[np.float32]) -> Scores:
        """Score B films.

        Args:
            pixels: (B, S, S) float32, 0..255.

        Raises:
            MemoryError: there is not enough for what runs at once.
        """
        return Scores.of(self.outputs(pixels))

    def outputs(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run B films, (B, S, S) float32, 0..255; returns every output of the graph by name.

        Raises:
            MemoryError: there is not enough for what runs at once.
        """
        with self._in_use:
            rows = self._rows(pixels)
        return {
            name: np.stack([row[position] for row in rows])
            for position, name in enumerate(self._names)
        }

    def _rows(self, pixels: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], ...]]:
        """Run B films; every output of the graph for each of them, in its own order."""
        self._done.rows.clear()
        begun = 0
        try:
            for index, film in enumerate(pixels):
                self._cores.acquire()
                begun += 1
                self._queue.start_async({0: film[np.newaxis, :, :, np.newaxis]}, index)
            self._queue.wait_all()
        except BaseException as fault:
            # also of Ctrl-C: a film that ends in a process that ends aborts it
            self._give_back(begun)
            if isinstance(fault, RuntimeError) and _OUT_OF_MEMORY.search(str(fault)):
                raise MemoryError from fault
            raise
        return [self._done.rows.pop(index) for index in range(len(pixels))]

    def _give_back(self, begun: int) -> None:
        """Give back the cores of films that have failed: they do not come to ``_done``."""
        for request in self._queue:  # its wait_all would wait for one that could not be started
            with suppress(RuntimeError):
                request.wait()
        failed = begun - len(self._done.rows)
        if failed:
            self._cores.release(failed)


class _Done:
    """Takes the outputs of films that are done, and gives their cores back.

    Apart from the engine: the queue holds what it calls, and Python's collector does not see that.
    Were it the engine, which holds the queue, no scorer would ever be freed.
    """

    def __init__(self, cores: threading.Semaphore) -> None:
        self.rows: dict[int, tuple[NDArray[np.float32], ...]] = {}
        self._cores = cores

    def __call__(self, request: Any, index: int) -> None:
        self.rows[index] = tuple(np.array(tensor.data[0]) for tensor in request.output_tensors)
        self._cores.release()


def _on_cores(threads: int) -> dict[str, int | bool]:
    return {
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        # two runs on one machine would be pinned to the same cores
        "ENABLE_CPU_PINNING": False,
    }
