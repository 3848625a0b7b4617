"""Options of the commands that make a row of every file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xrayscan.cli.config import read_config
from xrayscan.cli.options import option

Paths = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Folders of films, or single files.")
]
Model = Annotated[str, option(metavar="NAME|FOLDER", help="A bundled model or a model folder.")]
BatchSize = Annotated[int, option(min=1, help="Films read, looked at and recorded together.")]
Workers = Annotated[
    int, option(min=0, help="Films in hand at once; 0 takes one per available core.")
]
Recursive = Annotated[
    bool, option("--recursive/--no-recursive", help="Look into folders within folders.")
]
Include = Annotated[
    list[str] | None,
    option(
        metavar="GLOB",
        help="Take only films of such a name, or path within the folder, as *.dcm; can be "
        "repeated.",
    ),
]
Exclude = Annotated[
    list[str] | None,
    option(metavar="GLOB", help="Leave such films and folders out; can be repeated."),
]
MinAge = Annotated[
    float,
    option(metavar="SECONDS", min=0, help="Leave files changed more recently to the next run."),
]
MaxPixels = Annotated[
    int,
    option(metavar="N", min=1, help="Refuse pictures that claim more pixels, undecoded."),
]
MaxFailures = Annotated[
    str,
    option(metavar="N|P%", help="Stop with exit code 4 after more unreadable files than this."),
]
Fresh = Annotated[
    bool, option("--fresh", help="Take nothing over from earlier runs: look at every film.")
]
VerifyContent = Annotated[
    bool,
    option(
        "--verify-content",
        help="Compare the content of every file with that of earlier runs, not size and time "
        "alone.",
    ),
]
ShardText = Annotated[
    str,
    option(
        metavar="I/N",
        help="Take the I-th of N parts of the films, always the same ones; see merge.",
    ),
]
LockWait = Annotated[
    float,
    option(metavar="SECONDS", min=0, help="Wait this long for another run on the same output."),
]
TimeLimit = Annotated[
    float,
    option(
        metavar="SECONDS",
        min=0,
        help="Limit for reading one file, in a process of its own, so that a decoder that hangs or "
        "crashes costs one row; 0 reads without this protection.",
    ),
]
WithIdentifiers = Annotated[
    bool,
    option(
        "--with-identifiers",
        help="Add patient's name, id and birth date from DICOM headers to the CSV; without it "
        "they appear nowhere.",
    ),
]
FailOnDrift = Annotated[
    bool,
    option(
        "--fail-on-drift",
        help="Exit code 6 if tonight's films differ from those before or in training.",
    ),
]
Json = Annotated[
    bool,
    option("--json", help="Say everything on standard output, one JSON object a line."),
]
LogFile = Annotated[
    Path | None,
    option(metavar="FILE", help="Write the run's course here as well; old files are kept."),
]
Config = Annotated[
    str | None,
    option(
        metavar="FILE.toml",
        is_eager=True,
        callback=read_config,
        help="Options by their names, in a table of the command's name; the command line wins.",
    ),
]
DryRun = Annotated[bool, option("--dry-run", help="Only list what would be read.")]
Quiet = Annotated[bool, option("--quiet", "-q", help="Say nothing when all is well.")]
Verbose = Annotated[bool, option("--verbose", "-v", help="Say more on standard error.")]
