from __future__ import annotations

import pytest

from xrayscan.records import PROBABILITY_BINS, probability_bin
from xrayscan.reporting.histogram import bars


@pytest.mark.parametrize(
    ("probability", "index"),
    [(0.0, 0), (0.0499999, 0), (0.05, 1), (0.5, 10), (0.9999999, 19), (1.0, 19)],
)
def test_bins_are_closed_below_and_the_last_on_both_sides(probability: float, index: int) -> None:
    assert probability_bin(probability) == index


def test_heights_go_by_the_square_root() -> None:
    drawn = bars([0, 1, 4, 100])
    assert [bar.height for bar in drawn] == [0, 0.1, 0.2, 1]
    assert [(bar.start, bar.end) for bar in drawn] == [
        (0, 1 / 4),
        (1 / 4, 1 / 2),
        (1 / 2, 3 / 4),
        (3 / 4, 1),
    ]


def test_no_films_have_no_bars() -> None:
    assert [bar.height for bar in bars([0] * PROBABILITY_BINS)] == [0] * PROBABILITY_BINS
