"""``xrayscan explain``: one film's heat maps by several methods, side by side in one picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from xrayscan.assessing import Assessor
from xrayscan.errors import DataError, OptionError, UsageError
from xrayscan.evaluation.explaining.methods import TITLES, Network, explainer
from xrayscan.evaluation.figures import SOFT, literal, panels, png
from xrayscan.evaluation.films import scan_of
from xrayscan.evaluation.judging import assess_options
from xrayscan.intake.admission import Admission
from xrayscan.journal.atomic import unwritable, write_bytes
from xrayscan.records import DISCLAIMER, Assessment, Status
from xrayscan.reporting.overlay import overlay
from xrayscan.resources import model_folder
from xrayscan.scoring.card import GRADCAM
from xrayscan.scoring.faithfulness import Heat, Mark, mark
from xrayscan.scoring.model import ScoringModel

_TITLE = 11  # points
_TILE = (3.2, 3.8)  # inches: a film and two lines


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """What ``explain`` is asked to do.

    Attributes:
        film: path of the film.
        model: name of a bundled model, or a model folder.
        methods: keys of ``methods.TITLES``, at least one.
        out: the PNG to write.
        workers: threads.
        admission: what to do with a film outside the training population.
    """

    film: str
    model: str
    methods: tuple[str, ...]
    out: Path
    workers: int = 1
    admission: Admission = Admission.ON


@dataclass(frozen=True, slots=True)
class Explanation:
    """What came of it.

    Attributes:
        probability: P(positive) of the film, 0..1.
        positive: what it is the probability of.
        marks: by method, how far each map was tested.
        remark: what admission has to say of the film, in words; "" for nothing.
    """

    probability: float
    positive: str
    marks: dict[str, Mark]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Views:
    """A film as the network sees it, and as a person does.

    Attributes:
        pixels: (S, S) float32, 0..255.
        view: (h, w) uint8.
    """

    pixels: NDArray[np.float32]
    view: NDArray[np.uint8]


def explain(options: ExplainOptions) -> Explanation:
    """Draw a film's heat maps beside it, each with the outcome of its test.

    The two of the graph have the scale of every overlay; Score-CAM and occlusion, which have none,
    are drawn up to their own highest value.

    Raises:
        DataError: the film cannot be read, or is none that the model may judge.
        ModelError: the model folder cannot be used, or has no feature map for Score-CAM.
        UsageError: no such film or method.
        XrayscanError: the picture cannot be written.
    """
    _check(options)
    model = ScoringModel(model_folder(options.model), options.workers)
    row, film = _scored(model, options)
    network = Network.of(model.card, options.workers)
    heats = {method: explainer(method, network)(film.pixels) for method in options.methods}
    marks = {method: mark(network.logits, film.pixels, heat) for method, heat in heats.items()}
    drawn = {
        method: _unit(heat, model.card.heat_scale.get(method)) for method, heat in heats.items()
    }
    assert row.probability is not None  # scored
    found = Explanation(row.probability, model.card.positive, marks, row.detail)
    _write(options.out, picture(film, drawn, found))
    return found


def _scored(model: ScoringModel, options: ExplainOptions) -> tuple[Assessment, Views]:
    """What ``predict`` would say of the film, and the film as it would score it.

    Raises:
        DataError: it would not.
    """
    usual = assess_options(0.5, model.card, options.workers, options.admission)
    [batch] = Assessor(model, replace(usual, cam=GRADCAM)).batches([scan_of(options.film)])
    [(row, picture)] = batch
    if row.status is Status.SCORED and picture and picture.test:
        return row, Views(picture.test.heat_map.film, picture.film)
    way = "; --admission warn draws it all the same" * (row.status is Status.NOT_ASSESSED)
    raise DataError(f"{options.film}: {row.detail}{way}")


def picture(film: Views, heats: dict[str, Heat], found: Explanation) -> bytes:
    """Draw the film and its maps, (h, w) of 0..1 by method, side by side as a PNG."""
    figure, axes = panels(1 + len(heats), _TILE)
    grey = cv2.cvtColor(film.view, cv2.COLOR_GRAY2RGB)
    tiles: list[tuple[str, NDArray[np.uint8]]] = [
        (f"P({found.positive}) {found.probability:.3f}", np.asarray(grey, np.uint8))
    ]
    for method, heat in heats.items():
        tested = found.marks[method]
        words = f"{TITLES[method]}: {tested.words}\nbeats {100 * tested.beaten:.0f} % of shuffled"
        tiles.append((words, overlay(film.view, heat)[:, :, ::-1]))
    for each, (words, pixels) in zip(axes, tiles, strict=True):
        each.imshow(pixels)
        # not set_axis_off: what is said below the film would go with it
        each.set(xticks=[], yticks=[])
        each.spines[:].set_visible(False)
        title, _, below = words.partition("\n")
        each.set_title(literal(title), fontsize=_TITLE)
        each.set_xlabel(literal(below), fontsize=_TITLE - 1, color=SOFT)
    below = f"{found.remark}\n{DISCLAIMER}" if found.remark else DISCLAIMER
    figure.supxlabel(literal(below), fontsize=_TITLE - 2, color=SOFT)
    return png(figure)


def _unit(heat: Heat, scale: float | None) -> Heat:
    highest = scale or float(heat.max()) or 1.0
    return np.asarray(np.clip(heat / highest, 0, 1), np.float32)


def _check(options: ExplainOptions) -> None:
    unknown = [method for method in options.methods if method not in TITLES]
    if unknown or not options.methods:
        raise OptionError(
            "method",
            ",".join(options.methods),
            f"choose from {', '.join(TITLES)}, separated by commas",
        )
    if options.out.suffix.lower() != ".png":
        raise OptionError("out", options.out, "is written as PNG; give a name that ends in .png")
    if options.out.exists() and _same(options.out, options.film):
        raise OptionError("out", options.out, "is the film itself; give another name")
    if Path(options.film).is_dir():
        raise UsageError(f"{options.film}: is a folder; give one film of it")
    if not os.path.lexists(options.film):
        raise UsageError(f"{options.film}: no such file; give a film")


def _same(path: Path, film: str) -> bool:
    return Path(film).exists() and path.samefile(film)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
    except OSError as fault:
        raise unwritable(path, fault) from None


def method_names(text: str) -> tuple[str, ...]:
    """Read the methods of ``--method``, each once."""
    names: Sequence[str] = [name.strip().lower() for name in text.split(",") if name.strip()]
    return tuple(dict.fromkeys(names))
