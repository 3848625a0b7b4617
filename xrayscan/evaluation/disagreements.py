"""The films on which contenders call differently, with their heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrayscan.evaluation.comparison_page import Disagreement
from xrayscan.evaluation.contenders import Contender, Setting
from xrayscan.evaluation.films import LabelledScan
from xrayscan.evaluation.judging import assess_options, explain
from xrayscan.evaluation.telling import pictures
from xrayscan.scoring.card import GRADCAM
from xrayscan.scoring.model import ScoringModel

SHOWN = 12  # films on which calls differ
_MOST_MODELS = 2  # heat maps beside the film: three pictures fit side by side


def disagreements(
    contenders: Sequence[Contender],
    films: Sequence[LabelledScan],
    common: NDArray[np.bool_],
    names: tuple[str, str],
    setting: Setting,
) -> list[Disagreement]:
    """Films whose calls differ most at the first rule, with heat maps."""
    rule = next(iter(contenders[0].thresholds))
    thresholds = [each.thresholds[each.rule_for(rule)] for each in contenders]
    calls = np.stack(
        [each.probabilities >= at for each, at in zip(contenders, thresholds, strict=True)]
    )
    values = np.stack([each.probabilities for each in contenders])
    differ = common & (calls.any(axis=0) & ~calls.all(axis=0))
    spread = np.where(differ, np.ptp(values, axis=0), -1.0)
    chosen = [int(place) for place in np.argsort(-spread, kind="stable")[:SHOWN] if differ[place]]
    drawn = _drawn([each for each in contenders if each.folder], films, chosen, setting)
    return [
        Disagreement(
            Path(films[place].scan.location).name,
            films[place].label,
            tuple(
                (each.name, names[int(calls[row, place])], float(values[row, place]))
                for row, each in enumerate(contenders)
            ),
            drawn.get(place, ()),
        )
        for place in chosen
    ]


def _drawn(
    models: Sequence[Contender],
    films: Sequence[LabelledScan],
    chosen: Sequence[int],
    setting: Setting,
) -> dict[int, tuple[tuple[str, str], ...]]:
    """Each film and its Grad-CAM by the first models, by its place."""
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    for contender in models[:_MOST_MODELS]:
        assert contender.folder is not None
        model = ScoringModel(contender.folder, setting.workers)
        assess = assess_options(0.5, model.card, setting.workers, setting.admission)
        explained = explain(model, [films[place].scan for place in chosen], assess)
        for place in chosen:
            each = explained.get(films[place].scan.location)
            if each is None or GRADCAM not in each.heat:
                continue
            film, (name, uri) = pictures(each.view, {GRADCAM: each.heat[GRADCAM]})
            found[place] = (*found.get(place, (film,)), (f"{name}, {contender.name}", uri))
    return found
