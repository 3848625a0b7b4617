"""The coded data of a JPEG: is every scan there, and does every block decode?

The strict decoder answers the second question for nearly all films. The walk over the blocks here
is for the few it does not take (unusual sampling factors, 12 bits) and that only forgiving decoders
read. Numbers like B.1.1.2 are sections of ITU-T T.81.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xrayscan.errors import ScanError
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.records import Reason

_SEQUENTIAL = frozenset({0xC0, 0xC1})  # start of frame: baseline and extended, Huffman coded
_DCT_FRAMES = _SEQUENTIAL | {0xC2, 0xC9, 0xCA}  # and progressive, and both arithmetic coded
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}  # 0xF7: JPEG-LS, T.87
_HUFFMAN_TABLES, _RESTART_INTERVAL, _SCAN, _END = 0xC4, 0xDD, 0xDA, 0xD9

_AFTER_SCAN = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")  # a marker that is no restart, B.1.1.2
_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")

_Table = list[int]  # by the next 16 bits: length of the code << 8 | its value; 0 for no code
_Plan = list[tuple[_Table, _Table]]  # the DC and the AC table of each block of an MCU, in order


def check_scans(data: bytes) -> None:
    """Refuse a JPEG that leaves out a component or a refinement of a progressive picture.

    The end marker may be there all the same: programs that "repair" cut files add one.
    """
    lowest_bit = np.full((256, 64), 255, np.uint8)  # sent so far, by component and frequency
    components = b""
    progressive = False
    for marker, payload, _ in segments(data):
        if marker in _DCT_FRAMES:
            components, progressive = payload[6::3], marker not in _SEQUENTIAL
        elif marker == _SCAN:
            first, last, bits = payload[-3:] if progressive else (0, 63, 0)
            lowest_bit[list(payload[1:-3:2]), first : last + 1] = bits & 15
            if not lowest_bit[list(components)].any():
                return
    detail = f"lacks some of its scans, so that only a coarse picture is there; {COPY_AGAIN}"
    raise ScanError(Reason.TRUNCATED, detail, "JPEG")


def frame_size(data: bytes) -> tuple[int, int, int]:
    """Read width, height and number of components, of any kind of JPEG and of JPEG-LS.

    Raises:
        ValueError: there is no frame header.
    """
    for marker, payload, _ in segments(data):
        if marker in _FRAMES and len(payload) >= 6:
            _, height, width, count = struct.unpack_from(">BHHB", payload)
            return width, height, count
    raise ValueError("no JPEG frame header")


def coding_unit(data: bytes) -> tuple[int, int] | None:
    """Tell the pixels of a unit of coded data, (height, width); None where blocks have no order.

    They have one where all components share one scan of their first bits, without restarts.
    """
    frame = _Frame(0, 0, {})
    for marker, payload, _ in segments(data):
        if marker in _DCT_FRAMES:
            frame = _Frame.of(payload)
        elif marker == _RESTART_INTERVAL:
            return None
        elif marker == _SCAN:
            if payload[0] != len(frame.factors):
                return None
            factors = frame.factors.values() if len(frame.factors) > 1 else [(1, 1)]
            return 8 * max(v for _, v in factors), 8 * max(h for h, _ in factors)
    return None


def check_blocks(data: bytes) -> bool:
    """Refuse a JPEG whose coded data does not hold exactly its blocks.

    Returns:
        Whether the check could be made: only sequential Huffman coded pictures can be checked.

    Raises:
        ScanError: a code that does not exist, or blocks too few or too many.
    """
    tables: dict[int, _Table] = {}
    frame, interval = _Frame(0, 0, {}), 0
    for marker, payload, end in segments(data):
        if marker == _HUFFMAN_TABLES:
            tables |= _huffman_tables(payload)
        elif marker == _RESTART_INTERVAL:
            (interval,) = struct.unpack(">H", payload)
        elif marker in _SEQUENTIAL:
            frame = _Frame.of(payload)
        elif marker in _FRAMES:
            return False
        elif marker == _SCAN:
            coded = data[end : _scan_end(data, end)]
            if not _holds(frame.scan(payload, tables), coded, interval):
                detail = f"the picture data is damaged (its blocks do not add up); {COPY_AGAIN}"
                raise ScanError(Reason.DAMAGED, detail, "JPEG")
    return True


def segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield (marker, payload, where the segment ends), up to the end marker."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker == _END:
            return
        (length,) = struct.unpack_from(">H", data, position + 2)
        end = position + 2 + length
        yield marker, data[position + 4 : end], end
        position = _scan_end(data, end) if marker == _SCAN else end


def _scan_end(data: bytes, start: int) -> int:
    """Where the coded data ends that starts after a scan's header."""
    after = _AFTER_SCAN.search(data, start)
    return after.start() if after else len(data)


def _huffman_tables(payload: bytes) -> dict[int, _Table]:
    """Read the tables of one segment, by class << 4 | destination (B.2.4.2, C.2)."""
    tables = {}
    while payload:
        counts, values = payload[1:17], payload[17:]
        table = np.zeros(65_536, np.int64)
        start = taken = 0
        for length, count in enumerate(counts, start=1):
            for value in values[taken : taken + count]:
                table[start : start + (1 << (16 - length))] = length << 8 | value
                start += 1 << (16 - length)
            taken += count
        tables[payload[0]] = table.tolist()
        payload = values[taken:]
    return tables


@dataclass(frozen=True, slots=True)
class _Scan:
    """What the coded data of one scan has to hold: MCUs, each of the blocks in the plan."""

    units: int
    plan: _Plan


@dataclass(frozen=True, slots=True)
class _Frame:
    """Size in pixels, and each component's horizontal and vertical sampling factor."""

    width: int
    height: int
    factors: dict[int, tuple[int, int]]

    @classmethod
    def of(cls, payload: bytes) -> _Frame:
        _, height, width, count = struct.unpack_from(">BHHB", payload)
        each = (payload[6 + 3 * index : 9 + 3 * index] for index in range(count))
        return cls(width, height, {name: (both >> 4, both & 15) for name, both, _ in each})

    def scan(self, payload: bytes, tables: dict[int, _Table]) -> _Scan:
        """Lay out a scan from its header (A.2): one component block by block, several in MCUs."""
        widest = max(horizontal for horizontal, _ in self.factors.values())
        tallest = max(vertical for _, vertical in self.factors.values())
        names, choices = payload[1:-3:2], payload[2:-3:2]
        pairs = [(tables[choice >> 4], tables[16 | choice & 15]) for choice in choices]
        if len(names) == 1:
            horizontal, vertical = self.factors[names[0]]
            across = _ceil(_ceil(self.width * horizontal, widest), 8)
            down = _ceil(_ceil(self.height * vertical, tallest), 8)
            return _Scan(across * down, pairs)
        plan: _Plan = []
        for name, pair in zip(names, pairs, strict=True):
            horizontal, vertical = self.factors[name]
            plan += [pair] * (horizontal * vertical)
        return _Scan(_ceil(self.width, 8 * widest) * _ceil(self.height, 8 * tallest), plan)


def _holds(scan: _Scan, coded: bytes, interval: int) -> bool:
    """Whether the coded data of a scan holds its MCUs, ``interval`` of them between restarts."""
    stretches = _RESTART.split(coded) if interval else [coded]
    interval = interval or scan.units
    if len(stretches) != _ceil(scan.units, interval):
        return False
    left = [min(interval, scan.units - done) for done in range(0, scan.units, interval)]
    return all(
        _walk(stretch.replace(b"\xff\x00", b"\xff"), scan.plan * units)
        for stretch, units in zip(stretches, left, strict=True)
    )


def _walk(coded: bytes, blocks: _Plan) -> bool:
    """Whether the bits are these blocks and nothing more than the padding of the last byte."""
    padded = np.frombuffer(coded + b"\0\0\0", np.uint8).astype(np.int64)
    words = (padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]).tolist()  # 24 bits from each byte
    bits, at = 8 * len(coded), 0
    for dc, ac in blocks:
        entry = dc[words[at >> 3] >> (8 - (at & 7)) & 0xFFFF]
        at += (entry >> 8) + (entry & 15)
        frequency = 1
        while frequency < 64 and entry and at <= bits:
            entry = ac[words[at >> 3] >> (8 - (at & 7)) & 0xFFFF]
            at += (entry >> 8) + (entry & 15)
            if entry & 15 == 0 and entry & 0xF0 != 0xF0:  # end of block, F.1.2.2
                break
            frequency += (entry >> 4 & 15) + 1
        if not entry or at > bits or frequency > 64:
            return False
    return bits - at < 8


def _ceil(number: int, divisor: int) -> int:
    return -(-number // divisor)
