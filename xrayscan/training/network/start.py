"""What training starts from: a model folder, ImageNet, a weights file, or chance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrayscan.errors import ModelError, OptionError
from xrayscan.resources import DEFAULT_MODEL, bundled_models, model_folder
from xrayscan.scoring.card import CARD, KERAS, ModelCard, file_sha256, load_card
from xrayscan.training.network.architectures import Architecture, architecture
from xrayscan.training.network.classifier import BACKBONE, build_classifier, take_over
from xrayscan.training.network.ensemble import NAME as ENSEMBLE
from xrayscan.training.network.given import check_network
from xrayscan.training.options import Recipe

NONE = "none"
IMAGENET = "imagenet"

_ADDRESS = re.compile(r"https?://\S*/(\S+?)[:\s]")


@dataclass(frozen=True, slots=True)
class Start:
    """Where training starts.

    Attributes:
        architecture: what is trained.
        origin: in words for the card: a model's name and sha256, a file's name, imagenet or none.
        model: model folder to go on from.
        weights: weights file for the backbone.
        smoothing: of the model to go on from, as recipes have it.
        card: of the model to go on from.
    """

    architecture: Architecture
    origin: str = NONE
    model: Path | None = None
    weights: Path | None = None
    smoothing: int = 0
    card: ModelCard | None = None

    @property
    def pretrained(self) -> bool:
        """Whether there is anything to start from."""
        return self.origin != NONE

    def classifier(self, classes: int, recipe: Recipe) -> Any:
        """Build the classifier, its weights set.

        Args:
            classes: how many, the negative one included.
            recipe: how it is trained; its seed is that of the weights that nothing is known of.

        Raises:
            ModelError: the weights do not fit or cannot be had.
        """
        import keras

        keras.utils.set_random_seed(recipe.seed)
        size = self.architecture.input_size
        smoothing = recipe.smoothing or 0
        built = build_classifier(self.architecture, size, self.weights, classes, smoothing)
        if self.model is not None:
            _take_over(built, self.model)
        elif self.origin == IMAGENET:
            _download(built, self.architecture)
        return built


def find_start(name: str, origin: str) -> Start:
    """Find what ``--arch`` and ``--from`` name.

    Args:
        name: architecture; "" takes that of the model to start from.
        origin: bundled model, model folder, weights file, "imagenet" or "none"; "" takes the
            bundled model where its architecture is wanted, else "none".

    Raises:
        UsageError: there is no such architecture or start, or they do not fit each other.
        ModelError: the model folder cannot be used.
    """
    if not origin:
        return _default_start(name)
    if origin in bundled_models() or (Path(origin) / CARD).is_file():
        return _from_model(name, load_card(model_folder(origin)))
    chosen = architecture(name or load_card(model_folder(DEFAULT_MODEL)).architecture)
    if origin == NONE:
        return Start(chosen)
    if origin == IMAGENET:
        if not chosen.application:
            hint = f"give its weights by --from FILE ({chosen.weights})" if chosen.weights else ""
            hint = hint or "give --from none"
            raise OptionError(
                "from", "imagenet", f"keras.applications has no {chosen.name}; {hint}"
            )
        return Start(chosen, IMAGENET)
    if not Path(origin).is_file():
        raise OptionError(
            "from",
            origin,
            f"neither a model ({', '.join(bundled_models())}), a model folder, "
            "a weights file, imagenet nor none",
        )
    weights = Path(origin)
    return Start(chosen, f"{weights.name}, sha256 {file_sha256(weights)}", weights=weights)


def _default_start(name: str) -> Start:
    card = load_card(model_folder(DEFAULT_MODEL))
    return _from_model(name, card) if name in ("", card.architecture) else Start(architecture(name))


def _from_model(name: str, card: ModelCard) -> Start:
    if card.architecture == ENSEMBLE:
        raise OptionError(
            "from",
            card.name,
            "an ensemble cannot be trained on; give one of its members, or "
            "learn from it by --distill",
        )
    check_network("--from", card)
    if name not in ("", card.architecture):
        raise OptionError(
            "arch",
            name,
            f"the model to start from is a {card.architecture}; leave --arch out, "
            "or give another --from",
        )
    origin = f"model {card.identity}"
    smoothing = int(card.facts["training"]["recipe"].get("smoothing") or 0)
    chosen = architecture(card.architecture)
    return Start(chosen, origin, model=card.folder, smoothing=smoothing, card=card)


def _take_over(classifier: Any, folder: Path) -> None:
    import keras

    try:
        take_over(classifier, keras.models.load_model(folder / KERAS, compile=False))
    except (OSError, KeyError, ValueError) as fault:
        words = str(fault).strip().partition("\n")[0]
        raise ModelError(
            f"{folder / KERAS}: cannot be trained on ({words}); restore the model folder"
        ) from None


def _download(classifier: Any, chosen: Architecture) -> None:
    """Take the ImageNet weights over: the one thing that xrayscan ever asks a network for."""
    import keras

    size = chosen.input_size
    try:
        pretrained = getattr(keras.applications, chosen.application)(
            include_top=False, weights=IMAGENET, input_shape=(size, size, 3)
        )
    except Exception as fault:  # keras raises plain Exception where a download fails
        address = _ADDRESS.search(f"{fault} ")
        if address is None:
            raise
        raise ModelError(
            f"--from imagenet: {address.group(0).rstrip(': ')} cannot be reached; fetch the file "
            f"on another machine and put it here as ~/.keras/models/{address.group(1)}"
        ) from None
    classifier.get_layer(BACKBONE).set_weights(pretrained.get_weights())
