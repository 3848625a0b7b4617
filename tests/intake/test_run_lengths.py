from __future__ import annotations

import pytest

from xrayscan.intake.run_lengths import expand

TEN = bytes([9, *range(10)])


@pytest.mark.parametrize(
    ("coded", "expanded"),
    [
        pytest.param(bytes([255 - 8, 7]), bytes([7] * 10), id="one byte ten times"),
        pytest.param(TEN, bytes(range(10)), id="ten bytes"),
        pytest.param(bytes([0, 1, 128, 248, 2]), bytes([1, *[2] * 9]), id="a code of nothing"),
        pytest.param(TEN + bytes(1), bytes(range(10)), id="padded"),
        pytest.param(TEN + bytes(40), bytes(range(10)), id="padded a lot"),
        pytest.param(bytes([9, *[0] * 10]) + bytes(3), bytes(10), id="zeros, padded with zeros"),
        pytest.param(bytes(20), bytes(10), id="zeros one by one"),
        pytest.param(bytes([8, *range(9)]), None, id="nine"),
        pytest.param(bytes([9, *range(8)]), None, id="cut within a run"),
        pytest.param(bytes([246 - 9, 7]), None, id="twenty"),
        pytest.param(TEN + bytes([0, 3]), None, id="eleven"),
        pytest.param(TEN + bytes([0, 3]) + bytes(12), None, id="eleven, padded"),
        pytest.param(TEN + bytes(10_000), None, id="more padding than any writer adds"),
        pytest.param(TEN + bytes([129, 0]) * 1000, None, id="a bomb of zeros"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_expand(coded: bytes, expanded: bytes | None) -> None:
    assert expand(coded, 10) == expanded
