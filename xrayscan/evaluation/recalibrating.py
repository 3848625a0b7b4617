"""Whether a site's films warrant correcting a model's probabilities, and how."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.calibration import fit_calibration
from xrayscan.evaluation.correction import Correction
from xrayscan.evaluation.isotonic import fit_isotonic
from xrayscan.evaluation.sample import Sample
from xrayscan.scoring.log_odds import log_odds
from xrayscan.scoring.recalibration import Recalibration
from xrayscan.wording import counted

FOLDS = 5
# Two parameters need about ten films each of the rarer class (Peduzzi et al. 1996).
LEAST = 20
# Below about a thousand films isotonic regression does worse than a line (Niculescu-Mizil and
# Caruana 2005); a dozen steps need about ten films each of the rarer class.
LEAST_PATIENTS, LEAST_OF_CLASS = 1000, 100
# Standard errors by which the log loss of other patients has to fall: a line of two parameters is
# taken on a hint, a curve with as many as it likes in place of it beyond chance (95 %, two-sided).
_ERRORS = {Correction.TEMPERATURE: 1.0, Correction.ISOTONIC: 1.96}
_SEED = 7

Losses = NDArray[np.float64]
Fit = Callable[[NDArray[np.float64], NDArray[np.bool_]], Recalibration]


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


@dataclass(frozen=True, slots=True)
class Shift:
    """To a prevalence unlike the sample's: in log odds, and how the sentence tells it."""

    value: float = 0.0
    words: str = ""


def find_recalibration(
    sample: Sample,
    prevalence: float | None = None,
    wanted: Correction = Correction.AUTO,
    own: float | None = None,
) -> Finding:
    """Correct probabilities where that helps on other patients of the site, or as asked for.

    Temperature and offset are warranted where the log loss of patients falls by more than its
    standard error when the correction was fitted on other patients (cross-validation by patient).
    An isotonic correction is, where it is lower still by 1.96 standard errors of the difference, on
    the same patients in the same folds, and there are enough of them to fit one.

    Args:
        sample: the site's films, of both classes.
        prevalence: share of positives among all of the site's films, where the sample was chosen
            with another: the log odds are shifted by the difference (Saerens et al. 2002, eq. 2.4),
            corrected or not; None where the sample's is the site's.
        wanted: which correction; a named one is made whether it is warranted or not, and none
            leaves out the shift as well.
        own: share of positives that the model's probabilities are calibrated to, from which they
            are shifted where the films are too few to say whether they fit the sample's; None where
            it is not known, the sample's is taken then.
    """
    if wanted is Correction.NONE:
        alone = "" if prevalence is None else "; the prevalence serves the counts alone"
        words = f"Probabilities stay as they are, as asked for{alone}."
        return Finding(Recalibration(), None, None, words)
    share = sample.positive_count / len(sample)
    tried = _tried(sample) if wanted is Correction.AUTO else (wanted,)
    if not tried:
        fewest = min(sample.positive_count, sample.negative_count)
        why = f"{counted(fewest, 'film')} of one class cannot correct them, it takes {LEAST}"
        return _uncorrected(why, _shift(own or share, prevalence))
    shift = _shift(share, prevalence)
    before, after = _losses(tried, sample)
    chosen = _warranted(before, after) if wanted is Correction.AUTO else wanted
    if chosen is None:
        losses = float(before.mean()), float(after[tried[0]].mean())
        return _uncorrected("a correction does not help on other patients", shift, losses)
    return _made(chosen, sample, shift, (before, after))


def _uncorrected(
    why: str, shift: Shift, losses: tuple[float | None, float | None] = (None, None)
) -> Finding:
    how = "are not corrected" if shift.value else "stay as they are"
    words = f"Probabilities {how}: {why}{shift.words}."
    return Finding(Recalibration(offset=shift.value), *losses, words, shift.value)


def _made(
    chosen: Correction,
    sample: Sample,
    shift: Shift,
    losses: tuple[Losses, Mapping[Correction, Losses]],
) -> Finding:
    fitted = _FITS[chosen](log_odds(sample.probabilities), sample.positives)
    before, after = (float(each.mean()) for each in (losses[0], losses[1][chosen]))
    if fitted.changes_nothing:
        why = "positives do not become more frequent with them, no isotonic correction can be made"
        return _uncorrected(why, shift, (before, after))
    found = fitted.then(Recalibration(offset=shift.value))
    line = f"temperature {found.temperature:.3f}, offset {found.offset:+.3f}"
    # the outermost points are no steps
    how = f"isotonic, {len(found.curve) - 2} steps" if found.curve else line
    others = [
        f" ({name}: {float(loss.mean()):.3f})"
        for name, loss in losses[1].items()
        if name is not chosen
    ]
    words = (
        f"Probabilities are corrected ({how}): on other patients the log loss "
        f"{'falls' if after < before else 'goes'} from {before:.3f} to {after:.3f}"
        f"{''.join(others)}{shift.words}."
    )
    return Finding(found, before, after, words, shift.value)


def _tried(sample: Sample) -> tuple[Correction, ...]:
    """What there are enough films for."""
    fewest = min(sample.positive_count, sample.negative_count)
    if fewest < LEAST:
        return ()
    if fewest < LEAST_OF_CLASS or len(set(sample.patients)) < LEAST_PATIENTS:
        return (Correction.TEMPERATURE,)
    return (Correction.TEMPERATURE, Correction.ISOTONIC)


def _warranted(before: Losses, after: Mapping[Correction, Losses]) -> Correction | None:
    """The last of the corrections tried that is better than what was best before it."""
    chosen, best = None, before
    for name, losses in after.items():
        gain = best - losses
        error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
        if float(gain.mean()) > _ERRORS[name] * error:
            chosen, best = name, losses
    return chosen


def _losses(
    tried: tuple[Correction, ...], sample: Sample
) -> tuple[Losses, dict[Correction, Losses]]:
    """Log loss by patient, uncorrected and corrected by what other patients say."""
    logits = log_odds(sample.probabilities)
    _, patients = np.unique(np.asarray(sample.patients, np.str_), return_inverse=True)
    folds = np.random.default_rng(_SEED).permutation(patients.max() + 1)[patients] % FOLDS
    sizes = np.bincount(patients)

    def by_patient(corrected: NDArray[np.float64]) -> Losses:
        return np.bincount(patients, _log_loss(corrected, sample.positives)) / sizes

    after = {
        name: by_patient(_by_others(_FITS[name], logits, sample.positives, folds)) for name in tried
    }
    return by_patient(logits), after


def _by_others(
    fit: Fit,
    logits: NDArray[np.float64],
    positives: NDArray[np.bool_],
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Log odds, each fold's corrected by what is fitted on the others."""
    corrected = logits.copy()
    for fold in range(FOLDS):
        here = folds == fold
        learnt = positives[~here]
        if here.any() and learnt.any() and not learnt.all():
            corrected[here] = fit(logits[~here], learnt).moved(logits[here])
    return corrected


def _log_loss(logits: NDArray[np.float64], positives: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.logaddexp(0, logits) - positives * logits, np.float64)


def _line(logits: NDArray[np.float64], positives: NDArray[np.bool_]) -> Recalibration:
    fitted = fit_calibration(logits, positives)
    return Recalibration(round(fitted.temperature, 6), round(fitted.offset, 6))


_FITS: Mapping[Correction, Fit] = {
    Correction.TEMPERATURE: _line,
    Correction.ISOTONIC: fit_isotonic,
}


def _shift(share: float, prevalence: float | None) -> Shift:
    if prevalence is None:
        return Shift()
    value = math.log(prevalence / (1 - prevalence)) - math.log(share / (1 - share))
    words = (
        f"; the log odds are shifted by {value:+.3f} to the prevalence of {prevalence:g} from that "
        f"of {share:.3f}"
    )
    return Shift(value, words if value else "")
