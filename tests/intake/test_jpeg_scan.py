from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.films import draw_film, jpeg_bytes, odd_jpeg_bytes
from xrayscan.errors import ScanError
from xrayscan.intake.jpeg_scan import check_blocks, check_scans
from xrayscan.records import Reason

FILM = draw_film(seed=1, width=120, height=100)
PROGRESSIVE = jpeg_bytes(FILM, "RGB", progressive=True)
ODD = odd_jpeg_bytes(FILM)

SCAN = b"\xff\xda"


def scan_starts(data: bytes) -> list[int]:
    starts = []
    position = data.find(SCAN)
    while position >= 0:
        starts.append(position)
        position = data.find(SCAN, position + 1)
    return starts


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(jpeg_bytes(FILM), id="grey"),
        pytest.param(jpeg_bytes(FILM, "RGB"), id="colour"),
        pytest.param(PROGRESSIVE, id="progressive"),
        pytest.param(ODD, id="a scan per component"),
    ],
)
def test_all_scans_are_there(data: bytes) -> None:
    check_scans(data)


@pytest.mark.parametrize("data", [PROGRESSIVE, ODD], ids=["progressive", "a scan per component"])
def test_scans_left_out_are_found_behind_a_forged_end(data: bytes) -> None:
    starts = scan_starts(data)
    assert len(starts) > 2
    for start in starts:
        with pytest.raises(ScanError, match="lacks some of its scans") as caught:
            check_scans(data[:start] + b"\xff\xd9")
        assert caught.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(jpeg_bytes(FILM), id="grey"),
        pytest.param(jpeg_bytes(FILM, optimize=True), id="optimised tables"),
        pytest.param(jpeg_bytes(FILM, quality=100), id="finest"),
        pytest.param(jpeg_bytes(FILM, quality=5), id="coarsest"),
        pytest.param(jpeg_bytes(FILM, "RGB", subsampling=0), id="4:4:4"),
        pytest.param(jpeg_bytes(FILM, "RGB", subsampling=1), id="4:2:2"),
        pytest.param(jpeg_bytes(FILM, "RGB", subsampling=2), id="4:2:0"),
        pytest.param(jpeg_bytes(FILM, "CMYK"), id="four colours"),
        pytest.param(jpeg_bytes(FILM[:81, :83], "RGB"), id="no whole blocks"),
        pytest.param(jpeg_bytes(FILM, restart_marker_blocks=5), id="restarts"),
        pytest.param(jpeg_bytes(FILM, "RGB", restart_marker_rows=1), id="restarts by row"),
        pytest.param(ODD, id="3x1"),
        pytest.param(odd_jpeg_bytes(FILM, ((2, 2), (2, 1), (1, 1))), id="2x2, 2x1, 1x1"),
        pytest.param(odd_jpeg_bytes(FILM, ((1, 3), (1, 1), (1, 2))), id="1x3, 1x1, 1x2"),
        pytest.param(odd_jpeg_bytes(FILM, restart_every=7), id="3x1 with restarts"),
    ],
)
def test_whole_pictures_add_up(data: bytes) -> None:
    assert check_blocks(data)


def test_progressive_pictures_cannot_be_checked() -> None:
    assert not check_blocks(PROGRESSIVE)


def assert_refused(data: bytes) -> None:
    with pytest.raises(ScanError) as caught:
        check_blocks(data)
    assert caught.value.reason is Reason.DAMAGED


LARGER = draw_film(seed=2)
BASES = {
    "grey": jpeg_bytes(LARGER),
    "colour": jpeg_bytes(LARGER, "RGB"),
    "odd": odd_jpeg_bytes(LARGER),
    "restarts": odd_jpeg_bytes(LARGER, restart_every=7),
}
SECTOR = 512  # what a broken disk or transfer loses; far fewer bytes can fall back into step


@pytest.mark.parametrize("base", BASES)
@settings(max_examples=40)
@given(data=st.data())
def test_cut_coded_data_is_found_behind_a_forged_end(base: str, data: st.DataObject) -> None:
    whole = BASES[base]
    first = scan_starts(whole)[-1] + 20
    # the last byte may hold nothing but padding
    length = data.draw(st.integers(first, len(whole) - 4))
    assert_refused(whole[:length] + b"\xff\xd9")


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("fill", [0x00, 0x55, 0xFE], ids=hex)
def test_overwritten_coded_data_is_found(base: str, fill: int) -> None:
    whole = BASES[base]
    rng = np.random.default_rng(fill)
    first = scan_starts(whole)[0] + 20
    for start in rng.integers(first, len(whole) - SECTOR, size=5):
        assert_refused(whole[:start] + bytes([fill]) * SECTOR + whole[start + SECTOR :])


def test_a_restart_left_out_is_found() -> None:
    whole = BASES["restarts"]
    start = whole.index(b"\xff\xd3")
    assert_refused(whole[:start] + whole[whole.index(b"\xff\xd4", start) :])


def test_blocks_too_many_are_found() -> None:
    grey = BASES["grey"]
    assert_refused(grey[:-2] + grey[-200:-2] + b"\xff\xd9")
