from __future__ import annotations

import io
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tests.damage import DAMAGES
from tests.films import draw_deep_film, draw_film
from xrayscan.errors import ScanError
from xrayscan.intake.jpeg2000 import decode_jpeg2000, size
from xrayscan.records import Reason

FILM = draw_film(3, width=300, height=260)
DEEP = draw_deep_film(3, width=300, height=260)


def coded(film: np.ndarray = FILM, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(film).save(buffer, "JPEG2000", **{"no_jp2": True, **options})
    return buffer.getvalue()


LOSSY = {"irreversible": True, "quality_mode": "rates"}
KINDS = {
    "lossless": {},
    "lossy": {**LOSSY, "quality_layers": [8]},
    "strongly lossy": {**LOSSY, "quality_layers": [40]},
    "layers": {**LOSSY, "quality_layers": [60, 30, 10]},
    "lossless layers": {"quality_mode": "rates", "quality_layers": [40, 10, 1]},
    "by signal to noise": {"quality_mode": "dB", "quality_layers": [38]},
    "small blocks": {"codeblock_size": (16, 16)},
    "tiles": {"tile_size": (128, 128)},
    "precincts": {"progression": "RPCL", "precinct_size": (128, 128)},
    "in boxes": {"no_jp2": False},
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_whole_is_decoded(kind: str) -> None:
    pixels = decode_jpeg2000(coded(**KINDS[kind]))
    assert np.corrcoef(pixels.ravel(), FILM.ravel())[0, 1] > 0.98


def test_12_bits() -> None:
    frame = bytes(imagecodecs.jpeg2k_encode(DEEP, codecformat="j2k", bitspersample=12))
    assert np.array_equal(decode_jpeg2000(frame), DEEP)


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "bit flipped"])
@pytest.mark.parametrize("kind", ["lossless", "tiles"])
def test_damage_is_found(kind: str, damage: str) -> None:
    whole, rng = coded(**KINDS[kind]), np.random.default_rng(0)
    for _ in range(5):
        with pytest.raises((ScanError, RuntimeError)):
            decode_jpeg2000(DAMAGES[damage](whole, rng))


@pytest.mark.parametrize("kind", ["lossy", "layers", "precincts", "small blocks"])
def test_damage_is_found_nearly_always(kind: str) -> None:
    """Zeros in the place of a packet's header say that it is empty, and nothing denies that."""
    whole, rng = coded(**KINDS[kind]), np.random.default_rng(0)
    found = []
    for damage in ("sector zeroed", "sector overwritten") * 20:
        try:
            decode_jpeg2000(DAMAGES[damage](whole, rng))
        except (ScanError, RuntimeError):
            found.append(damage)
    assert len(found) >= 0.9 * 40


def test_a_zeroed_sector_is_told_as_damage() -> None:
    whole = coded()
    with pytest.raises(ScanError, match="a code-block is not whole") as caught:
        decode_jpeg2000(whole[:9000] + bytes(512) + whole[9512:])
    assert caught.value.reason is Reason.DAMAGED


def test_what_is_found_belongs_to_its_own_thread() -> None:
    whole = coded()
    damaged = whole[:9000] + bytes(512) + whole[9512:]

    def is_refused(frame: bytes) -> bool:
        try:
            decode_jpeg2000(frame)
        except ScanError:
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(is_refused, [whole, damaged] * 10)) == [False, True] * 10
    assert not logging.getLogger("imagecodecs").handlers, "none is left of any film"


def test_size() -> None:
    assert size(coded()) == (300, 260, 1)
    assert size(coded(no_jp2=False)) == (300, 260, 1)
    with pytest.raises(ValueError, match="no JPEG 2000 header"):
        size(coded()[:20])
