from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference
from statsmodels.stats.multitest import multipletests

from xrayscan.evaluation.pairs import holm, mcnemar


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_against_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.random(80) < 0.8, rng.random(80) < 0.7
    table = [
        [int((first & second).sum()), int((first & ~second).sum())],
        [int((~first & second).sum()), int((~first & ~second).sum())],
    ]
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (table[0][1], table[1][0])
    assert found.p == pytest.approx(reference(table, exact=True).pvalue, abs=1e-12)


def test_mcnemar_by_hand() -> None:
    """Five films that the second alone gets right: 2 / 2^5."""
    second = np.array([True] * 5 + [False] * 3)
    assert mcnemar(np.zeros(8, np.bool_), second).p == pytest.approx(2 / 32)
    assert mcnemar(second, second).p == 1


def test_holm_against_statsmodels() -> None:
    values = [0.04, 0.001, 0.03, 0.6]
    found = holm([values[0], None, *values[1:]])
    assert found[1] is None
    expected = multipletests(values, method="holm")[1]
    assert [each for each in found if each is not None] == pytest.approx(expected.tolist())
    assert holm([]) == []
