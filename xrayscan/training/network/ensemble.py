"""Several models as one scorer: the mean of their calibrated logits.

The mean of logits is the logarithmic opinion pool (Genest and Zidek 1986). Its gradient is the mean
of the members' gradients, so that the heat map of the whole is the mean of theirs. A member may
look at the film's mirror image, too, and counts as two then; its heat is mirrored back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from xrayscan.errors import OptionError
from xrayscan.evaluation.calibration import Calibration
from xrayscan.resources import model_folder
from xrayscan.scoring import engine
from xrayscan.scoring.card import CAMS, KERAS, ModelCard, load_card
from xrayscan.training.network import classifier as joints
from xrayscan.training.network.architectures import architecture
from xrayscan.training.network.given import check_network
from xrayscan.training.options import FitOptions
from xrayscan.training.outcome.card_facts import NetworkFacts
from xrayscan.training.outcome.export import CALIBRATED_LOGIT, ScoringFunction, scoring_function

NAME = "ensemble"


def read_members(options: FitOptions) -> tuple[ModelCard, ...]:
    """Read and check the members' cards.

    Raises:
        UsageError: fewer than two, they do not score the same thing, or something is asked that
            only a training could do.
        ModelError: a folder cannot be used.
    """
    if options.mirrored and not options.ensemble_of:
        raise OptionError("mirrored", None, "makes an ensemble; give --ensemble-of MODEL, too")
    if options.architecture or options.origin or options.teacher or options.resume:
        raise OptionError(
            "ensemble-of", None, "trains nothing; leave --arch, --from, --distill and --resume out"
        )
    cards = tuple(load_card(model_folder(name)) for name in options.ensemble_of)
    if len(cards) < 2 and not options.mirrored:
        raise OptionError(
            "ensemble-of", None, "give it twice or more, once for each model, or add --mirrored"
        )
    scores = {(card.negative, card.positive) for card in cards}
    if len(scores) > 1:
        raise OptionError(
            "ensemble-of",
            None,
            f"the models score different things "
            f"({', '.join(sorted(positive for _, positive in scores))}); give models of one kind",
        )
    if any(card.architecture == NAME for card in cards):
        raise OptionError(
            "ensemble-of", None, "an ensemble cannot be a member; give its members instead"
        )
    for card in cards:
        check_network("--ensemble-of", card)
    return cards


def build_ensemble(cards: Sequence[ModelCard], *, mirrored: bool = False) -> Any:
    """Build the Keras model: (B, S, S, 1) pixels to P(positive), S the largest of the members'.

    Members of a smaller size get the pixels resized. It has the joints ``logit``, ``calibration``
    and ``probability`` of every classifier, and its members as layers of the names of ``members``.

    Args:
        cards: of the members.
        mirrored: each member scores the mirror image, too.
    """
    import keras
    from keras import layers, ops

    size = max(card.input_size for card in cards)
    pixels = keras.Input((size, size, 1), name="pixels")
    views = [pixels, ops.flip(pixels, axis=2)] if mirrored else [pixels]
    logits = []
    for name, card in zip(members(cards), cards, strict=True):
        whole = keras.models.load_model(card.folder / KERAS, compile=False)
        logit = whole.get_layer(joints.CALIBRATION).output
        own = keras.Model(whole.input, [logit], name=name)
        fitting = layers.Resizing(card.input_size, card.input_size)
        logits += [own(fitting(view))[0] for view in views]
    mean = layers.Average(name=joints.LOGIT)(logits)
    return joints.with_probability(pixels, mean, Calibration())


def members(cards: Sequence[ModelCard]) -> list[str]:
    """The layers' names of the members within the ensemble."""
    return [f"member{number}" for number in range(1, len(cards) + 1)]


def ensemble_function(
    ensemble: Any, cards: Sequence[ModelCard], *, mirrored: bool = False
) -> ScoringFunction:
    """Make the scoring function: probability, mean heat on the finest grid, all features.

    Features are those of the film as it is: its mirror image lies as far from films as it does.
    """
    import tensorflow as tf

    names = members(cards)
    functions = [_member_function(ensemble, *pair) for pair in zip(names, cards, strict=True)]
    scales = [ensemble.get_layer(name).get_layer(joints.CALIBRATION).scale for name in names]
    calibration = ensemble.get_layer(joints.CALIBRATION)

    def scored(pixels: Any) -> list[dict[str, Any]]:
        return [
            function.score(tf.image.resize(pixels, (function.size, function.size)))
            for function in functions
        ]

    def score(pixels: Any) -> dict[str, Any]:
        outputs = scored(pixels)
        mirror_images = scored(tf.reverse(pixels, [2])) if mirrored else []
        every = [*outputs, *map(_mirrored_back, mirror_images)]
        logits = [output[CALIBRATED_LOGIT] for output in every]
        calibrated_logit = calibration(tf.add_n(logits) / len(logits))
        return {
            CALIBRATED_LOGIT: calibrated_logit,
            engine.PROBABILITY: tf.sigmoid(calibrated_logit),
            engine.EMBEDDING: tf.concat([o[engine.EMBEDDING] for o in outputs], axis=1),
            engine.ADMISSION: tf.concat([o[engine.ADMISSION] for o in outputs], axis=1),
            **{
                name: _mean_heat(
                    [o[name] * scale for o, scale in zip(every, cycle(scales), strict=False)]
                )
                for name in (f"{engine.HEAT_PREFIX}{cam}" for cam in CAMS)
            },
        }

    widths = tuple(width for function in functions for width in function.admission_widths)
    return ScoringFunction(score, ensemble.input_shape[1], widths)


def _member_function(ensemble: Any, name: str, card: ModelCard) -> ScoringFunction:
    member = ensemble.get_layer(name)
    layers = architecture(card.architecture).admission_names(member.get_layer(joints.BACKBONE))
    return scoring_function(member, layers)


def _mirrored_back(output: dict[str, Any]) -> dict[str, Any]:
    """The outputs for a mirror image, the heat where it lies on the film."""
    import tensorflow as tf

    return {
        name: tf.reverse(values, [2]) if name.startswith(engine.HEAT_PREFIX) else values
        for name, values in output.items()
    }


def _mean_heat(maps: Sequence[Any]) -> Any:
    """The mean on the finest grid; a position there has a share of the coarser position's heat."""
    import tensorflow as tf

    height, width = max(tuple(heat.shape[1:3]) for heat in maps)
    resized = [
        tf.image.resize(heat[..., None], (height, width))[..., 0]
        * (heat.shape[1] * heat.shape[2] / (height * width))
        for heat in maps
    ]
    return tf.add_n(resized) / len(maps)


def ensemble_facts(
    cards: Sequence[ModelCard], parameters: int, *, mirrored: bool = False
) -> NetworkFacts:
    """What the ensemble's card says of the network."""
    parts = (f"{card.identity} ({card.architecture})" for card in cards)
    views = " of the film and its mirror image" if mirrored else ""
    return NetworkFacts(
        NAME,
        f"mean of calibrated logits{views} (Genest and Zidek 1986)",
        max(card.input_size for card in cards),
        "; ".join(parts),
        parameters=parameters,
        made_from=tuple(cards),
    )
