"""What the options come to with the model that was chosen."""

from __future__ import annotations

from collections.abc import Mapping

from xrayscan.cluster.engines import GPU
from xrayscan.gpu import check_gpu
from xrayscan.intake.folders import Folder
from xrayscan.intake.resize import PREPROCESSING
from xrayscan.job.options import JobOptions, check_options
from xrayscan.journal.entries import Key
from xrayscan.recording import RecordOptions
from xrayscan.reporting.table import ModelIdentity
from xrayscan.resources import model_folder
from xrayscan.scoring.card import ModelCard, load_card
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.model import NO_CAM


def model_identity(options: JobOptions) -> ModelIdentity:
    """Which model a job will run.

    Raises:
        ModelError: the model folder cannot be used.
    """
    card = load_card(model_folder(options.model))
    return ModelIdentity(card.name, card.sha256)


def check_job(options: JobOptions) -> float:
    """Find out before the work whether a job can be done; returns its threshold.

    Raises:
        UsageError, ModelError, XrayscanError: as ``run_job`` does.
    """
    check_options(options)
    card = load_card(model_folder(options.model))
    check_model(options, card)
    return card.threshold(options.threshold)


def check_model(options: JobOptions, card: ModelCard) -> None:
    """Refuse a model that has not the heat map asked for, or cannot run on the engine.

    Raises:
        UsageError, ModelError: as is said.
    """
    heat_map(options, card)
    if options.engine == GPU and options.needs_model:
        check_gpu(card)


def decision_of(options: JobOptions, card: ModelCard) -> Decision:
    """How films are called."""
    zones = options.zones or card.zones
    return Decision(card.threshold(options.threshold), zones, card.positive, card.negative)


def record_options(
    options: JobOptions, card: ModelCard, decision: Decision, folders: Mapping[str, Folder]
) -> RecordOptions:
    """Where rows go, and what they come from."""
    key = Key(
        card.name,
        card.sha256,
        PREPROCESSING,
        options.admission.value,
        options.with_identifiers,
    )
    return RecordOptions(
        options.table,
        options.journal,
        options.paths,
        folders,
        key,
        decision,
        options.command,
        shard=str(options.shard or ""),
        fresh=options.fresh,
        verify_content=options.verify_content,
    )


def heat_map(options: JobOptions, card: ModelCard) -> str:
    """The heat map's key in the card, or "none".

    Raises:
        UsageError: the model has no such heat map.
    """
    return NO_CAM if options.cam == NO_CAM else card.heat_map(options.cam)
