from __future__ import annotations

import pytest
from statsmodels.stats.proportion import proportion_confint

from xrayscan.scoring.wilson import wilson


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 20), (93, 100)])
def test_wilson_against_statsmodels(hits: int, total: int) -> None:
    low, high = proportion_confint(hits, total, method="wilson")
    assert wilson(hits, total) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    count: int, total: int, low: float, high: float
) -> None:
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)
