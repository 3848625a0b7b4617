from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xrayscan.errors import ModelError
from xrayscan.scoring.admission_statistics import AdmissionStatistics, admission_features
from xrayscan.scoring.engine import Engine
from xrayscan.scoring.model import NO_CAM, ScoringModel
from xrayscan.scoring.posture import find_posture

from .conftest import SIZE


@pytest.mark.parametrize("cam", [NO_CAM, "gradcam", "gradcam++"])
def test_every_film_has_what_the_parts_say(runnable: Path, films: np.ndarray, cam: str) -> None:
    scored = list(ScoringModel(runnable, threads=2).score(films, cam))
    scores = Engine(runnable / "scorer.xml", SIZE, 1).score(films)
    statistics = AdmissionStatistics.load(runnable / "admission.npz")
    distance = statistics.distance(admission_features(scores.admission, films))
    np.testing.assert_array_equal([film.probability for film in scored], scores.probability)
    np.testing.assert_allclose([film.distance for film in scored], distance, rtol=1e-4)
    if cam == NO_CAM:
        assert [film.heat for film in scored] == [None] * len(films)
        return
    scale = {"gradcam": 0.5, "gradcam++": 0.25}[cam]  # of the card
    for film, heat in zip(scored, scores.heat[cam], strict=True):
        np.testing.assert_allclose(film.heat, np.minimum(heat / scale, 1), rtol=1e-6)


def test_same_bits_alone_and_in_a_batch(runnable: Path, films: np.ndarray) -> None:
    model = ScoringModel(runnable, threads=2)
    together = list(model.score(films, "gradcam"))
    for index, film in enumerate(together):
        (alone,) = model.score(films[index : index + 1], "gradcam")
        assert (alone.probability, alone.distance) == (film.probability, film.distance)
        np.testing.assert_array_equal(alone.heat, film.heat)


def test_a_changed_folder_is_refused(runnable: Path) -> None:
    with (runnable / "scorer.bin").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match=r"scorer\.bin: .*sha256 differs"):
        ScoringModel(runnable, threads=1)


def test_postures_are_told_by_the_folder_s_weights(runnable: Path, films: np.ndarray) -> None:
    model = ScoringModel(runnable, threads=1)
    weights = AdmissionStatistics.load(runnable / "admission.npz").posture
    assert model.posture(films[0]) == find_posture(films[0], weights)
