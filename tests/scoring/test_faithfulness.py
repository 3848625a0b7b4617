from __future__ import annotations

import numpy as np
import pytest

from tests.looking import brightness, film, true_map
from xrayscan.scoring.faithfulness import Mark, mark, quick_marks


def quick_mark(logits, film: np.ndarray, heat: np.ndarray) -> Mark:
    (found,) = quick_marks(logits, [film], [heat])
    return found


@pytest.mark.parametrize("test", [mark, quick_mark])
def test_the_mark_of_a_true_a_false_and_a_flat_map(test) -> None:
    true, false = (test(brightness, film(), heat) for heat in (true_map(), 1 - true_map()))
    assert (true.reliable, true.words) == (True, "tested")
    assert true.beaten > 0.99
    assert (false.reliable, false.words) == (False, "not reliable")
    assert not test(brightness, film(), np.full((7, 7), 0.3, np.float32)).reliable


def test_a_quick_mark_takes_five_passes_and_a_mark_twenty_one() -> None:
    passes: list[int] = []

    def counting(films: np.ndarray) -> np.ndarray:
        passes.append(len(films))
        return brightness(films)

    quick_mark(counting, film(), true_map())
    mark(counting, film(), true_map())
    assert passes == [5, 21]
    quick_marks(counting, [film()] * 3, [true_map()] * 3)
    assert passes == [5, 21, 15], "all at once"


def test_quick_marks_are_those_of_each_map_alone() -> None:
    """A flat map among them, which needs no pass at all."""
    heats = [true_map(), np.full((7, 7), 0.3, np.float32), 1 - true_map()]
    together = quick_marks(brightness, [film()] * 3, heats)
    assert together == [quick_mark(brightness, film(), heat) for heat in heats]
    assert quick_marks(brightness, [film()], heats[1:2]) == [Mark(0.0)]
    assert quick_marks(brightness, [], []) == []


def test_a_quick_mark_by_hand() -> None:
    """Others at 1, 2, 3, 4: mean 2.5, deviation 1.29; the map itself one deviation below."""
    others = np.array([1.0, 2, 3, 4])
    own = 2.5 - others.std(ddof=1)
    found = quick_mark(lambda films: np.array([own, *others]), film(), true_map())
    assert found.beaten == pytest.approx(0.8413, abs=1e-4)


@pytest.mark.parametrize(("own", "reliable"), [(-1.0, True), (0.0, False), (1.0, False)])
def test_others_that_are_all_alike(own: float, reliable: bool) -> None:
    found = quick_mark(lambda films: np.array([own, 0, 0, 0, 0]), film(), true_map())
    assert found.reliable is reliable


def test_maps_that_know_nothing_pass_no_oftener_than_one_in_three() -> None:
    """By chance alone: 5 in 21 for twenty other places, about one in four for four."""
    chance = np.random.default_rng(3)
    heats = chance.random((300, 7, 7)).astype(np.float32)
    noise = lambda films: chance.normal(size=len(films))  # noqa: E731
    quick = np.mean([quick_mark(noise, film(), heat).reliable for heat in heats])
    counted = np.mean([mark(noise, film(), heat).reliable for heat in heats])
    assert quick == pytest.approx(0.25, abs=0.07)
    assert counted == pytest.approx(5 / 21, abs=0.07)
