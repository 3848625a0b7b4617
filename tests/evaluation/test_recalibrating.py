from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from xrayscan.evaluation.correction import Correction
from xrayscan.evaluation.recalibrating import Finding, find_recalibration
from xrayscan.evaluation.sample import Sample
from xrayscan.scoring.recalibration import Recalibration


def simulated(count: int, temperature: float, offset: float) -> Sample:
    """Films whose log odds the model gives as (true - offset) * temperature."""
    rng = np.random.default_rng(5)
    true = rng.normal(0, 2, count)
    positives = rng.random(count) < 1 / (1 + np.exp(-true))
    said = np.round(1 / (1 + np.exp(-(true - offset) * temperature)), 6)
    return Sample(said, positives, tuple(str(n) for n in range(count)))


def test_a_model_that_is_too_sure_is_corrected() -> None:
    found = find_recalibration(simulated(800, temperature=2.5, offset=0.8))
    assert found.recalibration.temperature == pytest.approx(2.5, rel=0.2)
    assert found.recalibration.offset == pytest.approx(0.8, abs=0.25)
    assert found.after is not None
    assert found.before is not None
    assert found.after < found.before
    assert "are corrected" in found.words


def test_a_calibrated_model_is_left_alone() -> None:
    found = find_recalibration(simulated(800, temperature=1, offset=0))
    assert found.recalibration.changes_nothing
    assert "does not help on other patients" in found.words


def test_few_films_correct_nothing() -> None:
    found = find_recalibration(simulated(30, temperature=4, offset=2))
    assert found.recalibration.changes_nothing
    assert "of one class cannot correct them, it takes 20" in found.words


def test_another_prevalence_shifts_the_log_odds() -> None:
    sample = simulated(800, temperature=2.5, offset=0.8)
    here, there = find_recalibration(sample), find_recalibration(sample, prevalence=0.05)
    share = sample.positive_count / len(sample)
    shift = math.log(0.05 / 0.95) - math.log(share / (1 - share))
    assert there.shift == pytest.approx(shift)
    assert there.recalibration.offset - here.recalibration.offset == pytest.approx(shift, abs=1e-5)
    assert there.recalibration.temperature == here.recalibration.temperature
    assert f"shifted by {shift:+.3f} to the prevalence of 0.05" in there.words


@pytest.mark.parametrize("sample", [simulated(800, 1, 0), simulated(30, 4, 2)], ids=["well", "few"])
def test_another_prevalence_shifts_what_is_not_corrected(sample: Sample) -> None:
    found = find_recalibration(sample, prevalence=0.05)
    share = sample.positive_count / len(sample)
    shift = math.log(0.05 / 0.95) - math.log(share / (1 - share))
    assert found.shift == pytest.approx(shift)
    assert found.recalibration == Recalibration(offset=pytest.approx(shift))
    assert f"shifted by {shift:+.3f} to the prevalence of 0.05" in found.words
    assert "not corrected" in found.words


@pytest.mark.parametrize("count", [40, 4000], ids=["few", "many"])
def test_what_is_chosen_says_nothing_of_a_model_s_own_prevalence(count: int) -> None:
    """Half of what the model learnt from was positive; of the site's films 1 in 20 is, and of those
    that were labelled 3 in 4."""

    def films(number: int, share: float) -> Sample:
        rng = np.random.default_rng(5)
        positives = np.arange(number) < share * number
        logits = rng.normal(np.where(positives, 1.0, -1.0), np.sqrt(2))  # calibrated at a half
        return Sample(1 / (1 + np.exp(-logits)), positives, tuple(map(str, range(number))))

    found = find_recalibration(films(count, 0.75), 0.05, own=0.5)
    site = films(20_000, 0.05)
    given = [found.recalibration.applied(float(each)) for each in site.probabilities]
    assert np.mean(given) == pytest.approx(0.05, rel=0.15)


def test_the_prevalence_of_the_sample_shifts_nothing() -> None:
    sample = simulated(30, 4, 2)
    found = find_recalibration(sample, prevalence=sample.positive_count / len(sample))
    assert found.recalibration.changes_nothing
    assert "stay as they are" in found.words


def test_where_no_correction_is_wanted_the_prevalence_serves_the_counts() -> None:
    found = find_recalibration(simulated(800, 2.5, 0.8), 0.05, Correction.NONE)
    assert (found.shift, found.recalibration) == (0, Recalibration())
    assert "stay as they are, as asked for" in found.words
    assert "prevalence serves the counts alone" in found.words


def bent(count: int, seed: int = 5) -> tuple[Sample, np.ndarray]:
    """Films whose log odds the model bends, rising, and their true probabilities."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, count)
    positives = rng.random(count) < 1 / (1 + np.exp(-true))
    said = np.round(1 / (1 + np.exp(-(true**3 / 6 + 1))), 6)
    sample = Sample(said, positives, tuple(str(n) for n in range(count)))
    return sample, 1 / (1 + np.exp(-true))


def test_a_hidden_bend_is_undone_better_than_by_temperature() -> None:
    sample, _ = bent(2000)
    others, truth = bent(4000, seed=6)
    found = find_recalibration(sample)
    line = find_recalibration(sample, wanted=Correction.TEMPERATURE)
    assert found.recalibration.curve
    assert not line.recalibration.curve
    assert "isotonic" in found.words
    assert f"temperature: {line.after:.3f}" in found.words

    def error(finding: Finding) -> float:
        said = [finding.recalibration.applied(float(p)) for p in others.probabilities]
        return float(np.abs(np.array(said) - truth).mean())

    assert error(found) < 0.5 * error(line)


def test_a_model_off_by_a_line_gets_a_line_however_many_films_there_are() -> None:
    found = find_recalibration(simulated(2000, temperature=2.5, offset=0.8))
    assert not found.recalibration.curve
    assert not found.recalibration.changes_nothing
    assert "isotonic: " in found.words, "it was tried"


@pytest.mark.parametrize("count", [60, 900])
def test_with_few_films_no_curve_is_chosen(count: int) -> None:
    found = find_recalibration(bent(count)[0])
    assert not found.recalibration.curve
    assert "isotonic" not in found.words


def test_many_films_of_few_patients_are_few() -> None:
    sample = bent(2000)[0]
    of_fifty = replace(sample, patients=tuple(str(n % 50) for n in range(2000)))
    assert not find_recalibration(of_fifty).recalibration.curve


@pytest.mark.parametrize(
    ("wanted", "curved", "unchanged"),
    [
        (Correction.NONE, False, True),
        (Correction.TEMPERATURE, False, False),
        (Correction.ISOTONIC, True, False),
    ],
)
def test_what_is_asked_for_is_done(wanted: Correction, curved: bool, unchanged: bool) -> None:
    found = find_recalibration(bent(60)[0], wanted=wanted).recalibration
    assert bool(found.curve) is curved
    assert found.changes_nothing is unchanged


def test_another_prevalence_shifts_a_curve() -> None:
    sample = bent(2000)[0]
    here, there = find_recalibration(sample), find_recalibration(sample, prevalence=0.05)
    z = np.linspace(-5, 5, 11)
    moved = there.recalibration.moved(z) - here.recalibration.moved(z)
    np.testing.assert_allclose(moved, there.shift)
    assert there.shift < -1
