"""What heat maps and embedding cost the scorer over the probability alone, as ratios of CPU time.

Usage:
    python -m benchmarks.outputs [MODEL ...]

The same scorer with fewer and fewer of its outputs, in turns, in one process, on one core.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import SCORER, load_card
from xrayscan.scoring.engine import ADMISSION, EMBEDDING, HEAT_PREFIX, PROBABILITY, Engine

_FILMS = 48
_REPEATS = 15
_WAYS = {
    "probability alone": (PROBABILITY,),
    "and embedding": (PROBABILITY, EMBEDDING),
    "and heat maps": (PROBABILITY, EMBEDDING, HEAT_PREFIX),
    "and what admission needs (the scorer)": (PROBABILITY, EMBEDDING, HEAT_PREFIX, ADMISSION),
}


def keeping(outputs: Collection[str]) -> Callable[[Any], None]:
    """Make what drops every other output from a graph, with all that only these need."""

    def drop(model: Any) -> None:
        for result in model.get_results():
            names = result.output(0).get_names()
            if not any(name.startswith(tuple(outputs)) for name in names):
                model.remove_result(result)

    return drop


def main() -> None:
    print("| model | outputs | CPU ms per film | times |\n|---|---|---|---|")
    for name in sys.argv[1:] or [DEFAULT_MODEL]:
        folder = model_folder(name)
        size = load_card(folder).input_size
        pixels = np.random.default_rng(0).uniform(0, 255, (_FILMS, size, size)).astype(np.float32)
        engines = {
            way: Engine(folder / SCORER, size, 1, keeping(kept)) for way, kept in _WAYS.items()
        }
        seconds: dict[str, list[float]] = {way: [] for way in engines}
        for _ in range(_REPEATS):
            for way, engine in engines.items():
                start = time.process_time()
                engine.outputs(pixels)
                seconds[way].append(time.process_time() - start)
        medians = {way: statistics.median(each) for way, each in seconds.items()}
        least = next(iter(medians.values()))
        for way, median in medians.items():
            print(f"| {name} | {way} | {1000 * median / _FILMS:.2f} | {median / least:.3f} |")


if __name__ == "__main__":
    main()
