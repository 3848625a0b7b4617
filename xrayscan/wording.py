"""Texts for people: counts in words, and names that show what is in them and steer nothing."""

from __future__ import annotations

# How characters look that are invisible and turn the reading direction is decided here, and not by
# the browser or the terminal.
_BIDI = {
    ord(mark): f"\\u{ord(mark):04x}"
    for mark in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
}


def counted(count: int, noun: str) -> str:
    """A number of things: "1 film", "2 films"; the noun in the singular."""
    return f"{count} {noun}{'s' * (count != 1)}"


def films_are(count: int) -> str:
    """How a sentence about films begins: "1 film is", "2 films are"."""
    return f"{counted(count, 'film')} {'is' if count == 1 else 'are'}"


def visible(text: str) -> str:
    """A text with its control and direction marks made visible."""
    marked = text.translate(_BIDI)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in marked)
