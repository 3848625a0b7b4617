"""Models that are named on the command line, to build on: what is checked before any film."""

from __future__ import annotations

from dataclasses import replace

from xrayscan.errors import UsageError
from xrayscan.labels.films import LabelledFolder
from xrayscan.scoring.card import KERAS, ModelCard


def check_network(option: str, card: ModelCard) -> None:
    """Refuse a model that has a scorer only, as site profiles do.

    Args:
        option: that names it, for the message.
        card: the model's.

    Raises:
        UsageError: it has no network to build on.
    """
    if KERAS not in card.facts["files"]:
        raise UsageError(f"{option} {card.folder}: has a scorer, no {KERAS}; give {_origin(card)}")


def check_uncorrected(option: str, card: ModelCard) -> None:
    """Refuse a site profile that corrects probabilities: the scorer alone would be listened to.

    Raises:
        UsageError: so it does.
    """
    if not card.recalibration.changes_nothing:
        raise UsageError(
            f"{option} {card.folder}: corrects probabilities for its site outside of the network; "
            f"give {_origin(card)}"
        )


def in_terms_of(option: str, card: ModelCard, data: LabelledFolder) -> LabelledFolder:
    """Take the model's spelling of the classes that it tells apart; their case does not count.

    Raises:
        UsageError: the films are of other classes, or these in another order.
    """
    if data.classes == card.classes:
        return data
    own, theirs = ([name.casefold() for name in names] for names in (card.classes, data.classes))
    if own != theirs:
        raise UsageError(
            f"{option} {card.name}: tells {', '.join(card.classes)} apart, the films are "
            f"{', '.join(data.classes)}; give another model, or these classes by --classes"
        )
    return replace(data, classes=card.classes, positive=card.positive)


def _origin(card: ModelCard) -> str:
    """The model that a profile was made of; by its sha256, too, as names of models repeat."""
    parent = card.facts.get("parent")
    named = f" ({parent['name']}, card sha256 {parent['card_sha256']})" if parent else ""
    return f"the model that it was made of{named}"
