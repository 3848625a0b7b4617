"""What a run came to: its books closed, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from xrayscan.errors import XrayscanError
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import Discovery
from xrayscan.job.options import JobOptions
from xrayscan.recording import Books
from xrayscan.records import Ending, RunSummary, Status, Tally
from xrayscan.reporting.run_record import Night
from xrayscan.scoring.card import ModelCard
from xrayscan.scoring.drift import Distribution, find_drift
from xrayscan.wording import counted

# Why a run ended early, in words.
ENDINGS = {
    Ending.STOPPED: "stopped",
    Ending.FOLDER_LOST: "the films' folder is there no more",
    Ending.WORKERS_LOST: "the cluster's workers are there no more",
    Ending.TOO_MANY_FAILURES: "too many unreadable files",
}


def night_facts(started: str, card: ModelCard, tally: Tally) -> dict[str, Any]:
    """What later runs and their reports are told of this one's new films."""
    return {
        "started": started,
        "model_sha256": card.sha256,
        "found": tally.found,
        **{status.value: count for status, count in tally.by_status.items()},
        "positive": tally.positive,
        "review": tally.review,
        "probabilities": tally.probabilities,
        "distances": tally.distances,
    }


def nights_of(nights: Sequence[Mapping[str, Any]]) -> tuple[Night, ...]:
    """Earlier runs as the report shows them."""
    names = [field.name for field in fields(Night) if field.name != "histogram"]
    return tuple(
        Night(**{name: night[name] for name in names}, histogram=tuple(night["probabilities"]))
        for night in nights
    )


def drift_of(card: ModelCard, tally: Tally, nights: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    earlier = [
        Distribution(night["probabilities"], night["distances"])
        for night in nights
        if night["model_sha256"] == card.sha256
    ]
    training = card.facts.get("distances", {}).get("validation", [])
    return find_drift(Distribution(tally.probabilities, tally.distances), training, earlier)


def admitted(options: JobOptions, tally: Tally) -> int | None:
    """Films that a check has found nothing against; None for a run that scores."""
    return None if options.scores else tally.by_status[Status.ADMITTED]


def closed_books(books: Books, discovery: Discovery, ending: Ending, seconds: float) -> RunSummary:
    """Close the books: in a run that went through, every file found has become a row.

    Raises:
        XrayscanError: it has not.
    """
    tally = books.tally
    not_reached = tally.found - tally.accounted
    if not_reached < 0 or (ending is Ending.FINISHED and not_reached):
        raise XrayscanError(
            f"{tally.accounted} rows for {tally.found} files: the run's accounts do not add up; "
            "please report this"
        )
    return RunSummary(
        found=tally.found,
        scored=tally.by_status[Status.SCORED],
        not_assessed=tally.by_status[Status.NOT_ASSESSED],
        unreadable=tally.by_status[Status.UNREADABLE],
        vanished=tally.by_status[Status.VANISHED],
        positive=tally.positive,
        review=tally.review,
        not_reached=not_reached,
        other_files=discovery.other_files,
        ending=ending,
        seconds=round(seconds, 3),
        taken_over=books.taken_over,
        gone=books.gone,
    )


def too_many_failures(options: JobOptions, tally: Tally) -> str:
    """Why a run went beyond --max-failures, as far as it came."""
    end = ": the run stopped there" if tally.accounted < tally.found else ""
    return (
        f"{tally.by_status[Status.UNREADABLE]} of {tally.accounted} files unreadable, more than "
        f"--max-failures {options.failures}{end}"
    )


def notices(options: JobOptions, summary: RunSummary, tally: Tally) -> tuple[str, ...]:
    """Things about the whole run that a reader of its outputs should know, one sentence each."""
    said = []
    if summary.ending is Ending.TOO_MANY_FAILURES:
        said.append(f"{too_many_failures(options, tally)}.")
    early = f"The run ended early ({ENDINGS.get(summary.ending)})"
    if summary.not_reached:
        said.append(f"{early}: {counted(summary.not_reached, 'file')} not reached.")
    if options.fresh and summary.taken_over:  # a run that went through has taken nothing over
        said.append(f"{early}: {counted(summary.taken_over, 'row')} of earlier runs kept.")
    if options.admission is not Admission.ON:
        done = "scored" if options.scores else "admitted"
        said.append(f"Films unlike the training films were {done} as well (--admission).")
    if summary.gone:
        films = counted(summary.gone, "film")
        said.append(f"{films} of earlier runs gone from the folders; the CSV keeps the rows.")
    if options.with_identifiers:
        said.append("The CSV names patients (--with-identifiers): keep it as their files.")
    return tuple(said)
