from __future__ import annotations

import numpy as np
import pytest

from xrayscan.errors import ScanError
from xrayscan.intake.dicom_lut import LookUpTable, look_up_table
from xrayscan.records import Reason


def read(
    data: object, *, count: int, bits: int, first: int = 0, little_endian: bool = True
) -> LookUpTable:
    return look_up_table([count, first, bits], data, little_endian=little_endian)


RAMP = np.arange(1024)


@pytest.mark.parametrize(
    ("data", "little_endian"),
    [
        pytest.param(RAMP.tolist(), True, id="numbers"),
        pytest.param(RAMP.astype("<u2").tobytes(), True, id="words"),
        pytest.param(RAMP.astype(">u2").tobytes(), False, id="big-endian words"),
        pytest.param(RAMP.astype("<u2").tobytes() + b"\0\0", True, id="padded"),
    ],
)
def test_entries_are_read_however_they_are_kept(data: object, little_endian: bool) -> None:
    table = read(data, count=1024, bits=10, little_endian=little_endian)
    assert table.entries.tolist() == RAMP.tolist()
    assert table.peak == 1023


@pytest.mark.parametrize("little_endian", [True, False])
def test_bytes_lie_two_to_a_word_the_low_one_first(little_endian: bool) -> None:
    packed = (
        np.array([1, 2, 3, 255], np.uint8).view("<u2").astype("<u2" if little_endian else ">u2")
    )
    table = read(packed.tobytes(), count=4, bits=8, little_endian=little_endian)
    assert table.entries.tolist() == [1, 2, 3, 255]


def test_no_entries_stated_are_65536() -> None:
    table = read(np.arange(65_536).astype("<u2").tobytes(), count=0, bits=16)
    assert table.entries.size == 65_536


def test_values_beside_the_table_have_its_ends() -> None:
    table = read([7, 8, 9], count=3, bits=8, first=-2)
    values = np.array([-1000, -3, -2, -1, 0, 1, 70_000])
    assert table[values].tolist() == [7, 7, 7, 8, 9, 9, 9]
    assert table[values.astype(float) + 0.2].tolist() == table[values].tolist()


@pytest.mark.parametrize(
    ("first", "values", "found"),
    [
        pytest.param(-2, [-3, -2, -1, 5], [7, 7, 8, 9], id="below zero too"),
        pytest.param(-(2**15), [-(2**15), 1 - 2**15], [7, 8], id="the lowest of all"),
        pytest.param(-2, [0, 65_533, 65_534, 65_535], [7, 7, 7, 8], id="never below zero"),
    ],
)
def test_a_negative_first_value_may_be_given_as_unsigned(
    first: int, values: list[int], found: list[int]
) -> None:
    table = read([7, 8, 9], count=3, bits=8, first=65_536 + first)
    assert table[np.array(values)].tolist() == found


def test_more_entries_than_8_bits_count_are_all_found() -> None:
    """A place in the table is no entry of it: 8 bits of depth do not mean 256 places."""
    table = read((np.arange(4096) // 16).astype("<u2").tobytes(), count=4096, bits=8)
    assert table[np.array([0, 300, 4095])].tolist() == [0, 300 // 16, 255]


@pytest.mark.parametrize(
    ("highest", "stated", "white"),
    [
        (4095, 12, 4095),
        (4000, 12, 4095),
        (2047, 11, 2047),
        (65_535, 16, 65_535),
        (40_000, 16, 65_535),
        (4095, 16, 4095),  # 16 bits stated for words that hold 12
        (16_383, 16, 16_383),
        (255, 16, 255),
        (65_535, 12, 65_535),
        (1023, 0, 1023),
    ],
)
def test_white_is_what_is_stated_unless_the_entries_contradict(
    highest: int, stated: int, white: int
) -> None:
    assert read([0, highest], count=2, bits=stated).peak == white


@pytest.mark.parametrize(("bits", "count"), [(8, 4096), (12, 1025), (12, 2048)])
def test_a_table_that_lacks_entries_is_refused(bits: int, count: int) -> None:
    with pytest.raises(ScanError) as caught:
        read(RAMP.astype("<u2").tobytes(), count=count, bits=bits)
    assert caught.value.reason is Reason.DAMAGED
    assert "look-up table in its header is not whole" in caught.value.detail
