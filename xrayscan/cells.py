"""Texts in the cells of a table, so that spreadsheets run none and odd file names come back."""

from __future__ import annotations

import os
import unicodedata
from urllib.parse import quote_from_bytes, unquote_to_bytes

# A cell that begins with one of these would be run as a formula (OWASP, CSV injection). The quote
# itself is among them, so that taking one quote away always gives the text back.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_BYTES = "bytes:"


def path_text(name: str) -> str:
    """Write a file name so that it can be read back without loss.

    Names of text stay as they are. Names that are not valid UTF-8 or hold control characters (a
    line break would make two lines of one row), and those that look like the escape itself, become
    ``bytes:`` and their bytes percent-encoded.
    """
    is_text = name.isprintable() or not any(
        unicodedata.category(character) in ("Cc", "Cs") for character in name
    )
    if is_text and not name.startswith(_BYTES):
        return name
    return _BYTES + quote_from_bytes(os.fsencode(name))


def path_name(text: str) -> str:
    """Read back what ``path_text`` wrote, as the file system's name."""
    if text.startswith(_BYTES):
        return os.fsdecode(unquote_to_bytes(text.removeprefix(_BYTES)))
    return text


def safe_cell(text: str) -> str:
    """Put a quote before a text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def cell_text(cell: str) -> str:
    """Read back what ``safe_cell`` wrote."""
    return cell.removeprefix("'")
