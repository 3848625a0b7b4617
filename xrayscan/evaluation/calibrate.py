"""``xrayscan calibrate``: thresholds and probabilities for one site, from its labelled films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xrayscan.errors import DataError, OptionError, UsageError
from xrayscan.evaluation.correction import Correction
from xrayscan.evaluation.films import LabelOptions, labelled_scans
from xrayscan.evaluation.judging import OpenHooks, assess_options, judge
from xrayscan.evaluation.label_notices import label_notices
from xrayscan.evaluation.learnt import check_unseen, measurable
from xrayscan.evaluation.outputs import check_prevalence
from xrayscan.evaluation.profile import Site, write_profile
from xrayscan.evaluation.recalibrating import Finding, find_recalibration
from xrayscan.evaluation.sample import Sample, as_written
from xrayscan.evaluation.wishes import Wish, check, granted
from xrayscan.intake.admission import Admission
from xrayscan.resources import model_folder
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.model import ScoringModel
from xrayscan.scoring.recalibration import Recalibration


@dataclass(frozen=True, slots=True)
class CalibrateOptions:
    """What ``calibrate`` is asked to do.

    Attributes:
        labels: which films, and what their labels mean.
        model: name of a bundled model, or a model folder.
        out: the profile's folder to write.
        wishes: at least one; the first becomes the default threshold.
        prevalence: share of positives among all of the site's films; None takes the sample's.
        correction: of probabilities: which, or where that is warranted.
        population: whose films these are, in words.
        admission: what to do with films outside the training population.
        workers: threads.
    """

    labels: LabelOptions
    model: str
    out: Path
    wishes: tuple[Wish, ...]
    prevalence: float | None = None
    correction: Correction = Correction.AUTO
    population: str = ""
    admission: Admission = Admission.ON
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: what each wish gives, and the correction."""

    granted: tuple[Mapping[str, Any], ...]
    finding: Finding


def calibrate(options: CalibrateOptions, hooks: OpenHooks) -> Outcome:
    """Choose thresholds on a site's films and write its profile.

    Raises:
        DataError: the labels cannot be used, or the films cannot carry a wish.
        UsageError: no wish, or one that is no share; the folder is there already.
        ModelError: the model folder cannot be used.
        StoppedError: asked to stop.
        XrayscanError: the folder cannot be written.
    """
    _check(options)
    model = ScoringModel(model_folder(options.model), options.workers)
    check_unseen(options.labels, model.card.folder)
    films = labelled_scans(options.labels, model.card).films
    assess = assess_options(0.5, model.card, options.workers, options.admission)
    measured = measurable(judge(model, films, assess, hooks), model.card, options.labels)
    judged = measured.judged
    label_notices(judged)
    sample = judged.sample
    if sample.lack:
        raise DataError(f"{options.labels.data}: {sample.lack[0].lower()}{sample.lack[1:-1]}")
    for wish in options.wishes:
        check(wish, sample)
    finding = find_recalibration(
        sample, options.prevalence, options.correction, _own_share(model.card)
    )
    corrected = _corrected(sample, finding.recalibration)
    share = options.prevalence or sample.positive_count / len(sample)
    found = tuple(granted(wish, corrected, share) for wish in options.wishes)
    whose = options.population or f"films of one site ({options.labels.data.name})"
    data, learnt = options.labels.data.name, measured.learnt or 0
    site = Site(model.card, judged, learnt, corrected, finding, found, data, whose)
    write_profile(options.out, site)
    return Outcome(found, finding)


def _check(options: CalibrateOptions) -> None:
    if not options.wishes:
        raise UsageError("calibrate: give --sensitivity, --specificity or both")
    for wish in options.wishes:
        if not 0.5 <= wish.aim < 1:
            raise OptionError(wish.kind, f"{wish.aim:g}", "give a share from 0.5 to below 1")
    check_prevalence(options.prevalence)
    if options.out.exists():
        raise UsageError(f"{options.out}: exists; give a new folder")


def _own_share(card: ModelCard) -> float | None:
    """The share of positives that probabilities are calibrated to; a profile does not say."""
    return None if card.facts.get("parent") else card.curve.prevalence


def _corrected(sample: Sample, recalibration: Recalibration) -> Sample:
    """The sample as the profile will give it, rounded as it is written."""
    values = [recalibration.applied(float(each)) for each in sample.probabilities]
    return replace(sample, probabilities=as_written(values))
