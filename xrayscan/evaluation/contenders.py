"""What is compared: models, other models' outputs, and the mean of all, on the same films."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import UsageError
from xrayscan.evaluation.external import matched
from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.judging import OpenHooks, assess_options, judge
from xrayscan.evaluation.learnt import learnt_by
from xrayscan.intake.admission import Admission
from xrayscan.records import PROBABILITY_DECIMALS, Assessment
from xrayscan.scoring.card import SCORING_FILES, ModelCard
from xrayscan.scoring.model import ScoringModel

ENSEMBLE = "mean of all"


@dataclass(frozen=True, slots=True)
class Contender:
    """One model with what it says of the films.

    Attributes:
        name: as the outputs show it; no two are alike.
        probabilities: (N,) 0..1, NaN for films that it gives none for.
        thresholds: by rule, 0..1.
        films_per_second: reading included; None for outputs of others.
        megabytes: of the files that scoring needs; None for outputs of others.
        folder: of the model; None for outputs of others.
        learnt: (N,) the films that it has learnt from; None where it does not say.
    """

    name: str
    probabilities: NDArray[np.float64]
    thresholds: Mapping[str, float]
    films_per_second: float | None = None
    megabytes: float | None = None
    folder: Path | None = None
    learnt: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """How the models take the films.

    Attributes:
        rules: thresholds to compare; empty takes each card's default.
        workers: threads.
        admission: what to do with films outside a model's training population.
    """

    rules: tuple[str, ...]
    workers: int
    admission: Admission


def of_model(
    folder: Path, films: Sequence[LabelledScan], setting: Setting, hooks: OpenHooks
) -> tuple[Contender, tuple[Assessment, ...]]:
    """Run a model on the films; its rows tell the films' sha256."""
    model = ScoringModel(folder, setting.workers)
    thresholds = _thresholds(setting.rules, model.card)
    options = assess_options(
        next(iter(thresholds.values())), model.card, setting.workers, setting.admission
    )
    started = time.perf_counter()
    judged = judge(model, films, options, hooks)
    seconds = time.perf_counter() - started
    values = [np.nan if row.probability is None else row.probability for row in judged.rows]
    size = sum((folder / name).stat().st_size for name in SCORING_FILES)
    contender = Contender(
        model.card.name,
        np.array(values, np.float64),
        thresholds,
        len(films) / max(seconds, 1e-9),
        size / 1e6,
        folder,
        learnt_by(folder, judged),
    )
    return contender, judged.rows


def _thresholds(rules: Sequence[str], card: ModelCard) -> dict[str, float]:
    return {rule: card.threshold(rule) for rule in rules or (card.default_rule,)}


def of_outputs(
    path: Path,
    films: Sequence[LabelledScan],
    rows: Sequence[Assessment | None],
    rules: Sequence[str],
) -> Contender:
    """Take another model's outputs, at the numbers among the rules, else at its own threshold."""
    found, own = matched(path, films, rows)
    numbers = {rule: float(rule) for rule in rules if _is_number(rule)}
    values = np.array([np.nan if each is None else each for each in found], np.float64)
    return Contender(path.stem, values, numbers or {f"{own:g}": own})


def ensemble(contenders: Sequence[Contender]) -> Contender:
    """The mean of the probabilities, at the mean of the members' thresholds, rule by rule.

    Raises:
        UsageError: there is only one.
    """
    if len(contenders) < 2:
        raise UsageError("--ensemble: takes at least two models or outputs; give more")
    mean = np.stack([each.probabilities for each in contenders]).mean(axis=0)
    rules = [list(each.thresholds.items()) for each in contenders]
    together = zip(*(pairs for pairs in rules if len(pairs) == len(rules[0])), strict=False)
    thresholds = {
        pairs[0][0]: float(np.mean([threshold for _, threshold in pairs])) for pairs in together
    }
    values = np.asarray(np.round(mean, PROBABILITY_DECIMALS), np.float64)
    return Contender(ENSEMBLE, values, thresholds)


def apart(contenders: Sequence[Contender]) -> list[Contender]:
    """Number the contenders of the same name, so that every name is there once."""
    names = [each.name for each in contenders]
    told = []
    for place, each in enumerate(contenders):
        nth = names[: place + 1].count(each.name)
        name = f"{each.name} ({nth})" if names.count(each.name) > 1 else each.name
        told.append(replace(each, name=name))
    return told


def _is_number(rule: str) -> bool:
    try:
        return 0 <= float(rule) <= 1
    except ValueError:
        return False
