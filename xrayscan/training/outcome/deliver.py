"""Delivers a model to other programs: run on test films first, and told what it takes."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from xrayscan.cores import available_cores
from xrayscan.errors import ModelError, OptionError, UsageError
from xrayscan.journal.atomic import check_writable, sync_tree, unwritable
from xrayscan.records import DISCLAIMER
from xrayscan.reporting.run_record import versions
from xrayscan.resources import model_folder
from xrayscan.scoring import card as cards
from xrayscan.scoring.canary import canary_films
from xrayscan.scoring.engine import Engine
from xrayscan.training.learning import devices
from xrayscan.training.outcome.export import PIXELS
from xrayscan.training.outcome.formats import Format, Graph, Run, write

# What float32 differs by between runtimes, ten times over; probabilities are shown in thousandths.
# Outputs beyond 1 may differ by this share of their largest value.
WITHIN = 1e-3


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is exported, and where to.

    Attributes:
        model: name of a bundled model, or a model folder.
        format: the file's; SAVED_MODEL is a folder.
        out: the file or folder; facts about it go beside it as ``.json``.
    """

    model: str
    format: Format
    out: Path

    @property
    def facts(self) -> Path:
        return self.out.with_name(f"{self.out.name}.json")


def export_model(options: ExportOptions) -> float:
    """Export a model: pixels in; probability, heat maps and embedding out.

    Args:
        options: what and where.

    Returns:
        The largest difference between the exported model and the scorer on the canary films.

    Raises:
        UsageError: the output exists, the model cannot be exported, or a package is missing.
        ModelError: the model folder cannot be used, or what was exported scores otherwise.
        XrayscanError: the output cannot be written.
    """
    card = cards.load_card(model_folder(options.model))
    _check(options, card)
    try:
        with tempfile.TemporaryDirectory(prefix=".xrayscan-", dir=options.out.parent) as folder:
            made = Path(folder) / options.out.name
            run = write(Graph.of(card), made, options.format)
            difference = _difference(card, run)
            facts = Path(folder) / "facts.json"
            text = json.dumps(_facts(card, options.format, run, difference), indent=1)
            facts.write_text(f"{text}\n", encoding="utf-8")
            sync_tree(Path(folder))
            made.replace(options.out)
            facts.replace(options.facts)
    except OSError as fault:
        raise unwritable(options.out, fault) from None
    return difference


def _check(options: ExportOptions, card: cards.ModelCard) -> None:
    """Find out before the work whether it can be done."""
    for path in (options.out, options.facts):
        if path.exists():
            raise UsageError(f"{path}: exists; give another name by --out")
        check_writable(path)
    if not (card.folder / cards.KERAS).is_file():
        raise UsageError(f"{card.folder}: has no {cards.KERAS} to export; give what it was made of")
    if card.facts.get("quantization"):
        raise UsageError(
            f"{card.folder}: its scorer computes in 8-bit integers, its network does not; export a "
            "model that was made without --int8"
        )
    if not card.recalibration.changes_nothing:
        raise UsageError(
            f"{card.folder}: corrects probabilities for its site outside of the network; export "
            "the model it was made of"
        )
    needed = ("tf2onnx", "onnxruntime") if options.format is Format.ONNX else ()
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise OptionError(
            "format", "onnx", f"needs {' and '.join(missing)}; pip install 'xrayscan[onnx]'"
        )
    devices.need_tensorflow("exporting")


def _difference(card: cards.ModelCard, run: Run) -> float:
    """The largest difference from the scorer on the canary films; see ``WITHIN``.

    Raises:
        ModelError: it is too large.
    """
    films = canary_films(card.input_size)
    known = Engine(card.folder / cards.SCORER, card.input_size, available_cores()).outputs(films)
    found = run(films[..., None])
    largest = 0.0
    for name, values in found.items():
        scale = max(1.0, float(np.abs(known[name]).max()))
        apart = np.abs(values.reshape(known[name].shape) - known[name]).max() / scale
        largest = max(largest, float(np.nan_to_num(apart, nan=np.inf)))
    if largest > WITHIN:
        raise ModelError(
            f"{card.folder}: what was exported differs from the scorer by {largest:.2g} on the "
            "test films, and is not delivered; try another format"
        )
    return largest


def _facts(card: cards.ModelCard, format: Format, run: Run, difference: float) -> dict[str, Any]:
    """What has to be known to use the file."""
    side = card.input_size
    one = run(np.zeros((1, side, side, 1), np.float32))
    films = "films" if format is Format.SAVED_MODEL else 1
    return {
        "note": DISCLAIMER,
        "format": format.value,
        "model": card.name,
        "model_sha256": card.sha256,
        "versions": versions(),
        "input": {
            "name": PIXELS,
            "shape": [films, side, side, 1],
            "dtype": "float32",
            "range": [0, 255],
            "meaning": "grey film squeezed to a square by area, 0 black, 255 white, upright",
        },
        "outputs": {name: [films, *values.shape[1:]] for name, values in sorted(one.items())},
        "checked": {"films": len(canary_films(side)), "largest_difference": difference},
        **{
            name: card.facts[name]
            for name in ("classes", "positive", "score", "default_threshold", "thresholds")
            if name in card.facts
        },
        "zones": card.facts["zones"],
        "heat_scale": dict(card.heat_scale),
    }
