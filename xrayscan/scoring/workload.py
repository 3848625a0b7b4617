"""How much there is to read tonight, and how much would be missed by reading no more."""

from __future__ import annotations

from xrayscan.records import Status, Tally
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.wilson import wilson


def workload(card: ModelCard, decision: Decision, tally: Tally) -> str:
    """Say it in a sentence; "" where no film was scored or the card does not know how many.

    Misses are of films below both the threshold and the review zone, as many as the validation
    patients had of them, at their prevalence.

    Args:
        card: the model's.
        decision: how films were called.
        tally: of the run's new films.
    """
    validation = card.facts["training"]["validation"]["by_class"]
    count = sum(number for name, number in validation.items() if name != decision.negative)
    scored = tally.by_status[Status.SCORED]
    if not (scored and count):
        return ""
    unread_below = min(decision.threshold, decision.zones.review)
    missed = round((1 - card.curve.at_threshold(unread_below).sensitivity) * count)
    prevalence = card.curve.prevalence
    low, high = (1000 * prevalence * share for share in wilson(missed, count))
    return (
        f"to read: {tally.to_read} of {scored} new films ({tally.positive} called "
        f"{decision.positive}); of the {1000 * prevalence:.0f} with {decision.positive} among "
        f"1,000 films as in validation, {1000 * prevalence * missed / count:.1f} ({low:.1f} to "
        f"{high:.1f}) would be left unread"
    )
