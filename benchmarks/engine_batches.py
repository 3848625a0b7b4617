"""Batches of one on one stream per core, against larger batches: films per second, as ratios.

    python benchmarks/engine_batches.py [MODEL_FOLDER]

Interleaved and repeated in one process; prints Markdown. What the engine does is the first line.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov

from xrayscan.cores import available_cores
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import SCORER, load_card
from xrayscan.scoring.engine import Engine

FILMS = 128
REPEATS = 7


def batched(scorer: Path, size: int, batch: int, cores: int) -> Callable[[np.ndarray], None]:
    """Score in batches on all cores together."""
    core = ov.Core()
    model = core.read_model(scorer)
    model.reshape([batch, size, size, 1])
    settings = {"INFERENCE_NUM_THREADS": cores, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", **settings})

    def run(pixels: np.ndarray) -> None:
        for start in range(0, len(pixels), batch):
            compiled({0: pixels[start : start + batch, ..., None]})

    return run


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else model_folder(DEFAULT_MODEL)
    card, cores = load_card(folder), available_cores()
    scorer, size = folder / SCORER, card.input_size
    ways: dict[str, Callable[[np.ndarray], object]] = {
        f"batch 1, {cores} streams (the engine)": Engine(scorer, size, cores).score,
        **{f"batch {n}, one stream": batched(scorer, size, n, cores) for n in (1, 4, 16, 32)},
    }
    pixels = np.random.default_rng(0).uniform(0, 255, (FILMS, size, size)).astype(np.float32)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, run in ways.items():
            start = time.perf_counter()
            run(pixels)
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    first = next(iter(medians.values()))
    print(f"{card.name}, {cores} cores, {FILMS} films, median of {REPEATS}\n")
    print("| way | films/s | against the engine |\n|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {FILMS / median:.0f} | {first / median:.2f} |")


if __name__ == "__main__":
    main()
