from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from xrayscan.reading.shared_arrays import Address, Placed, SharedArrays, place

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems send pixels")
SIZE = 100_000


@pytest.fixture
def memory() -> Iterator[SharedArrays]:
    memory = SharedArrays(SIZE)
    yield memory
    memory.close()


arrays = st_numpy.arrays(
    st.sampled_from([np.uint8, np.uint16, np.float32]), st_numpy.array_shapes(max_dims=3)
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given=st.lists(arrays, max_size=3))
def test_what_is_placed_is_what_comes_out(memory: SharedArrays, given: list[np.ndarray]) -> None:
    placed = place(memory.address, given)
    assert placed is not None
    for array, copy in zip(given, memory.copies(placed), strict=True):
        assert copy.dtype == array.dtype
        np.testing.assert_array_equal(copy, array)


def test_a_view_with_gaps_is_placed_whole(memory: SharedArrays) -> None:
    film = np.arange(10_000, dtype=np.uint8).reshape(100, 100)[::-1, ::2].T
    placed = place(memory.address, [film])
    assert placed
    np.testing.assert_array_equal(memory.copies(placed)[0], film)


def test_copies_stay_when_the_memory_is_used_again(memory: SharedArrays) -> None:
    first = memory.copies(place(memory.address, [np.full(9, 1, np.uint8)]) or ())[0]
    place(memory.address, [np.full(9, 2, np.uint8)])
    assert (first == 1).all()


@pytest.mark.parametrize("sizes", [[SIZE + 1], [SIZE // 2, SIZE // 2 + 1], [1, SIZE]])
def test_what_does_not_fit_is_not_placed(memory: SharedArrays, sizes: list[int]) -> None:
    assert place(memory.address, [np.zeros(size, np.uint8) for size in sizes]) is None


def test_memory_that_is_gone_takes_nothing() -> None:
    memory = SharedArrays(SIZE)
    memory.close()
    assert place(memory.address, [np.zeros(9, np.uint8)]) is None


def test_what_another_process_has_open_since_then_is_left_alone(
    memory: SharedArrays, tmp_path: Path
) -> None:
    """Its maker gone, and its number and that of the open file given to others."""
    other = tmp_path / "letter.txt"
    other.write_bytes(b"a" * SIZE)
    gone = replace(memory.address, path=str(other))
    assert place(gone, [np.zeros(9, np.uint8)]) is None
    assert other.read_bytes() == b"a" * SIZE


def _place_and_die(address: Address) -> None:
    place(address, [np.arange(9, dtype=np.uint16)])
    os._exit(0)


def test_another_process_places_what_this_one_sees(memory: SharedArrays) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_place_and_die, args=(memory.address,)
    )
    process.start()
    process.join(60)
    assert list(memory.copies([Placed(0, (9,), "<u2")])[0]) == list(range(9))


def test_it_has_no_name_that_could_be_left_behind(memory: SharedArrays) -> None:
    assert "memfd:" in str(Path(memory.address.path).readlink())
    assert Path(memory.address.path).stat().st_nlink == 0
