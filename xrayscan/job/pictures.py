"""The pictures of films whose rows were taken over: of the page that was there, or made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xrayscan.errors import XrayscanError
from xrayscan.job.batches import Asked, batches
from xrayscan.pipeline import RunHooks, RunOptions, run_batches
from xrayscan.records import Scan
from xrayscan.reporting.earlier import EarlierPictures, PictureSource
from xrayscan.reporting.html import without_picture
from xrayscan.reporting.pictures import DrawnFilm
from xrayscan.reporting.worklist import Worklist
from xrayscan.wording import films_are


def earlier_pictures(worklist: Worklist, asked: Asked) -> dict[str, DrawnFilm]:
    """The pictures that the report has as it stands, by film: tonight's, and the page's before."""
    if asked.options.report is None:
        return {}
    source = PictureSource(asked.card.sha256, asked.options.cam)
    return dict(worklist.films(EarlierPictures((asked.options.report,), source)))


def made_again(
    worklist: Worklist, films: Mapping[str, DrawnFilm], asked: Asked, hooks: RunHooks
) -> dict[str, DrawnFilm]:
    """Read and score films again that are shown without a picture, for the picture alone.

    There are some after a run that was killed, or had no report, another heat map, or other films.
    Their rows stay.

    Args:
        worklist: of all rows.
        films: the pictures there are.
        asked: how the run's films are assessed.
        hooks: asked whether to stop; the next run makes what is missing then.

    Returns:
        The pictures that could be made, by film.
    """
    missing = worklist.unpictured(films) if asked.options.report else []
    if not missing or hooks.stop():
        return {}
    without = f"{films_are(len(missing))} without a picture in {asked.options.report}"
    asked.say(f"{without}: read again for it")
    made = _made(missing, asked, RunHooks(stop=hooks.stop))
    still = len(worklist.unpictured({**films, **made}))
    if still:
        asked.say(without_picture(still))
    return made


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
