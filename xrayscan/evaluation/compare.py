"""``xrayscan compare``: models, thresholds and other models' outputs on the same films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import DataError, OptionError, UsageError
from xrayscan.evaluation import bootstrap, counting, delong
from xrayscan.evaluation.area import area
from xrayscan.evaluation.comparison_page import Page, write_page
from xrayscan.evaluation.contenders import (
    Contender,
    Setting,
    apart,
    ensemble,
    of_model,
    of_outputs,
    paired,
)
from xrayscan.evaluation.disagreements import disagreements
from xrayscan.evaluation.estimates import ends, rounded
from xrayscan.evaluation.external import Outputs, contents, read_outputs
from xrayscan.evaluation.films import (
    LabelledScan,
    LabelOptions,
    copies_joined,
    labelled_scans,
)
from xrayscan.evaluation.judging import OpenHooks
from xrayscan.evaluation.learnt import check_unseen, say_learnt
from xrayscan.evaluation.metrics import auc
from xrayscan.evaluation.outputs import SCHEMA, check_outputs, write_json
from xrayscan.evaluation.pairs import holm, mcnemar
from xrayscan.evaluation.proportions import proportions
from xrayscan.evaluation.sample import Sample
from xrayscan.intake.admission import Admission
from xrayscan.records import DISCLAIMER, Assessment
from xrayscan.reporting.run_record import versions
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import ModelCard, load_card


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What ``compare`` is asked to do.

    Attributes:
        labels: which films, and what their labels mean.
        models: names of bundled models, or model folders; empty takes the default one where there
            are no ``outputs`` either.
        outputs: CSVs of other models.
        rules: thresholds; empty takes each model's default.
        with_ensemble: add the mean of all.
        admission: what to do with films outside a model's training population.
        workers: threads.
        report, json: outputs; None writes none.
    """

    labels: LabelOptions
    models: tuple[str, ...]
    outputs: tuple[Path, ...] = ()
    rules: tuple[str, ...] = ()
    with_ensemble: bool = False
    admission: Admission = Admission.ON
    workers: int = 1
    report: Path | None = None
    json: Path | None = None

    @property
    def setting(self) -> Setting:
        """How the models take the films."""
        return Setting(self.rules, self.workers, self.admission)


def compare(options: CompareOptions, hooks: OpenHooks) -> dict[str, Any]:
    """Compare on the films that all have a probability for, and write what is asked for.

    Returns:
        Everything that was measured, as plain values.

    Raises:
        DataError: labels or outputs cannot be used, or no film has a probability of all.
        UsageError: nothing to compare, a threshold or an output cannot be used.
        ModelError: a model folder cannot be used.
        StoppedError: asked to stop.
    """
    _check(options)
    cards = [load_card(model_folder(name)) for name in options.models or (DEFAULT_MODEL,)]
    card = cards[0]
    films = labelled_scans(options.labels, card).films
    # beside outputs of others the default model only says what the labels mean
    models = cards if options.models or not options.outputs else []
    for each in models:
        _check_model(each, card, options.labels)
    outputs = [read_outputs(path) for path in options.outputs]  # before hours are spent on models
    contenders, known = _contenders(options, models, outputs, films, hooks)
    films = copies_joined(films, known)
    common = _common(contenders, options.labels)
    names = (card.negative, card.positive)
    samples = {each.name: _sample(each, films, common, names) for each in contenders}
    facts = {
        "schema": SCHEMA,
        "note": DISCLAIMER,
        "versions": versions(),
        "data": options.labels.data.name,
        "films": {"labelled": len(films), "compared": int(common.sum())},
        "names": list(names),
        "rows": [
            _row(each, samples[each.name], rule) for each in contenders for rule in each.thresholds
        ],
        "learnt_from": _learnt(contenders, common),
        "auc_pairs": _auc_pairs(contenders, samples),
        "call_pairs": _call_pairs(contenders, samples),
    }
    if options.json:
        write_json(options.json, facts)
    if options.report:
        shown = disagreements(contenders, films, common, names, options.setting)
        write_page(options.report, Page(facts, samples, shown))
    return facts


def _check(options: CompareOptions) -> None:
    if len(options.models) + len(options.outputs) < 2 and len(options.rules) < 2:
        raise UsageError(
            "nothing to compare: give --model, --external or --threshold at least twice"
        )
    check_outputs((options.report, options.json), (options.labels.data, *options.outputs))


def _check_model(card: ModelCard, first: ModelCard, labels: LabelOptions) -> None:
    """Refuse a model whose score says the opposite of the first one's.

    Raises:
        UsageError: so it is.
        DataError: it is to leave out what it has learnt from, and does not say what that is.
    """
    check_unseen(labels, card.folder)
    if card.positive.casefold() == first.negative.casefold():
        raise OptionError(
            "model",
            card.name,
            f"its score is P({card.positive}), that of {first.name} "
            f"P({first.positive}); compare models of the same positive class",
        )


def _common(contenders: Sequence[Contender], labels: LabelOptions) -> NDArray[np.bool_]:
    """The films to compare on: (N,) True where all have a probability, and none has learnt from it
    if that is asked for.

    Raises:
        DataError: there are none.
    """
    kept = ~np.isnan([each.probabilities for each in contenders]).any(axis=0)
    if labels.unseen:
        for each in contenders:
            kept &= True if each.learnt is None else ~each.learnt
    if not kept.any():
        raise DataError(
            f"{labels.data}: no film is left that has a probability of all; compare fewer"
        )
    return np.asarray(kept, np.bool_)


def _learnt(contenders: Sequence[Contender], common: NDArray[np.bool_]) -> dict[str, int]:
    """How many of the films models have learnt from, by name, for those that say; told, too."""
    found = {
        each.name: int(each.learnt[common].sum()) for each in contenders if each.learnt is not None
    }
    for name, count in found.items():
        if count:
            say_learnt(name, count, int(common.sum()))
    return found


def _contenders(
    options: CompareOptions,
    models: Sequence[ModelCard],
    outputs: Sequence[Outputs],
    films: Sequence[LabelledScan],
    hooks: OpenHooks,
) -> tuple[list[Contender], Sequence[str]]:
    """All that is compared, and the sha256 of the films as far as they were read."""
    rows: Sequence[Assessment] = ()
    found = []
    for card in models:
        contender, rows = of_model(card, films, options.setting, hooks)
        found.append(contender)
    known = [row.sha256 for row in rows] if models else contents(films, outputs)
    found += [of_outputs(each, films, known, options.rules) for each in outputs]
    found = apart(found)
    return [*found, ensemble(found)] if options.with_ensemble else found, known


def _sample(
    contender: Contender,
    films: Sequence[LabelledScan],
    common: NDArray[np.bool_],
    names: tuple[str, str],
) -> Sample:
    positives = np.array([film.positive for film in films], np.bool_)
    patients = tuple(film.patient for film in films)
    return Sample(contender.probabilities, positives, patients, names).chosen(common)


def _row(contender: Contender, sample: Sample, rule: str) -> dict[str, Any]:
    threshold = contender.thresholds[rule]
    called = sample.probabilities >= threshold
    f1 = float(counting.measures(counting.counts_of(called, sample.positives))["f1"])
    return {
        "name": contender.name,
        "rule": rule,
        "threshold": rounded(threshold),
        "auc": area(sample).facts(),
        **{name: share.facts() for name, share in proportions(sample, called).items()},
        "f1": rounded(f1) if np.isfinite(f1) else None,
        "films_per_second": _short(contender.films_per_second),
        "megabytes": _short(contender.megabytes),
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _auc_pairs(
    contenders: Sequence[Contender], samples: Mapping[str, Sample]
) -> list[dict[str, Any]]:
    """The areas of every two contenders."""
    found = [
        {"first": one.name, "second": other.name}
        | _area_difference(samples[one.name], samples[other.name])
        for one, other in combinations(contenders, 2)
    ]
    return _adjusted(found)


def _call_pairs(
    contenders: Sequence[Contender], samples: Mapping[str, Sample]
) -> list[dict[str, Any]]:
    found = [
        _calls((one, rule), (other, another), samples)
        for one, rule, other, another in paired(contenders)
    ]
    return _adjusted(found)


def _calls(
    first: tuple[Contender, str],
    second: tuple[Contender, str],
    samples: Mapping[str, Sample],
) -> dict[str, Any]:
    (one, one_rule), (other, other_rule) = first, second
    left, right = samples[one.name], samples[other.name]
    test = mcnemar(
        (left.probabilities >= one.thresholds[one_rule]) == left.positives,
        (right.probabilities >= other.thresholds[other_rule]) == left.positives,
        left.patients,
    )
    return {
        "first": f"{one.name}, {one_rule}",
        "second": f"{other.name}, {other_rule}",
        "only_first_right": test.only_first,
        "only_second_right": test.only_second,
        "p": rounded(test.p),
    }


def _adjusted(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    adjusted = holm([pair["p"] for pair in pairs])
    return [pair | {"p_holm": rounded(p)} for pair, p in zip(pairs, adjusted, strict=True)]


def _area_difference(left: Sample, right: Sample) -> dict[str, Any]:
    if left.lack:
        return {"value": None, "p": None, "why": left.lack}
    scores = [left.probabilities, right.probabilities]
    found = delong.difference(delong.areas(scores, left.positives, left.patients), 0, 1)

    def drawn(films: NDArray[np.int64]) -> float:
        positives = left.positives[films]
        return auc(scores[0][films], positives) - auc(scores[1][films], positives)

    return {
        "value": rounded(found.value),
        "interval": ends(found.interval),
        "interval_by_patient": ends(bootstrap.interval(drawn, left.patients)),
        "p": rounded(found.p),
    }
