from __future__ import annotations

import pytest

from xrayscan.wording import counted


@pytest.mark.parametrize(("count", "words"), [(0, "0 films"), (1, "1 film"), (2, "2 films")])
def test_counted(count: int, words: str) -> None:
    assert counted(count, "film") == words
