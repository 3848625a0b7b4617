from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from xrayscan.errors import XrayscanError
from xrayscan.intake.admission import Admission
from xrayscan.intake.discover import Discovery
from xrayscan.job import accounts
from xrayscan.job.accounts import closed_books, drift_of, night_facts, nights_of, notices
from xrayscan.job.options import JobOptions
from xrayscan.pipeline import FailureLimit
from xrayscan.recording import Books
from xrayscan.records import Assessment, Command, Ending, Scan, Status, Tally, Zone

SCAN = Scan("a.jpg", "a.jpg", 1, 1)


def tally_of(found: int, *rows: Assessment) -> Tally:
    tally = Tally(found)
    for row in rows:
        tally.add(row, "PNEUMONIA")
    return tally


def scored(probability: float, zone: Zone, label: str = "NORMAL") -> Assessment:
    return Assessment(
        SCAN, Status.SCORED, label=label, probability=probability, zone=zone, embedding_distance=0.6
    )


READ = (
    scored(0.9, Zone.POSITIVE, "PNEUMONIA"),
    scored(0.4, Zone.REVIEW),
    scored(0.1, Zone.NEGATIVE),
    Assessment(SCAN, Status.NOT_ASSESSED),
    Assessment(SCAN, Status.UNREADABLE),
    Assessment(SCAN, Status.UNREADABLE),
    Assessment(SCAN, Status.VANISHED),
)


def test_the_books_of_a_run_that_went_through() -> None:
    books = Books(tally_of(len(READ), *READ), taken_over=3, gone=2)
    summary = closed_books(books, Discovery((), 5), Ending.FINISHED, 1.23456)
    assert summary.line() == (
        "found 7 = scored 3 + not assessed 1 + unreadable 2 + vanished 1, 1 positive, 3 taken over "
        "unchanged, 2 of earlier runs gone, 5 other files left out"
    )
    assert (summary.review, summary.not_reached, summary.seconds) == (1, 0, 1.235)


@pytest.mark.parametrize(
    ("found", "ending", "not_reached"),
    [
        pytest.param(7, Ending.FINISHED, 0, id="all"),
        pytest.param(9, Ending.STOPPED, 2, id="stopped before the last"),
        pytest.param(9, Ending.FINISHED, None, id="films are lost"),
        pytest.param(6, Ending.FINISHED, None, id="a film has two rows"),
        pytest.param(6, Ending.STOPPED, None, id="a film has two rows, stopped"),
    ],
)
def test_accounts_that_do_not_add_up_end_the_run(
    found: int, ending: Ending, not_reached: int | None
) -> None:
    books = Books(tally_of(found, *READ))
    if not_reached is not None:
        assert closed_books(books, Discovery((), 0), ending, 0).not_reached == not_reached
        return
    with pytest.raises(XrayscanError, match=f"^7 rows for {found} files: .* do not add up"):
        closed_books(books, Discovery((), 0), ending, 0)


# (options, files found, ending, rows taken over, films gone), and what is said of 7 rows
NOTICES: dict[str, tuple[dict[str, Any], int, Ending, int, int, tuple[str, ...]]] = {
    "nothing": ({"fresh": True}, 7, Ending.FINISHED, 0, 0, ()),
    "taken over": ({}, 7, Ending.FINISHED, 3, 0, ()),
    "stopped": ({}, 9, Ending.STOPPED, 0, 0,
                ("The run ended early (stopped): 2 files not reached.",)),
    "stopped, rows kept": ({"fresh": True}, 7, Ending.STOPPED, 1, 0,
                           ("The run ended early (stopped): 1 row of earlier runs kept.",)),
    "too many failures": (
        {"failures": FailureLimit(count=1)}, 8, Ending.TOO_MANY_FAILURES, 0, 0,
        ("2 of 7 files unreadable, more than --max-failures 1: the run stopped there.",
         "The run ended early (too many unreadable files): 1 file not reached."),
    ),
    "too many failures at the end": (
        {"failures": FailureLimit(count=1)}, 7, Ending.TOO_MANY_FAILURES, 0, 0,
        ("2 of 7 files unreadable, more than --max-failures 1.",),
    ),
    "scored all": ({"admission": Admission.WARN}, 7, Ending.FINISHED, 0, 0,
                   ("Films unlike the training films were scored as well (--admission).",)),
    "admitted all": ({"admission": Admission.OFF, "command": Command.CHECK}, 7, Ending.FINISHED,
                     0, 0,
                     ("Films unlike the training films were admitted as well (--admission).",)),
    "gone": ({}, 7, Ending.FINISHED, 0, 2,
             ("2 films of earlier runs gone from the folders; the CSV keeps the rows.",)),
    "names": ({"with_identifiers": True}, 7, Ending.FINISHED, 0, 0,
              ("The CSV names patients (--with-identifiers): keep it as their files.",)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("options", "found", "ending", "taken_over", "gone", "said"), NOTICES.values(), ids=NOTICES
)
def test_what_a_reader_of_the_outputs_should_know(
    options: dict[str, Any],
    found: int,
    ending: Ending,
    taken_over: int,
    gone: int,
    said: tuple[str, ...],
) -> None:
    tally = tally_of(found, *READ)
    summary = closed_books(Books(tally, taken_over, gone), Discovery((), 0), ending, 0)
    assert notices(JobOptions(("scans",), **options), summary, tally) == said


def test_a_night_is_kept_as_the_report_and_the_next_one_need_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nights of another model are shown, and not compared with."""
    tally = tally_of(len(READ), *READ)
    cards = [SimpleNamespace(sha256=name, facts={}) for name in ("this", "another")]
    kept: list[dict[str, Any]] = [night_facts("2026-11-23", card, tally) for card in cards]
    nights = nights_of(kept)
    assert len(nights) == 2
    assert nights[0].histogram == tuple(tally.probabilities)
    assert (nights[0].found, nights[0].positive, nights[0].unreadable) == (7, 1, 2)
    asked: list[Any] = []
    monkeypatch.setattr(accounts, "find_drift", lambda *given: asked.append(given) or ("it",))
    assert drift_of(cards[0], tally, [*kept, kept[1]]) == ("it",)
    tonight, training, earlier = asked[0]
    assert (sum(tonight.probabilities), sum(tonight.distances)) == (3, 3)
    assert (training, len(earlier)) == ([], 1)
