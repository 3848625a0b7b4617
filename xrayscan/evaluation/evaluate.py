"""``xrayscan evaluate``: how good a model is on labelled films, as figures and as a page."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrayscan.cells import path_text, safe_cell
from xrayscan.evaluation.by_threshold import at_threshold
from xrayscan.evaluation.evaluation_page import Page, write_page
from xrayscan.evaluation.explaining.map_tests import MapTests
from xrayscan.evaluation.films import LabelledScans, LabelOptions, labelled_scans
from xrayscan.evaluation.judging import (
    Judged,
    OpenHooks,
    assess_options,
    explain,
    judge,
)
from xrayscan.evaluation.kept import check_keeping, keep
from xrayscan.evaluation.label_notices import label_notices
from xrayscan.evaluation.learnt import Measurable, check_unseen, measurable
from xrayscan.evaluation.measure import MeasureOptions, measure
from xrayscan.evaluation.outputs import SCHEMA, check_outputs, check_prevalence, write_json
from xrayscan.evaluation.panels import chosen_films
from xrayscan.evaluation.subgroups import subgroups
from xrayscan.intake.admission import Admission
from xrayscan.journal.atomic import atomic_text
from xrayscan.records import DISCLAIMER, PROBABILITY_DECIMALS, Status
from xrayscan.reporting.run_record import versions
from xrayscan.resources import model_folder
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.model import ScoringModel
from xrayscan.scoring.thresholds import THRESHOLD_DECIMALS

log = logging.getLogger(__name__)

_COLUMNS = ("path", "label", "positive", "status", "probability", "called", "reason", "sha256")


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What ``evaluate`` is asked to do.

    Attributes:
        labels: which films, and what their labels mean.
        model: name of a bundled model, or a model folder.
        threshold: a rule, a number, or a name in the card; "" takes the card's default.
        prevalence: 0..1, for predictive values elsewhere; None for none.
        columns: subgroups beside age, sex and view.
        admission: what to do with films outside the training population.
        workers: threads.
        explanations: test the heat maps, too.
        report, json, csv: outputs; None writes none.
        keep_as: keep the main figures in the model's folder under this name; "" keeps none.
    """

    labels: LabelOptions
    model: str
    threshold: str = ""
    prevalence: float | None = None
    columns: tuple[str, ...] = ()
    admission: Admission = Admission.ON
    workers: int = 1
    explanations: bool = False
    report: Path | None = None
    json: Path | None = None
    csv: Path | None = None
    keep_as: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it.

    Attributes:
        facts: everything that was measured, as plain values.
        judged: the films behind it.
    """

    facts: Mapping[str, Any]
    judged: Judged


def evaluate(options: EvaluateOptions, hooks: OpenHooks) -> Evaluation:
    """Measure a model on labelled films and write what is asked for.

    Raises:
        DataError: the labels cannot be used.
        UsageError: threshold, prevalence or outputs cannot be used.
        ModelError: the model folder cannot be used.
        StoppedError: asked to stop.
        XrayscanError: an output cannot be written.
    """
    _check(options)
    model = ScoringModel(model_folder(options.model), options.workers)
    if options.keep_as:
        check_keeping(model.card)
    check_unseen(options.labels, model.card.folder)
    threshold = model.card.threshold(options.threshold)
    labelled = labelled_scans(options.labels, model.card)
    assess = assess_options(threshold, model.card, options.workers, options.admission)
    found = measurable(judge(model, labelled.films, assess, hooks), model.card, options.labels)
    judged = found.judged
    facts = _facts(options, model.card, labelled, found, threshold)
    tested = MapTests(model, assess) if options.explanations else None
    if tested:
        facts["explanations"] = tested.of_films(judged, threshold)
    if options.json:
        write_json(options.json, facts)
    if options.csv:
        _write_rows(options.csv, judged, threshold)
    if options.report:
        panels = chosen_films(judged, threshold)
        scans = [judged.films[index].scan for group in panels.values() for index in group]
        explained = explain(model, scans, assess)
        if tested:
            tested.mark(explained)
        write_page(options.report, Page(facts, model.card, judged, panels, explained))
    if options.keep_as:
        keep(model.card, options.keep_as, facts)
    return Evaluation(facts, judged)


def _check(options: EvaluateOptions) -> None:
    check_prevalence(options.prevalence)
    check_outputs((options.report, options.json, options.csv), (options.labels.data,))


def _facts(
    options: EvaluateOptions,
    card: ModelCard,
    labelled: LabelledScans,
    found: Measurable,
    threshold: float,
) -> dict[str, Any]:
    judged = found.judged
    sample = judged.sample
    named = {
        rule: round(point.threshold, THRESHOLD_DECIMALS) for rule, point in card.thresholds.items()
    }
    scored_films = [judged.films[index] for index in judged.places()]
    return {
        "schema": SCHEMA,
        "note": DISCLAIMER,
        "versions": versions(),
        "model": {"name": card.name, "sha256": card.sha256},
        "data": options.labels.data.name,
        "options": {
            "admission": options.admission.value,
            "split": options.labels.split,
            "unseen": options.labels.unseen,
            "positive": list(options.labels.positive),
            "negative": list(options.labels.negative),
        },
        "rule": options.threshold or card.default_rule,
        "threshold": threshold,
        "flow": _flow(labelled, found),
        "notices": label_notices(judged),
        "measures": measure(sample, MeasureOptions(threshold, named, options.prevalence)),
        "all_without_probability_referred": _referred(judged, threshold, options.prevalence),
        "subgroups": subgroups(scored_films, sample, threshold, options.columns),
    }


def _flow(labelled: LabelledScans, found: Measurable) -> dict[str, Any]:
    judged = found.judged
    statuses = [status for status in Status if status is not Status.ADMITTED]  # of check alone
    by_status = {
        status.value: sum(row.status is status for row in judged.rows) for status in statuses
    }
    return {
        "labelled": len(judged.films),
        "patients": len(set(judged.patients)),
        **by_status,
        "without_probability": len(judged.rows) - by_status[Status.SCORED.value],
        "other_labels": dict(labelled.other_labels),
        "left_out_as_seen": found.left_out,
        "learnt_from": found.learnt,
        "without_patient": judged.unnamed_patients,
    }


def _referred(judged: Judged, threshold: float, prevalence: float | None) -> dict[str, Any]:
    """What calls give where a film without a probability goes to a person, as a positive does."""
    everything = judged.all_with(1.0)
    called = (everything.probabilities >= threshold) | ~judged.scored
    return at_threshold(everything, called, prevalence)


def _write_rows(path: Path, judged: Judged, threshold: float) -> None:
    with atomic_text(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for film, row in zip(judged.films, judged.rows, strict=True):
            known = row.probability is not None
            cells = (
                path_text(film.scan.location),
                film.label,
                str(int(film.positive)),
                row.status.value,
                f"{row.probability:.{PROBABILITY_DECIMALS}f}" if known else "",
                judged.names[int((row.probability or 0.0) >= threshold)] if known else "",
                row.reason or "",
                row.sha256,
            )
            rows.writerow([safe_cell(cell) for cell in cells])
