"""How well do cheap marks of heat maps agree with the mark of twenty other places?

    python -m benchmarks.map_marks FOLDER... [--cam gradcam] [--films 200]

Films are taken evenly from each folder, scored by the bundled model and tested. The cheap marks
have other places than the dear one, and "twenty again" says how far any can agree with it. Prints
Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.cores import available_cores
from xrayscan.evaluation.explaining.inputs import evenly
from xrayscan.evaluation.explaining.methods import Network
from xrayscan.evaluation.films import scan_of
from xrayscan.evaluation.judging import as_scored, assess_options
from xrayscan.intake.admission import Admission
from xrayscan.records import Scan
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.faithfulness import LEAST_BEATEN, Chance, blurred, is_open, without_hottest
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
    print(
        "| test | passes | reliable | agrees | of those not reliable called tested | know nothing |"
    )
    print("|---|---|---|---|---|---|")
    options = assess_options(0.5, model.card, available_cores(), Admission.WARN)
    falls = [
        each
        for folder in given.folders
        for film in as_scored(model, _evenly(folder, given.films), options).values()
        for each in _falls(model, network, film, given.cam)
    ]
    for line in _lines(np.stack(falls), model.card.heat_chance[given.cam]):
        print(line)


def _evenly(folder: Path, count: int) -> list[Scan]:
    films = sorted(path for path in folder.rglob("*") if path.is_file())
    return [scan_of(str(films[place])) for place in evenly(len(films), count)]


def _falls(
    model: ScoringModel, network: Network, pixels: NDArray[np.float32], cam: str
) -> Iterator[Falls]:
    """The logit as it is, without the hottest fifth, without the coldest, without forty others."""
    found = next(model.score(pixels[None], cam)).heat_map
    if found is None or np.ptp(found.heat) == 0:
        return
    heat = found.heat
    others = []
    for seed in (7, 8):
        chance = np.random.default_rng(seed)
        others += [chance.permutation(heat.ravel()).reshape(heat.shape) for _ in range(_MANY)]
    smooth = blurred(pixels)
    maps = (heat, heat.max() - heat, *others)
    changed = [pixels, *(without_hottest(pixels, smooth, each) for each in maps)]
    yield network.logits(np.stack(changed))


def _lines(falls: Falls, chance: Chance) -> Iterator[str]:
    films, own, coldest = falls[:, 0], falls[:, 1], falls[:, 2]
    dear, other = falls[:, 3 : 3 + _MANY], falls[:, 3 + _MANY :]
    marked = _counted(own, dear)

    def line(name: str, passes: float, found: Callable[[Falls], NDArray[np.bool_]]) -> str:
        # a map that knows nothing: the last of the others, which no test below compares with
        shares = _shares(found(own), marked), found(other[:, -1]).mean()
        return f"| {name} | {passes:.3g} | {shares[0]} | {shares[1]:.2f} |"

    yield line("twenty again", _MANY + 1, lambda own: _counted(own, other[:, : _MANY - 1]))
    for count in (2, 4, 5, 8):
        few = other[:, :count]
        yield line(f"{count}, counted", count + 1, partial(_counted, others=few))
        yield line(f"{count}, normal curve", count + 1, partial(_guessed, others=few))
    for count in (0, 1, 2, 4):
        test = partial(_expected, films, chance, others=other[:, :count])
        yield line(
            f"{count}, chance learnt", count + 1, lambda own, test=test: test(own) >= LEAST_BEATEN
        )
    few = other[:, :2]
    opened = _is_open(_expected(films, chance, own, few[:, :0]))
    passes = 1 + 2 * opened.mean()
    yield line("2 where it is open, chance learnt", passes, partial(_quick, films, chance, few))
    yield line("hottest against coldest", 2, lambda own: own < coldest)


def _counted(own: Falls, others: Falls) -> NDArray[np.bool_]:
    return np.asarray((own[:, None] < others).mean(axis=1) >= LEAST_BEATEN)


def _guessed(own: Falls, others: Falls) -> NDArray[np.bool_]:
    deviation = np.maximum(others.std(axis=1, ddof=1), 1e-9)
    return np.asarray((others.mean(axis=1) - own) / deviation >= _QUANTILE)


def _quick(films: Falls, chance: Chance, others: Falls, own: Falls) -> NDArray[np.bool_]:
    alone, more = (_expected(films, chance, own, each) for each in (others[:, :0], others))
    return np.where(_is_open(alone), more, alone) >= LEAST_BEATEN


def _is_open(beaten: Falls) -> NDArray[np.bool_]:
    return np.array([is_open(float(share)) for share in beaten])


def _expected(films: Falls, chance: Chance, own: Falls, others: Falls) -> Falls:
    rows = zip(own, films, others, strict=True)
    return np.array([chance.beaten(float(a), float(b), c) for a, b, c in rows])


def _shares(found: NDArray[np.bool_], marked: NDArray[np.bool_]) -> str:
    weak = found[~marked]
    shares = (found.mean(), (found == marked).mean(), weak.mean() if len(weak) else np.nan)
    return " | ".join(f"{share:.2f}" for share in shares)


if __name__ == "__main__":
    main()
