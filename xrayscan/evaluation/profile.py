"""A site profile: a model folder with the parent's scorer, and the site's figures in its card."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xrayscan import __version__
from xrayscan.clock import today
from xrayscan.errors import XrayscanError, words_of
from xrayscan.evaluation.bootstrap import auc_interval
from xrayscan.evaluation.card_files import write_card
from xrayscan.evaluation.estimates import ends
from xrayscan.evaluation.judging import Judged
from xrayscan.evaluation.metrics import auc, reliability
from xrayscan.evaluation.recalibrating import Finding
from xrayscan.evaluation.sample import Sample
from xrayscan.evaluation.wishes import point_at
from xrayscan.scoring.card import SCORING_FILES, ModelCard
from xrayscan.scoring.recalibration import Recalibration
from xrayscan.scoring.seen import Seen
from xrayscan.scoring.thresholds import RULES, operating_curve


@dataclass(frozen=True, slots=True)
class Site:
    """What a profile is written from.

    Attributes:
        parent: the model's card.
        judged: the site's films.
        learnt: how many of them the model has learnt from; 0 where it does not say.
        sample: those with a probability, corrected.
        finding: the correction.
        granted: what each wish came to; the first is the default.
        data: name of the labelled data.
        population: whose films these are, in words.
    """

    parent: ModelCard
    judged: Judged
    learnt: int
    sample: Sample
    finding: Finding
    granted: tuple[Mapping[str, Any], ...]
    data: str
    population: str


def write_profile(folder: Path, site: Site) -> None:
    """Write the folder, whole or not at all.

    Raises:
        XrayscanError: it cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as place:
            made = Path(place) / folder.name
            made.mkdir()
            _fill(made, site)
            made.rename(folder)
    except OSError as fault:
        words = words_of(fault)
        raise XrayscanError(f"{folder}: cannot be written ({words}); give another folder") from None


def _fill(folder: Path, site: Site) -> None:
    for name in SCORING_FILES:
        shutil.copyfile(site.parent.folder / name, folder / name)
    known = Seen.kept_in(site.parent.folder)
    if known is not None:
        # thresholds were chosen on the site's films: measured on them, they would look too good
        films = Seen.of((row.sha256 for row in site.judged.rows), site.judged.looks)
        known.and_of(films).keep_in(folder)
    write_card(folder, profile_facts(folder.name, site))


def profile_facts(name: str, site: Site) -> dict[str, Any]:
    """The profile's card: the parent's, with what was measured at the site in its place."""
    parent, sample = dict(site.parent.facts), site.sample
    curve = operating_curve(sample.probabilities, sample.positives)
    training = {**parent["training"], "validation": _part(site)}
    training |= {"validation_seen_before": site.learnt}
    correction = site.finding.recalibration
    return {
        **parent,
        "name": f"{site.parent.name} at {name}",
        "created": today(),
        "xrayscan": __version__,
        "parent": {
            "name": site.parent.name,
            "card_sha256": site.parent.sha256,
            **{key: parent[key] for key in ("training", "thresholds", "zones", "results")},
        },
        "training": training,
        "default_threshold": site.granted[0]["wish"],
        "thresholds": _thresholds(site),
        "zones": _zones(site.parent, correction),
        "operating_curve": {
            "prevalence": curve.prevalence,
            "points": [list(row) for row in curve.thinned().rows()],
        },
        "recalibration": {
            **site.parent.recalibration.then(correction).facts(),
            "words": site.finding.words,
        },
        "calibration": {
            **parent["calibration"],
            "expected_calibration_error": round(_calibration_error(site), 4),
        },
        "site": {
            "data": site.data,
            "population": site.population,  # beside that of training, which stays the parent's
            "wishes": [dict(each) for each in site.granted],
        },
        "results": _results(site),
    }


def _calibration_error(site: Site) -> float:
    """Of the sample at its own prevalence, which need not be that of the site."""
    back = Recalibration(offset=-site.finding.shift)
    values = np.array([back.applied(float(each)) for each in site.sample.probabilities])
    return reliability(values, site.sample.positives).error


def _part(site: Site) -> dict[str, Any]:
    sample = site.sample
    return {
        "films": len(sample),
        "patients": len(set(sample.patients)),
        "by_class": {
            sample.names[0]: sample.negative_count,
            sample.names[1]: sample.positive_count,
        },
        "unreadable": len(site.judged.rows) - len(sample),
        "films_without_patient": site.judged.unnamed_patients,
    }


def _thresholds(site: Site) -> dict[str, Any]:
    """The wishes first, then the rules that every card names, all chosen on the site's films."""
    names = ("threshold", "sensitivity", "specificity")
    kept = (*names, *(f"{name}_interval" for name in names))
    found = {each["wish"]: {key: each[key] for key in kept} for each in site.granted}
    curve = operating_curve(site.sample.probabilities, site.sample.positives)
    for rule in RULES:
        point, intervals = point_at(site.sample, curve.by_rule(rule).threshold)
        found.setdefault(
            rule,
            {
                "threshold": point.threshold,
                "sensitivity": point.sensitivity,
                "specificity": point.specificity,
                **{f"{name}_interval": each for name, each in intervals.items()},
            },
        )
    return found


def _zones(parent: ModelCard, correction: Recalibration) -> dict[str, float]:
    """The parent's limits, at the same films: a site's sample is too small for new ones."""
    return {
        "review": correction.applied(parent.zones.review),
        "positive": correction.applied(parent.zones.positive),
    }


def _results(site: Site) -> dict[str, Any]:
    sample = site.sample
    called = sample.probabilities >= site.granted[0]["threshold"]
    interval = auc_interval(sample.probabilities, sample.positives, sample.patients)
    return {
        "measured_on": f"films of the site ({site.data}), thresholds chosen on the same ones",
        "auc": round(auc(sample.probabilities, sample.positives), 4),
        "auc_interval": ends(interval),
        "intervals": "95 %, Wilson on the effective number of films; AUC bootstrap over patients",
        "accuracy": round(float((called == sample.positives).mean()), 4),
    }
