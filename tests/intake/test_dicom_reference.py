"""Real DICOM files of many makers: each is read as it was when somebody looked at it."""

from __future__ import annotations

import pytest

from tests.intake.dicom_reference import files, outcome, read_table

TABLE = read_table()
GREY_TOLERANCE = 0.002  # other versions of lossy decoders


@pytest.mark.parametrize("name", TABLE)
def test_as_in_the_table(name: str) -> None:
    path = files().get(name)
    if path is None:
        pytest.skip("needs pydicom-data, or the developers' films in ../shared/data")
    expected, found = dict(TABLE[name]), outcome(path)
    del expected["file"]
    for grey in ("mean", "spread"):
        a, b = expected.pop(grey), found.pop(grey)
        assert float(a or 0) == pytest.approx(float(b or 0), abs=GREY_TOLERANCE)
    assert found == expected


def test_the_table_has_every_kind_of_outcome() -> None:
    outcomes = {row["outcome"] for row in TABLE.values()}
    assert outcomes >= {"read", "unsupported", "truncated", "damaged", "too_small"}
    assert len({row["format"] for row in TABLE.values()}) > 12


def test_one_film_in_several_encodings_is_one_film() -> None:
    for film in ("RG1", "RG3", "MR2", "US1", "693"):
        rows = [row for name, row in TABLE.items() if f"/{film}_" in name]
        assert len(rows) >= 4
        assert len({(row["height"], row["width"]) for row in rows}) == 1
        means = [float(row["mean"]) for row in rows]
        assert max(means) - min(means) < 0.02
