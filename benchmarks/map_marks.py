"""How well do cheap marks of heat maps agree with the mark of twenty other places?

    python -m benchmarks.map_marks FOLDER... [--cam gradcam] [--films 200]

Films are taken evenly from each folder, scored by the bundled model and tested. The cheap marks
have other places than the dear one, and "twenty again" says how far any can agree with it. Prints
Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.cores import available_cores
from xrayscan.errors import DataError
from xrayscan.evaluation.explaining.inputs import seen
from xrayscan.evaluation.explaining.methods import Network
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.faithfulness import blurred, without_hottest
from xrayscan.scoring.model import ScoringModel

_MANY = 20
_QUANTILE = 0.8416  # of the normal curve, at 0.8
Falls = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--cam", default="gradcam")
    parser.add_argument("--films", type=int, default=200)
    given = parser.parse_args()
    model = ScoringModel(model_folder(DEFAULT_MODEL), available_cores())
    network = Network.of(model.card, available_cores())
    print("| test | passes | reliable | agrees | of those not reliable called tested |")
    print("|---|---|---|---|---|")
    falls = [
        each
        for folder in given.folders
        for film in _evenly(folder, given.films)
        for each in _falls(model, network, film, given.cam)
    ]
    for line in _lines(np.stack(falls)):
        print(line)


def _evenly(folder: Path, count: int) -> list[Path]:
    films = sorted(path for path in folder.rglob("*") if path.is_file())
    places = np.unique(np.linspace(0, len(films) - 1, count).round().astype(int))
    return [films[place] for place in places]


def _falls(model: ScoringModel, network: Network, film: Path, cam: str) -> Iterator[Falls]:
    """The logit without the hottest fifth, without the coldest, and without forty others."""
    try:
        pixels = seen(model, str(film)).pixels
    except DataError:
        return
    heat = next(model.score(pixels[None], cam)).heat
    if heat is None or np.ptp(heat) == 0:
        return
    others = []
    for seed in (7, 8):
        chance = np.random.default_rng(seed)
        others += [chance.permutation(heat.ravel()).reshape(heat.shape) for _ in range(_MANY)]
    smooth = blurred(pixels)
    maps = (heat, heat.max() - heat, *others)
    yield network.logits(np.stack([without_hottest(pixels, smooth, each) for each in maps]))


def _lines(falls: Falls) -> Iterator[str]:
    own, coldest = falls[:, 0], falls[:, 1]
    dear, other = falls[:, 2 : 2 + _MANY], falls[:, 2 + _MANY :]
    marked = _counted(own, dear)
    yield _line("twenty again", _MANY + 1, _counted(own, other), marked)
    for count in (2, 4, 5, 8):
        yield _line(f"{count}, counted", count + 1, _counted(own, other[:, :count]), marked)
    for count in (2, 4, 5, 8):
        yield _line(f"{count}, normal curve", count + 1, _guessed(own, other[:, :count]), marked)
    yield _line("hottest against coldest", 2, own < coldest, marked)


def _counted(own: Falls, others: Falls) -> NDArray[np.bool_]:
    return np.asarray((own[:, None] < others).mean(axis=1) >= 0.8)


def _guessed(own: Falls, others: Falls) -> NDArray[np.bool_]:
    deviation = np.maximum(others.std(axis=1, ddof=1), 1e-9)
    return np.asarray((others.mean(axis=1) - own) / deviation >= _QUANTILE)


def _line(name: str, passes: int, found: NDArray[np.bool_], marked: NDArray[np.bool_]) -> str:
    weak = found[~marked]
    shares = (found.mean(), (found == marked).mean(), weak.mean() if len(weak) else np.nan)
    return f"| {name} | {passes} | " + " | ".join(f"{share:.2f}" for share in shares) + " |"


if __name__ == "__main__":
    main()
