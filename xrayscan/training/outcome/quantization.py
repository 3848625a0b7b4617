"""A scorer in 8-bit integers: smaller, and faster where the processor multiplies them."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import OptionError
from xrayscan.evaluation.explaining.faithfulness import correlation
from xrayscan.evaluation.metrics import auc
from xrayscan.runtime import core, no_usage_reports, openvino
from xrayscan.scoring.card import GRADCAM
from xrayscan.scoring.engine import Scores

# Films that the ranges of activations are taken from: NNCF's own default.
CALIBRATION_FILMS = 300
# Convolutions of pictures larger than this share of the film's side stay in float32: fine detail is
# where 8 bits cost most. Of the bundled network these are five of 49, and with them quantized
# probabilities move by .034 on the mean instead of .013 (docs/experiments.md).
_COARSE = 0.25
# An int8 scorer that ranks worse than this is not worth its speed.
MOST_AUC_LOST = 0.003

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quality:
    """What 8 bits change on validation films.

    Attributes:
        auc_float32: of the scorer as trained.
        auc_int8: of the quantized one.
        probability_difference: the mean, 0..1, before calibration is measured anew.
        heat_agreement: median correlation of Grad-CAM maps of films called alike, -1..1.
    """

    auc_float32: float
    auc_int8: float
    probability_difference: float
    heat_agreement: float

    @property
    def holds(self) -> bool:
        return self.auc_float32 - self.auc_int8 <= MOST_AUC_LOST

    def facts(self) -> dict[str, Any]:
        """As the card holds it."""
        rounded = {name: round(value, 4) for name, value in asdict(self).items()}
        return {"method": "NNCF, int8", "calibration_films": CALIBRATION_FILMS, **rounded}


def check_installed() -> None:
    """Check that NNCF is there, before hours are spent.

    Raises:
        UsageError: it is not.
    """
    if importlib.util.find_spec("nncf") is None:
        raise OptionError("int8", None, "needs NNCF; pip install 'xrayscan[int8]'")


def quantize(scorer: Path, films: NDArray[np.uint8], seed: int, out: Path) -> None:
    """Write a scorer with weights and activations of 8 bits.

    Post-training quantization (Jacob et al. 2018) by NNCF: activations within the ranges that they
    have on training films. The first convolutions, which see the film at its finest, and the head,
    which heat maps are derived from, stay in float32. Weights keep to 7 bits, so that processors
    without 8-bit dot products, whose sums of 16 bits would overflow, come to the same numbers.

    Args:
        scorer: ``.xml`` with its ``.bin`` beside it.
        films: (N, S, S), 0..255, training films; some of them are drawn.
        seed: of the drawing.
        out: ``.xml`` to write, and its ``.bin`` beside it.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(films), min(CALIBRATION_FILMS, len(films)), replace=False)
    pixels = [films[index].astype(np.float32)[None, ..., None] for index in np.sort(drawn)]
    openvino().save_model(_quantized(scorer, pixels), out, compress_to_fp16=False)


def _quantized(scorer: Path, pixels: list[NDArray[np.float32]]) -> Any:
    with no_usage_reports():
        import nncf
    # not by nncf.set_log_level, which would change the level of other people's handlers, too
    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = core().read_model(scorer)
    model.reshape([1, *pixels[0].shape[1:]])
    with contextlib.redirect_stdout(io.StringIO()):  # its bars would stand among our lines
        return nncf.quantize(
            model,
            nncf.Dataset(pixels),
            preset=nncf.QuantizationPreset.MIXED,  # activations have two sides within the network
            subset_size=len(pixels),
            ignored_scope=nncf.IgnoredScope(names=_kept_whole(model)),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE
            ),
        )


def _kept_whole(model: Any) -> list[str]:
    """The names of the operations that stay in float32: fine convolutions, and the head."""
    side = model.inputs[0].shape[1]
    return [
        operation.get_friendly_name()
        for operation in model.get_ordered_ops()
        if operation.get_type_name() == "MatMul"
        or (
            operation.get_type_name() in ("Convolution", "GroupConvolution")
            and operation.input_value(0).partial_shape[2].get_length() > _COARSE * side
        )
    ]


def compare(whole: Scores, quantized: Scores, positives: NDArray[np.bool_]) -> Quality:
    """Compare the scores of both scorers on the same N films."""
    before, after = (each.probability.astype(np.float64) for each in (whole, quantized))
    quality = Quality(
        auc(before, positives),
        auc(after, positives),
        float(np.abs(before - after).mean()),
        _heat_agreement(whole, quantized),
    )
    log.info(
        "int8: AUC %.4f (float32 %.4f), probabilities %.3f apart on the mean, heat maps' median "
        "correlation %.2f",
        quality.auc_int8,
        quality.auc_float32,
        quality.probability_difference,
        quality.heat_agreement,
    )
    return quality


def _heat_agreement(whole: Scores, quantized: Scores) -> float:
    """Where both see a positive: the maps of others are nearly without heat."""
    both = (whole.probability >= 0.5) & (quantized.probability >= 0.5)
    pairs = zip(whole.heat[GRADCAM][both], quantized.heat[GRADCAM][both], strict=True)
    found = [
        correlation(one, other) for one, other in pairs if np.ptp(one) > 0 and np.ptp(other) > 0
    ]
    return float(np.median(found)) if found else 0.0
