"""Every kind of damage that files suffer, done to any file's bytes with a seeded generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_HEADER = 0.08  # of the file: damage beyond it hits the picture
SECTOR, PAGE = 512, 4096

Damage = Callable[[bytes, np.random.Generator], bytes]


def _place(data: bytes, rng: np.random.Generator, length: int) -> int:
    return int(rng.integers(int(len(data) * _HEADER), len(data) - length))


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng, 1)]


def cut_with_a_forged_end(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng, 16)] + data[-12:]


def tail_of_zeros(data: bytes, rng: np.random.Generator) -> bytes:
    start = _place(data, rng, SECTOR)
    return data[:start] + bytes(len(data) - start)


def shortened(data: bytes, rng: np.random.Generator) -> bytes:
    start = _place(data, rng, PAGE)
    return data[:start] + data[start + PAGE :]


def overwritten(length: int, value: int | None = None) -> Damage:
    """With one value, or with random bytes."""

    def damage(data: bytes, rng: np.random.Generator) -> bytes:
        start = _place(data, rng, length)
        noise = rng.integers(0, 256, length).astype(np.uint8).tobytes()
        new = noise if value is None else bytes([value]) * length
        return data[:start] + new + data[start + length :]

    return damage


def flipped_bit(data: bytes, rng: np.random.Generator) -> bytes:
    place = _place(data, rng, 1)
    return data[:place] + bytes([data[place] ^ 1 << int(rng.integers(8))]) + data[place + 1 :]


DAMAGES: dict[str, Damage] = {
    "cut": cut,
    "cut, end forged": cut_with_a_forged_end,
    "tail of zeros": tail_of_zeros,
    "shortened": shortened,
    "page zeroed": overwritten(PAGE, 0),
    "sector zeroed": overwritten(SECTOR, 0),
    "page overwritten": overwritten(PAGE),
    "sector overwritten": overwritten(SECTOR),
    "bit flipped": flipped_bit,
}
