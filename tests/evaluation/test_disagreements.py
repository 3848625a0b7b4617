from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.films import draw_film, png_bytes
from tests.scoring.conftest import films, runnable, scorer, tiny_classifier
from xrayscan.evaluation.contenders import Contender, Setting
from xrayscan.evaluation.disagreements import disagreements
from xrayscan.evaluation.films import LabelOptions, labelled_scans
from xrayscan.intake.admission import Admission
from xrayscan.resources import DEFAULT_MODEL, model_folder
from xrayscan.scoring.card import load_card

__all__ = ["films", "runnable", "scorer", "tiny_classifier"]  # the fixtures

FILMS = 2


def test_models_of_other_sizes_draw_the_same_films(runnable: Path, tmp_path: Path) -> None:
    """Each reads them at its own size: 224 and 64 pixels."""
    for seed, label in enumerate(("NORMAL", "PNEUMONIA")):
        (tmp_path / "films" / label).mkdir(parents=True)
        (tmp_path / "films" / label / "a.png").write_bytes(png_bytes(draw_film(seed)))
    cards = [load_card(model_folder(DEFAULT_MODEL)), load_card(runnable)]
    assert len({card.input_size for card in cards}) == 2
    labelled = labelled_scans(LabelOptions(tmp_path / "films"), cards[0]).films
    contenders = [
        Contender(card.name, np.full(FILMS, share), {"youden": 0.5}, folder=card.folder)
        for card, share in zip(cards, (0.1, 0.9), strict=True)
    ]
    shown = disagreements(
        contenders,
        labelled,
        np.ones(FILMS, np.bool_),
        ("NORMAL", "PNEUMONIA"),
        Setting((), 1, Admission.OFF),
    )
    assert len(shown) == FILMS
    for each in shown:
        titles = [title for title, _ in each.pictures]
        assert titles[1:] == ["Grad-CAM, fast", "Grad-CAM, handmade"]
