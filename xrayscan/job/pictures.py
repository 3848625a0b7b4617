"""The pictures of films whose rows were taken over: of the page that was there, or made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xrayscan.errors import XrayscanError
from xrayscan.job.batches import Asked, batches
from xrayscan.pipeline import RunHooks, RunOptions, run_batches
from xrayscan.records import Ending, Scan
from xrayscan.reporting.earlier import EarlierPictures, PictureSource
from xrayscan.reporting.html import without_picture
from xrayscan.reporting.pictures import DrawnFilm
from xrayscan.reporting.worklist import Worklist


def pictures_of(
    worklist: Worklist, asked: Asked, hooks: RunHooks, ending: Ending
) -> Mapping[str, DrawnFilm]:
    """Find the pictures that the report shows, by film, as ``write_report`` takes them.

    Films that the page before has no picture of are read and scored again for it alone: after a
    run that was killed, or had no report, another heat map, or other films. Their rows stay.

    Args:
        worklist: of all rows.
        asked: how the run's films are assessed.
        hooks: asked whether to stop; the next run makes what is missing then.
        ending: of the run; after one that ended early nothing is read.
    """
    options = asked.options
    if options.report is None:
        return {}
    source = PictureSource(asked.card.sha256, options.cam)
    films = dict(worklist.films(EarlierPictures((options.report,), source)))
    missing = worklist.unpictured(films)
    if missing and ending is Ending.FINISHED and not hooks.stop():
        some = f"{len(missing)} film{'s' * (len(missing) > 1)}"
        have = "have" if len(missing) > 1 else "has"
        asked.say(f"{some} taken over {have} no picture in {options.report}: read again for it")
        films |= _made(missing, asked, RunHooks(stop=hooks.stop))
        missing = worklist.unpictured(films)
    if missing:
        asked.say(without_picture(len(missing)))
    return films


def _made(scans: Sequence[Scan], asked: Asked, hooks: RunHooks) -> dict[str, DrawnFilm]:
    """The pictures of films, by what the files hold now: one that has changed is not asked for."""
    positive = asked.card.positive
    shown = Worklist(positive, asked.options.max_overlays)
    how = RunOptions(len(scans), positive)
    try:
        run_batches(batches(scans, asked, hooks), lambda rows: None, shown, how, hooks)
    except XrayscanError as fault:  # rows are safe by now, and the page is worth more than they
        asked.say(f"{fault}; the report goes without these pictures")
    return dict(shown.films({}))
