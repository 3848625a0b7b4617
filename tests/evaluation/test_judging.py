from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.films import dicom_bytes, draw_film, png_bytes
from xrayscan.errors import StoppedError
from xrayscan.evaluation.films import LabelledScan, scan_of
from xrayscan.evaluation.judging import Judged, as_scored, assess_options, judge
from xrayscan.intake.admission import Admission
from xrayscan.pipeline import RunHooks
from xrayscan.records import Assessment, Scan, Status
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.looks import NEAR_BITS, NO_LOOK, looks_of, nearest, stacked
from xrayscan.scoring.model import ScoringModel


@pytest.mark.parametrize("admission", [Admission.OFF, Admission.WARN])
def test_films_are_explained_as_they_were_scored(tmp_path: Path, admission: Admission) -> None:
    """Without admission nothing is turned; what is gone by now is left out."""
    path = tmp_path / "a.png"
    lying = np.rot90(draw_film(seed=5)).copy()
    path.write_bytes(png_bytes(lying))
    model = ScoringModel(model_folder(DEFAULT_MODEL), 2)
    options = assess_options(0.5, model.card, 2, admission)
    film = LabelledScan(scan_of(str(path)), "N", False, "p", {})
    judged = judge(model, [film], options, lambda total: nullcontext(RunHooks()))
    gone = scan_of(str(tmp_path / "gone.png"))
    pixels = as_scored(model, [film.scan, gone], options)
    assert list(pixels) == [str(path)]
    [again] = model.score(pixels[str(path)][None], "none")
    assert round(again.probability, 6) == judged.rows[0].probability
    upright = lying if admission is Admission.OFF else np.rot90(lying, -1)
    _, apart = nearest(judged.looks, looks_of([upright]))
    assert apart.tolist() == pytest.approx([0], abs=NEAR_BITS)


def test_headers_tell_what_labels_do_not(tmp_path: Path) -> None:
    """Age and view come from the header; the sex that the label's list has wins over it."""
    path = tmp_path / "a.dcm"
    header = {"PatientAge": "061Y", "PatientSex": "F", "ViewPosition": "PA"}
    path.write_bytes(dicom_bytes(draw_film(seed=1).astype("uint16"), **header))
    model = ScoringModel(model_folder(DEFAULT_MODEL), 2)
    film = LabelledScan(Scan.of("a.dcm", str(path), path.stat()), "N", False, "p", {"sex": "M"})
    options = assess_options(0.5, model.card, 2, Admission.OFF)
    judged = judge(model, [film], options, lambda total: nullcontext(RunHooks()))
    assert judged.rows[0].status is Status.SCORED
    assert judged.films[0].attributes == {"age": "61", "sex": "M", "view": "PA"}


def test_films_without_a_probability_are_none_of_the_sample() -> None:
    found = (0.2, None, 0.9)
    rows = tuple(
        Assessment(
            Scan(str(number), "", 1, 1),
            Status.NOT_ASSESSED if probability is None else Status.SCORED,
            probability=probability,
        )
        for number, probability in enumerate(found)
    )
    films = tuple(
        LabelledScan(row.scan, "P", row.scan.name != "0", f"p{row.scan.name}", {}) for row in rows
    )
    judged = Judged(films, rows, ("N", "P"), stacked([NO_LOOK] * 3))
    assert judged.sample.probabilities.tolist() == [0.2, 0.9]
    assert judged.sample.positives.tolist() == [False, True]
    assert judged.sample.patients == ("p0", "p2")
    assert judged.all_with(0.0).probabilities.tolist() == [0.2, 0.0, 0.9]
    assert judged.places().tolist() == [0, 2]
    assert judged.unnamed_patients == 0


def test_nothing_is_measured_on_the_films_before_a_stop(tmp_path: Path) -> None:
    model = ScoringModel(model_folder(DEFAULT_MODEL), 2)
    options = replace(assess_options(0.5, model.card, 2, Admission.OFF), batch_size=1)
    films = [
        LabelledScan(scan_of(str(tmp_path / name)), "N", False, name, {}) for name in ("a", "b")
    ]
    hooks = RunHooks(stop=lambda: True)
    with pytest.raises(StoppedError, match="stopped after 1 of 2 films; nothing was measured"):
        judge(model, films, options, lambda total: nullcontext(hooks))
