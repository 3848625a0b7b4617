"""How options are declared."""

from __future__ import annotations

from functools import partial

import typer

# Every option has its environment variable (XRAYSCAN_PREDICT_CSV, ...). The README says so once;
# named at each option they would double the help's length.
option = partial(typer.Option, show_envvar=False)
