"""Where a run's films are assessed: in this process and its GPU, or by a cluster's workers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from xrayscan.assessing import Assessed, AssessOptions, Assessor
from xrayscan.cluster.clusters import connected
from xrayscan.cluster.crew import DaskCrew
from xrayscan.cluster.engines import GPU, IN_PROCESS
from xrayscan.cluster.in_order import InOrder
from xrayscan.cluster.marks import Marker, with_marker
from xrayscan.cluster.terms import Terms, model_name, own_versions
from xrayscan.cores import available_cores
from xrayscan.gpu import gpu_scorer
from xrayscan.intake.folders import given_folders
from xrayscan.intake.options import DecodeOptions
from xrayscan.job.choices import heat_map
from xrayscan.job.options import JobOptions
from xrayscan.pipeline import RunHooks
from xrayscan.reading.scans import ReadOptions
from xrayscan.records import Scan
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.decision import Decision
from xrayscan.scoring.model import NO_CAM, ScoringModel


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of whoever assesses a run's films.

    Attributes:
        options: the run's.
        card: of its model.
        decision: how films are called.
        say: told what a person should know, one sentence each.
    """

    options: JobOptions
    card: ModelCard
    decision: Decision
    say: Callable[[str], None] = lambda sentence: None

    @property
    def how(self) -> AssessOptions:
        """How films are assessed, wherever they are."""
        options = self.options
        read = ReadOptions(
            self.card.input_size if options.needs_model else 0,
            options.workers or available_cores(),
            options.time_limit,
            options.min_age,
            options.with_identifiers,
            DecodeOptions(options.max_pixels),
        )
        heat = heat_map(options, self.card) if options.report else NO_CAM
        called = self.decision if options.scores else None
        return AssessOptions(
            read, called, heat, options.admission, options.batch_size, options.heat_test
        )


def batches(scans: Sequence[Scan], asked: Asked, hooks: RunHooks) -> Iterator[list[Assessed]]:
    """Assess by the engine that was asked for; where there are no scans, nothing is loaded.

    Args:
        scans: what to assess.
        asked: how.
        hooks: asked whether to stop.

    Raises:
        ModelError: the model does not compute what it should.
        XrayscanError: a cluster cannot be reached, or none of its workers can take part.
        WorkersLostError: it is lost on the way.
    """
    if not scans:
        return
    if asked.options.engine in IN_PROCESS:
        yield from _batches_here(scans, asked)
    else:
        yield from _batches_of_cluster(scans, asked, hooks)


def _batches_here(scans: Sequence[Scan], asked: Asked) -> Iterator[list[Assessed]]:
    how = asked.how
    if how.read.time_limit:
        from xrayscan.reading.processes import warm_up  # as readers do, no earlier

        warm_up()  # while the model is loaded
    model = None
    if asked.options.needs_model:
        engine = gpu_scorer(asked.card) if asked.options.engine == GPU else None
        model = ScoringModel(asked.card.folder, how.read.workers, asked.card, engine)
        model.check()
    yield from Assessor(model, how).batches(scans)


def _batches_of_cluster(
    scans: Sequence[Scan], asked: Asked, hooks: RunHooks
) -> Iterator[list[Assessed]]:
    options, terms = asked.options, terms_of(asked)
    how = terms.options
    marker = Marker(asked.card, how.cam, how.read.workers)
    with connected(options.engine, how.read.workers) as client:
        crew = DaskCrew(client, terms, asked.say)
        try:
            in_order = InOrder(crew, options.batch_size, terms.folders)
            for batch in in_order.batches(scans, hooks.stop):
                yield [with_marker(each, marker) for each in batch]
        finally:
            crew.leave()


def terms_of(asked: Asked) -> Terms:
    """What a run asks of a cluster's workers."""
    options = asked.options
    return Terms(
        uuid.uuid4().hex,
        own_versions(),
        model_name(options.model, asked.card),
        asked.card.sha256,
        given_folders(options.paths),
        asked.how,
        with_pictures=bool(options.report and options.max_overlays),
    )
