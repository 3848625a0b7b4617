from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from tests.films import dicom_bytes, draw_film
from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.judging import assess_options, judge
from xrayscan.intake.admission import Admission
from xrayscan.pipeline import RunHooks
from xrayscan.records import Scan, Status
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.model import ScoringModel


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
