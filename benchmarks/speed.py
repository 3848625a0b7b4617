"""How fast ``predict`` is beside what people do today, and beside what its parts allow.

Usage:
    python -m benchmarks.speed FOLDER [--model MODEL] [--films 624] [--repeats 3] [--chart PNG]

FOLDER has films; they are copied until there are ``--films``. Every way runs in a process of its
own on one core and on two, in turns, and the medians are told:

usual     a Keras call for each film, its heat map by GradientTape, drawn over it by Matplotlib
batched   ``model.predict`` in batches of 16, no heat map
decode    the JPEG decoder alone, a thread for each core
engine    the scorer with its heat maps on arrays in memory
predict   ``xrayscan predict --report --no-heat-test``, its start and its end included
tested    the same with its test of each heat map that is shown: here of all films

The bound is cores / (CPU time of decoding a film + CPU time of scoring it), each measured alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from threading import Event, Thread

import cv2
import numpy as np
import simplejpeg

from xrayscan.cores import available_cores
from xrayscan.resources import model_folder
from xrayscan.scoring.card import KERAS, SCORER, load_card
from xrayscan.scoring.engine import Engine

_FEW = 24  # films that the usual script gets: it does a few in a second
_BATCH = 16
_OTHERS = ("usual", "batched", "decode", "engine")
# Telling what a process shares costs time in it: at five a second, predict took a quarter longer.
_SECONDS_BETWEEN_SAMPLES = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """A way, measured once.

    Attributes:
        rate: films per second of wall time.
        cpu: seconds of CPU time per film.
        memory: the most of the whole process tree, MiB (PSS).
    """

    rate: float
    cpu: float
    memory: float = 0.0


# -- the ways, each in a process of its own ------------------------------------------------------


def usual(model: Path, films: Sequence[Path]) -> Callable[[], object]:
    """What the recurring notebooks do, with the same network."""
    import keras
    import matplotlib as mpl
    import tensorflow as tf

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    network = keras.models.load_model(model / KERAS, compile=False)
    features = network.get_layer("last_feature_map").output
    trunk = keras.Model(network.input, features)
    head = keras.Model(features, network.output)
    size = network.input_shape[1]

    def explain(path: Path) -> None:
        film = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        pixels = cv2.resize(film, (size, size)).astype(np.float32)[None, ..., None]
        network.predict(pixels, verbose=0)
        found = trunk(pixels)
        with tf.GradientTape() as tape:
            tape.watch(found)
            score = head(found)
        gradient = tape.gradient(score, found)
        heat = tf.nn.relu(tf.reduce_sum(tf.reduce_mean(gradient, (1, 2)) * found, -1))[0].numpy()
        figure, axes = plt.subplots()
        axes.imshow(film, cmap="gray")
        axes.imshow(cv2.resize(heat, film.shape[::-1]), cmap="jet", alpha=0.4)
        figure.savefig(path.with_suffix(".png"))
        plt.close(figure)

    return lambda: [explain(path) for path in films]


def batched(model: Path, films: Sequence[Path]) -> Callable[[], object]:
    """``model.predict`` in batches, films read by OpenCV."""
    import keras

    network = keras.models.load_model(model / KERAS, compile=False)
    size = network.input_shape[1]

    def read(path: Path) -> np.ndarray:
        film = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        return cv2.resize(film, (size, size)).astype(np.float32)[..., None]

    def run() -> None:
        for start in range(0, len(films), _BATCH):
            batch = np.stack([read(path) for path in films[start : start + _BATCH]])
            network.predict(batch, verbose=0)

    return run


def decode(model: Path, films: Sequence[Path]) -> Callable[[], object]:
    """The decoder alone."""
    del model
    codes = [path.read_bytes() for path in films]

    def run() -> None:
        with ThreadPoolExecutor(available_cores()) as threads:
            for _ in threads.map(lambda code: simplejpeg.decode_jpeg(code, "GRAY"), codes):
                pass

    return run


def engine(model: Path, films: Sequence[Path]) -> Callable[[], object]:
    """The scorer on arrays in memory."""
    card = load_card(model)
    scorer = Engine(model / SCORER, card.input_size, available_cores())
    shape = (_BATCH, card.input_size, card.input_size)
    batch = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    return lambda: [scorer.score(batch) for _ in range(len(films) // _BATCH)]


def run_way(name: str, model: Path, films: Sequence[Path]) -> Measured:
    """Run a way in this process, its loading and first films not counted."""
    prepare = {"usual": usual, "batched": batched, "decode": decode, "engine": engine}[name]
    cv2.setNumThreads(1)
    prepare(model, films[:_BATCH])()
    run = prepare(model, films)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Measured(len(films) / wall, cpu / len(films))


# -- the measuring -------------------------------------------------------------------------------


def measure(name: str, model: Path, folder: Path, cores: int) -> Measured:
    """Run a way in a process of its own, on so many cores."""
    code = [sys.executable, "-m", "benchmarks.speed", str(folder), "--way", name]
    done, memory = _watched([*code, "--model", str(model)], cores)
    return Measured(**(json.loads(done.splitlines()[-1]) | {"memory": memory}))


def measure_predict(model: Path, folder: Path, cores: int, more: Sequence[str]) -> Measured:
    """Run ``xrayscan predict`` with a report, from nothing to the end."""
    count = len(list(folder.iterdir()))
    with tempfile.TemporaryDirectory() as place:
        report = ["--report", f"{place}/report.html", "--model", str(model), "--quiet"]
        wall, cpu = time.perf_counter(), _children()
        code = [sys.executable, "-m", "xrayscan", "predict", str(folder), *report]
        _, memory = _watched([*code, "--admission", "warn", *more], cores)
        wall = time.perf_counter() - wall
    return Measured(count / wall, (_children() - cpu) / count, memory)


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _watched(command: Sequence[str], cores: int) -> tuple[str, float]:
    """Run a command on some cores; returns what it printed, and its tree's peak memory, MiB."""
    mine = sorted(os.sched_getaffinity(0))[:cores]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, mine),
    )
    peak, ended = [0.0], Event()

    def watch() -> None:
        while not ended.wait(_SECONDS_BETWEEN_SAMPLES):
            peak[0] = max(peak[0], sum(map(_memory, _tree(process.pid))))

    watcher = Thread(target=watch)
    watcher.start()
    printed, _ = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return printed, peak[0]


def _tree(process: int) -> Iterator[int]:
    """A process and all below it."""
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))


def _memory(process: int) -> float:
    """Proportional share of a process's memory, MiB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def copy_films(source: Path, folder: Path, count: int) -> Path:
    """Copy the JPEGs of a folder until there are so many."""
    films = sorted(path for path in source.rglob("*") if path.suffix in (".jpg", ".jpeg"))
    folder.mkdir()
    for number, path in zip(range(count), cycle(films), strict=False):
        shutil.copyfile(path, folder / f"{number:05}.jpg")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--films", type=int, default=624)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--way", choices=_OTHERS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    model = model_folder(asked.model)
    if asked.way:
        films = sorted(asked.folder.glob("*.jpg"))
        print(json.dumps(asdict(run_way(asked.way, model, films))))
        return
    with tempfile.TemporaryDirectory() as place:
        many = copy_films(asked.folder, Path(place) / "many", asked.films)
        few = copy_films(asked.folder, Path(place) / "few", _FEW)
        print(f"{load_card(model).name}, {asked.films} films, medians of {asked.repeats}\n")
        print("| cores | way | films/s | CPU ms per film | peak MiB | predict is, times |")
        print("|---|---|---|---|---|---|")
        medians = {cores: _medians(model, (few, many), cores, asked.repeats) for cores in (1, 2)}
    if asked.chart:
        draw(medians, asked.chart)


def _medians(
    model: Path, folders: tuple[Path, Path], cores: int, repeats: int
) -> dict[str, Measured]:
    few, many = folders
    whole = {"predict": ["--no-heat-test"], "tested": []}
    rounds: dict[str, list[Measured]] = {name: [] for name in (*_OTHERS, *whole)}
    for _ in range(repeats):
        for name in _OTHERS:
            folder = few if name == "usual" else many
            rounds[name].append(measure(name, model, folder, cores))
        for name, more in whole.items():
            rounds[name].append(measure_predict(model, many, cores, more))
    found = {name: _median(each) for name, each in rounds.items()}
    bound = cores / (found["decode"].cpu + found["engine"].cpu)
    found["bound"] = Measured(bound, cores / bound)
    for name, each in found.items():
        times = found["predict"].rate / each.rate
        memory = f"{each.memory:.0f}" if each.memory else ""
        cells = f"{each.rate:.1f} | {1000 * each.cpu:.1f} | {memory} | {times:.2f}"
        print(f"| {cores} | {name} | {cells} |", flush=True)
    return found


def _median(measured: Sequence[Measured]) -> Measured:
    columns = zip(*(asdict(each).values() for each in measured), strict=True)
    return Measured(*map(statistics.median, columns))


def draw(medians: dict[int, dict[str, Measured]], path: Path) -> None:
    """Draw films per second of every way as bars, with the bound as a line, into a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    for axes, (cores, found) in zip(figure.subplots(1, 2), medians.items(), strict=True):
        names = [name for name in found if name != "bound"]
        bars = axes.barh(names, [found[name].rate for name in names], color="#4477aa")
        axes.bar_label(bars, fmt="%.1f", padding=2)
        axes.axvline(found["bound"].rate, color="#cc3311", linestyle="--", label="bound")
        axes.set(title=f"{cores} core{'s' * (cores > 1)}", xlabel="films per second")
        axes.invert_yaxis()
        axes.margins(x=0.2)
        axes.legend(loc="lower right")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
