from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xrayscan.journal.lines import decode_line, encode_line

WORDS = "no whole line|checksum|invalid literal|Expecting value|no record"
VALUES = st.dictionaries(
    st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
)


@given(VALUES)
def test_what_is_written_is_read_back(record) -> None:
    line = encode_line(record)
    assert decode_line(line) == record
    assert line.count(b"\n") == 1
    assert line.isascii()


@given(VALUES, st.data())
def test_a_cut_line_is_none(record, data) -> None:
    line = encode_line(record)
    with pytest.raises(ValueError, match=WORDS):
        decode_line(line[: data.draw(st.integers(0, len(line) - 1))])


@given(VALUES, st.data())
def test_a_changed_bit_is_found(record, data) -> None:
    line = bytearray(encode_line(record))
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(ValueError):  # the case of one of the checksum's own letters changes nothing
        assert decode_line(bytes(line)) == record


def test_names_that_are_not_utf8_survive() -> None:
    assert decode_line(encode_line({"name": "\udcff.jpg"})) == {"name": "\udcff.jpg"}


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"hello\n", b"00000000 \n", b"zzzzzzzz {}\n", encode_line([])]
)
def test_other_lines_are_none(line: bytes) -> None:
    with pytest.raises(ValueError, match=WORDS):
        decode_line(line)
