"""Whether a site's films warrant correcting a model's probabilities, and by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.calibration import fit_calibration
from xrayscan.evaluation.sample import Sample
from xrayscan.scoring.log_odds import log_odds
from xrayscan.scoring.recalibration import Recalibration

FOLDS = 5
# Two parameters need about ten films each of the rarer class (Peduzzi et al. 1996).
LEAST = 20
_SEED = 7


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of a correction.

    Attributes:
        recalibration: to apply; one that changes nothing where none is warranted.
        before, after: mean log loss on patients that a correction was not fitted on, in nats; None
            where it was not tried.
        words: what was decided and why, a sentence.
        shift: in log odds, the part of the offset that is there for a prevalence unlike the
            sample's.
    """

    recalibration: Recalibration
    before: float | None
    after: float | None
    words: str
    shift: float = 0.0


def find_recalibration(sample: Sample, prevalence: float | None = None) -> Finding:
    """Correct temperature and offset where that helps on other patients of the site.

    It is warranted where the log loss of films falls by more than its standard error when the
    correction was fitted on other patients (cross-validation by patient).

    Args:
        sample: the site's films, of both classes.
        prevalence: share of positives among all of the site's films, where the sample was chosen
            with another: the offset is shifted by the difference in log odds (Saerens et al. 2002,
            eq. 2.4); None where the sample's is the site's.
    """
    fewest = min(sample.positive_count, sample.negative_count)
    if fewest < LEAST:
        return Finding(
            Recalibration(),
            None,
            None,
            f"Probabilities stay as they are: {fewest} films of one class are too few to correct "
            f"them by, it takes {LEAST}.",
        )
    logits = log_odds(sample.probabilities)
    before, after = _losses(logits, sample)
    gain = before - after
    error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    if float(gain.mean()) <= error:
        words = "Probabilities stay as they are: a correction does not help on other patients."
        return Finding(Recalibration(), float(before.mean()), float(after.mean()), words)
    fitted = fit_calibration(logits, sample.positives)
    shift = _shift(sample, prevalence)
    found = Recalibration(round(fitted.temperature, 6), round(fitted.offset + shift, 6))
    words = (
        f"Probabilities are corrected (temperature {found.temperature:.3f}, offset "
        f"{found.offset:+.3f}): on other patients the log loss falls from {before.mean():.3f} to "
        f"{after.mean():.3f}."
    )
    return Finding(found, float(before.mean()), float(after.mean()), words, shift)


def _losses(
    logits: NDArray[np.float64], sample: Sample
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log loss by patient, uncorrected and corrected by what other patients say."""
    _, patients = np.unique(np.asarray(sample.patients, np.str_), return_inverse=True)
    folds = np.random.default_rng(_SEED).permutation(patients.max() + 1)[patients] % FOLDS
    corrected = logits.copy()
    for fold in range(FOLDS):
        here = folds == fold
        learnt = sample.positives[~here]
        if here.any() and learnt.any() and not learnt.all():
            fitted = fit_calibration(logits[~here], learnt)
            corrected[here] = logits[here] / fitted.temperature + fitted.offset
    sizes = np.bincount(patients)
    before = np.bincount(patients, _log_loss(logits, sample.positives)) / sizes
    after = np.bincount(patients, _log_loss(corrected, sample.positives)) / sizes
    return before, after


def _log_loss(logits: NDArray[np.float64], positives: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.logaddexp(0, logits) - positives * logits, np.float64)


def _shift(sample: Sample, prevalence: float | None) -> float:
    if prevalence is None:
        return 0.0
    share = sample.positive_count / len(sample)
    return math.log(prevalence / (1 - prevalence)) - math.log(share / (1 - share))
