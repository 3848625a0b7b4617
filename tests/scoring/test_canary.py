from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from xrayscan.errors import ModelError
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.canary import FILMS, canary_facts, canary_films, check_canary
from xrayscan.scoring.card import CARD
from xrayscan.scoring.model import ScoringModel

FACTS = canary_facts([0.1, 0.5, 0.9], [0.5, 1.0, 3.0])


@pytest.mark.parametrize("size", [32, 224])
def test_films_are_of_the_right_kind_and_differ(size: int) -> None:
    films = canary_films(size)
    assert films.shape == (FILMS, size, size)
    assert films.dtype == np.float32
    assert films.min() >= 0
    assert films.max() <= 255
    assert films.std(axis=(1, 2)).min() > 30
    assert np.abs(films[0] - films[1]).max() > 20


@pytest.mark.parametrize(
    ("probabilities", "distances", "moved"),
    [
        pytest.param([0.1, 0.5, 0.9], [0.5, 1.0, 3.0], False, id="the same"),
        pytest.param([0.102, 0.495, 0.9], [0.505, 1.0, 3.02], False, id="another processor"),
        pytest.param([0.1, 0.52, 0.9], [0.5, 1.0, 3.0], True, id="a probability"),
        pytest.param([0.1, 0.5, 0.906], [0.5, 1.0, 3.0], True, id="a probability near 1"),
        pytest.param([0.1, 0.5, 0.9], [0.5, 1.02, 3.0], True, id="a distance"),
        pytest.param([0.1, 0.5, float("nan")], [0.5, 1.0, 3.0], True, id="no number"),
    ],
)
def test_what_has_moved_is_found(probabilities, distances, moved: bool) -> None:
    if moved:
        with pytest.raises(ModelError, match="something on this machine computes wrongly"):
            check_canary(FACTS, probabilities, distances)
    else:
        check_canary(FACTS, probabilities, distances)


def with_canary(folder: Path, change: float) -> ScoringModel:
    """The bundled model with the canary's results of this machine, changed."""
    shutil.copytree(model_folder(DEFAULT_MODEL), folder)
    model = ScoringModel(folder, 2)
    scored = list(model.score(canary_films(model.card.input_size)))
    card = json.loads((folder / CARD).read_text())
    card["canary"] = canary_facts(
        [film.probability - change for film in scored], [film.distance for film in scored]
    )
    (folder / CARD).write_text(json.dumps(card))
    return ScoringModel(folder, 2)


def test_a_model_is_checked_before_it_scores(tmp_path: Path) -> None:
    with_canary(tmp_path / "good", 0.0).check()
    moved = with_canary(tmp_path / "moved", 0.01)
    with pytest.raises(ModelError):
        moved.check()
