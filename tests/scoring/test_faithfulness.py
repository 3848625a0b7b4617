from __future__ import annotations

import numpy as np

from tests.looking import brightness, film, true_map
from xrayscan.scoring.faithfulness import mark


def test_the_mark_of_a_true_a_false_and_a_flat_map() -> None:
    true, false = (mark(brightness, film(), heat) for heat in (true_map(), 1 - true_map()))
    assert (true.reliable, true.words) == (True, "tested")
    assert true.beaten == 1
    assert (false.reliable, false.words) == (False, "not reliable")
    assert not mark(brightness, film(), np.full((7, 7), 0.3, np.float32)).reliable
