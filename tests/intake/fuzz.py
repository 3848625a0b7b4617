"""Decode mutated files, one after another; run by test_fuzz.py in a process that may die.

Usage:
    python -m tests.intake.fuzz SEED COUNT

Prints the number of each case before it is decoded, and at the end the slowest case's seconds.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from tests.intake.test_damage import GOOD, good
from xrayscan.errors import ScanError
from xrayscan.intake.read import Content, decode

MEMORY = 6_000_000_000  # bytes of address space: libraries take 2 GB of it before the first film
_HEADER = 600  # bytes


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Change up to 20 bytes, half the time in the header only; sometimes cut or double a part."""
    changed = bytearray(data)
    end = _HEADER if rng.random() < 0.5 else len(data)
    for place in rng.integers(0, min(end, len(data)), int(rng.integers(1, 20))):
        changed[place] = int(rng.choice([0, 255, 127, 128, int(rng.integers(256))]))
    if rng.random() < 0.2:
        start = int(rng.integers(len(data)))
        changed[start : start + int(rng.integers(1, 5000))] = b""
    if rng.random() < 0.1:
        start = int(rng.integers(len(data)))
        changed[start:start] = data[start : start + int(rng.integers(1, 5000))]
    return bytes(changed)


def case(seed: int, number: int) -> tuple[str, bytes]:
    rng = np.random.default_rng((seed, number))
    name = list(GOOD)[number % len(GOOD)]
    return name, mutated(good(name), rng)


def main() -> None:
    seed, count = map(int, sys.argv[1:3])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    slowest = 0.0
    for number in range(count):
        print(number, flush=True)
        name, data = case(seed, number)
        started = time.monotonic()
        try:
            decode(Content(data, ""), "film")
        except ScanError as fault:
            if not fault.detail or "\n" in fault.detail:
                raise SystemExit(f"{name}: {fault.detail!r} is no sentence") from None
        slowest = max(slowest, time.monotonic() - started)
    print(f"slowest {slowest:.3f}")


if __name__ == "__main__":
    main()
