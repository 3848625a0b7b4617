"""What is compared: models, other models' outputs, and the mean of all, on the same films."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import OptionError
from xrayscan.evaluation.external import Outputs, matched
from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.judging import OpenHooks, assess_options, judge
from xrayscan.evaluation.learnt import learnt_by
from xrayscan.evaluation.sample import as_written
from xrayscan.intake.admission import Admission
from xrayscan.records import Assessment
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
        own: the rule among them that stands for every one that is not there: a model's default,
            the one threshold of another model's outputs; "" where there is none.
        films_per_second: reading included; None for outputs of others.
        megabytes: of the files that scoring needs; None for outputs of others.
        folder: of the model; None for outputs of others.
        learnt: (N,) the films that it has learnt from; None where it does not say.
    """

    name: str
    probabilities: NDArray[np.float64]
    thresholds: Mapping[str, float]
    own: str = ""
    films_per_second: float | None = None
    megabytes: float | None = None
    folder: Path | None = None
    learnt: NDArray[np.bool_] | None = None

    def rule_for(self, rule: str) -> str:
        """What it has for a rule: the rule itself, else its own; "" for neither."""
        return rule if rule in self.thresholds else self.own


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
    card: ModelCard, films: Sequence[LabelledScan], setting: Setting, hooks: OpenHooks
) -> tuple[Contender, tuple[Assessment, ...]]:
    """Run a model on the films; its rows tell the films' sha256."""
    model = ScoringModel(card.folder, setting.workers, card)
    thresholds = _thresholds(setting.rules, card)
    options = assess_options(
        next(iter(thresholds.values())), card, setting.workers, setting.admission
    )
    started = time.perf_counter()
    judged = judge(model, films, options, hooks)
    seconds = time.perf_counter() - started
    values = [np.nan if row.probability is None else row.probability for row in judged.rows]
    size = sum((card.folder / name).stat().st_size for name in SCORING_FILES)
    contender = Contender(
        card.name,
        np.array(values, np.float64),
        thresholds,
        "" if setting.rules else card.default_rule,
        len(films) / max(seconds, 1e-9),
        size / 1e6,
        card.folder,
        learnt_by(card.folder, judged),
    )
    return contender, judged.rows


def _thresholds(rules: Sequence[str], card: ModelCard) -> dict[str, float]:
    return {rule: card.threshold(rule) for rule in rules or (card.default_rule,)}


def of_outputs(
    outputs: Outputs,
    films: Sequence[LabelledScan],
    contents: Sequence[str],
    rules: Sequence[str],
) -> Contender:
    """Take another model's outputs, at the numbers among the rules.

    For rules that a card would know, and where there are none, at their own threshold.
    """
    found, threshold = matched(outputs, films, contents)
    thresholds = {rule: float(rule) for rule in rules if _is_number(rule)}
    own = "" if rules and all(map(_is_number, rules)) else f"{threshold:g}"
    if own:
        thresholds.setdefault(own, threshold)
    values = np.array([np.nan if each is None else each for each in found], np.float64)
    return Contender(outputs.path.stem, values, thresholds, own)


def ensemble(contenders: Sequence[Contender]) -> Contender:
    """The mean of the probabilities, at the mean of the members' thresholds, rule by rule.

    Raises:
        UsageError: there is only one.
    """
    if len(contenders) < 2:
        raise OptionError("ensemble", None, "takes at least two models or outputs; give more")
    mean = np.stack([each.probabilities for each in contenders]).mean(axis=0)
    own = contenders[0].own if all(each.own for each in contenders) else ""
    asked = {rule: None for each in contenders for rule in each.thresholds if rule != each.own}
    if own:
        asked[own] = None
    thresholds = {
        rule: float(np.mean([each.thresholds[each.rule_for(rule)] for each in contenders]))
        for rule in asked
    }
    return Contender(ENSEMBLE, as_written(mean), thresholds, own)


def paired(contenders: Sequence[Contender]) -> list[tuple[Contender, str, Contender, str]]:
    """Whose calls are compared: of every two by the same rule, and every two rules of one."""
    rows = [(each, rule) for each in contenders for rule in each.thresholds]
    return [
        (one, rule, other, another)
        for (one, rule), (other, another) in combinations(rows, 2)
        if one.name == other.name
        or other.rule_for(rule) == another
        or one.rule_for(another) == rule
    ]


def apart(contenders: Sequence[Contender]) -> list[Contender]:
    """Number the contenders of the same name, so that every name is there once."""
    names = [each.name for each in contenders]
    return [
        replace(each, name=f"{each.name} ({names[: place + 1].count(each.name)})")
        if names.count(each.name) > 1
        else each
        for place, each in enumerate(contenders)
    ]


def _is_number(rule: str) -> bool:
    try:
        return 0 <= float(rule) <= 1
    except ValueError:
        return False
