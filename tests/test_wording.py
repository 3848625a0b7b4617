from __future__ import annotations

import pytest

from xrayscan.wording import counted, films_are


@pytest.mark.parametrize(
    ("count", "words", "sentence"),
    [(0, "0 films", "0 films are"), (1, "1 film", "1 film is"), (2, "2 films", "2 films are")],
)
def test_counted(count: int, words: str, sentence: str) -> None:
    assert counted(count, "film") == words
    assert films_are(count) == sentence
