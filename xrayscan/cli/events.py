"""What ``--json`` says on standard output: one JSON object a line; docs/json.md has them all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from xrayscan import __version__
from xrayscan.records import Assessment, Command, RunSummary
from xrayscan.reporting.table import ModelIdentity, row_facts

SCHEMA = 1  # raised when a name is taken away or changes its meaning; new names may come


class Events:
    """Writes the events of a run."""

    def __init__(
        self, file: TextIO, model: ModelIdentity, command: Command = Command.PREDICT
    ) -> None:
        self._file = file
        self._model = model
        self._command = command.value
        self._total = 0
        self._done = 0

    def started(self, total: int) -> None:
        """The run begins; ``total`` films are to be assessed."""
        self._total = total
        run = {"xrayscan": __version__, "command": self._command, "total": total}
        model = {"model": self._model.name, "model_sha256": self._model.sha256}
        self._write("started", schema=SCHEMA, **run, **model)

    def notice(self, sentence: str) -> None:
        """Something that a person should know."""
        self._write("notice", text=sentence)

    def assessed(self, rows: Sequence[Assessment]) -> None:
        """A batch is recorded: its rows, and how far the run is."""
        for row in rows:
            self._write("assessment", **row_facts(row, self._model))
        self._done += len(rows)
        self._write("progress", done=self._done, total=self._total)

    def summary(self, summary: RunSummary, exit_code: int) -> None:
        """The run has ended."""
        self._write("summary", exit_code=exit_code, **asdict(summary))

    def _write(self, event: str, **values: Any) -> None:
        self._file.write(json.dumps({"event": event, **values}) + "\n")
        self._file.flush()
