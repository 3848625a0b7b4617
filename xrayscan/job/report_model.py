"""What a report says of the model that its films were scored by."""

from __future__ import annotations

from dataclasses import asdict

from xrayscan.reporting.html import ReportModel
from xrayscan.scoring.card import ModelCard, trained_on
from xrayscan.scoring.evaluations import evaluations
from xrayscan.scoring.thresholds import ZoneLimits


def report_model(card: ModelCard, zones: ZoneLimits, cam: str) -> ReportModel:
    """Put together what the report takes from a model's folder.

    Args:
        card: the model's.
        zones: the limits in use; the card has its own.
        cam: CAM method of the overlays, "none" for no overlays.
    """
    return ReportModel(
        {**card.facts, "zones": asdict(zones)},
        card.positive,
        card.negative,
        cam,
        trained_on(card.facts["training"]),
        evaluations(card),
    )
