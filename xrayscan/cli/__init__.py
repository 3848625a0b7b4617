"""The command line: one file per command; a command parses, calls, prints and exits.

What the commands need is loaded by ``main``: every process that reads films loads this module, as
the one that the run was started with.
"""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; Ctrl-C while it loads ends it without a traceback."""
    try:
        from xrayscan.cli.app import app
    except KeyboardInterrupt:
        sys.stderr.write("xrayscan: stopped at once\n")
        sys.exit(128 + signal.SIGINT)
    app(prog_name="xrayscan")
