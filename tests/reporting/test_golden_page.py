"""The page of a fixed run is the stored one: it changes only on purpose.

What the page says and how it is built is compared; not its style and script, which are files of
their own, nor the bytes of pictures, which depend on the encoder. To renew it, and to look at what
changed:

    python -m tests.reporting.test_golden_page && git diff tests/reporting/golden_page.html
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from tests.conftest import CHECKOUT
from tests.reporting.test_html import CARD
from xrayscan.records import Assessment, Ending, Reason, RunSummary, Scan, Status, Zone
from xrayscan.reporting.html import ReportModel, write_report
from xrayscan.reporting.run_record import Night, RunFacts
from xrayscan.reporting.worklist import Picture, Worklist

GOLDEN = Path(__file__).with_name("golden_page.html")
SCORED = Assessment(
    scan=Scan("ward/film.dcm", "", 123_456, 1_795_000_000_000_000_000),
    status=Status.SCORED,
    format="DICOM",
    width=2000,
    height=1900,
    sha256="1" * 64,
    probability=0.9,
    threshold=0.5283615,
    label="PNEUMONIA",
    zone=Zone.REVIEW,
    embedding_distance=0.5,
    assessed_at="2026-11-21T02:00:01+00:00",
)
REFUSED = Assessment(
    SCORED.scan, Status.UNREADABLE, Reason.TRUNCATED, "ends in the middle; copy it again", "JPEG"
)


def named(row: Assessment, name: str) -> Assessment:
    return replace(row, scan=replace(row.scan, name=name))


ROWS = (
    SCORED,
    named(replace(SCORED, probability=0.3, label="NORMAL", sha256="2" * 64), "in review.dcm"),
    named(
        replace(SCORED, probability=0.1, label="NORMAL", zone=Zone.NEGATIVE, sha256="3" * 64),
        "<b onclick=alert(1)>.png",
    ),
    REFUSED,
    named(replace(REFUSED, status=Status.NOT_ASSESSED, reason=Reason.BLANK), "=1+1\u202e.png"),
    named(replace(REFUSED, status=Status.VANISHED, reason=Reason.GONE, detail=""), "bytes\udcff"),
)
RUN = RunFacts(
    started="2026-11-21T02:00:00+00:00",
    finished="2026-11-21T02:00:09+00:00",
    options={"paths": ["scans & <more>"], "cam": "gradcam", "workers": 2},
    model="handmade",
    model_sha256="0" * 64,
    threshold_rule="youden",
    threshold=0.5283615,
    summary=RunSummary(
        found=6,
        scored=3,
        not_assessed=1,
        unreadable=1,
        vanished=1,
        positive=1,
        review=2,
        not_reached=0,
        other_files=1,
        ending=Ending.FINISHED,
        seconds=9.0,
        workload="2 films to read.",
        drift=("Tonight differs.",),
    ),
    notices=("A <notice>.",),
    nights=(Night("2026-11-20T02:00:00+00:00", 5, 4, 1, 1, 1, 0, 0, (*[0] * 19, 4)),),
    versions={"xrayscan": "0"},
)


def golden_page() -> str:
    """The page of the fixed run, with names for what is not compared."""
    worklist = Worklist("PNEUMONIA", 10)
    picture = Picture(np.zeros((8, 6), np.uint8), np.eye(3, dtype=np.float32))
    for row in ROWS:
        worklist.add(row, picture if row.status is Status.SCORED else None)
    model = ReportModel(CARD, "PNEUMONIA", "NORMAL", "gradcam")
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("xrayscan.reporting.page.__version__", "0"),
    ):
        page = Path(folder) / "out.html"
        write_report(page, CHECKOUT / "templates", worklist, RUN, model)
        text = page.read_text(encoding="utf-8")
    for pattern, name in (
        (r"(<style>).*?(</style>)", r"\1the style\2"),
        (r"(<script>).*?(</script>)", r"\1the script\2"),
        (r"sha256-[\w+/=]+", "sha256-HASH"),
        (r"data:image/jpeg;base64,[\w+/=]+", "data:image/jpeg;base64,PICTURE"),
        (r'"colours":"[0-9a-f]+"', '"colours":"COLOURS"'),
        (r'fill="#[0-9a-f]{6}"', 'fill="COLOUR"'),
    ):
        text = re.sub(pattern, name, text, flags=re.DOTALL)
    return text


def test_the_page_is_the_stored_one() -> None:
    assert golden_page() == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(golden_page(), encoding="utf-8")
