"""A short run of every architecture by the same command; writes the table of docs/models.md.

Usage:
    python -m benchmarks.architectures DATA FOLDER [--weights NAME=FILE ...] [--only NAME ...]

DATA is a labelled folder (Kermany's chest_xray). Models go to FOLDER; those that are there already
are not trained again, so that a stopped run can be started again. Rows of other architectures stay.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from xrayscan.evaluation.estimates import words
from xrayscan.training.network.architectures import TABLE

LIMIT, EPOCHS = 600, 2
PAGE = Path(__file__).resolve().parent.parent / "docs" / "models.md"
BEGIN, END = "<!-- architectures -->\n", "<!-- /architectures -->\n"
FURTHER = ("keras:EfficientNetV2B0",)  # one that goes through the generic adapter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--only", action="append", default=[])
    given = parser.parse_args()
    weights = dict(pair.split("=", 1) for pair in given.weights)
    for name in given.only or (*TABLE, *FURTHER):
        out = given.folder / name.replace(":", "-")
        if not (out / "card.json").exists():
            _fit(given.data, name, weights.get(name, "none"), out)
        _write(name, _row(name, json.loads((out / "card.json").read_text()), out), given.data)


def _fit(data: Path, name: str, origin: str, out: Path) -> None:
    command = [sys.executable, "-m", "xrayscan", *_arguments(data, name, origin), "--out", str(out)]
    resume = out.with_name(f"{out.name}.training").exists()
    subprocess.run([*command, "--resume"] if resume else command, check=True)


def _arguments(data: Path | str, name: str, origin: str) -> list[str]:
    trial = ["--limit", str(LIMIT), "--epochs", str(EPOCHS)]
    return ["fit", str(data), "--arch", name, "--from", origin, *trial]


def _row(name: str, card: dict[str, Any], out: Path) -> str:
    history = json.loads((out / "training" / "progress.json").read_text())["history"]
    seconds = sorted(row["seconds"] for row in history)[len(history) // 2]
    results = card["results"]
    youden = card["thresholds"]["youden"]
    origin = card["training"]["started_from"].partition(",")[0]
    started = "ImageNet" if origin != "none" else "nothing"
    command = " ".join(["xrayscan", *_arguments("chest_xray", name, origin)])
    cells = (
        f"`{name}`",
        started,
        f"{card['parameters'] / 1e6:.1f} M",
        words(results["auc"], results["auc_interval"]),
        f"{results['accuracy']:.3f}",
        f"{youden['sensitivity']:.3f} / {youden['specificity']:.3f}",
        f"{seconds:.0f} s",
        f"`{command}`",
    )
    return f"| {' | '.join(cells)} |"


def _write(name: str, row: str, data: Path) -> None:
    """Put a row into the table, in place of the one before."""
    today = datetime.datetime.now(datetime.UTC).date()
    cores = len(os.sched_getaffinity(0))
    about = f"{today}, {platform.machine()}, {cores} cores, data `{data.name}`, seed 7."
    head = (
        "| architecture | from | weights | validation AUC (95 %) | accuracy | sens. / spec. "
        "| per epoch | command |\n|---|---|---|---|---|---|---|---|"
    )
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    table, after = rest.split(END)
    rows = {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}
    rows[name] = row
    order = [*TABLE, *FURTHER]
    found = sorted(rows, key=lambda each: order.index(each) if each in order else len(order))
    table = "\n".join([about, "", head, *(rows[each] for each in found)]) + "\n"
    PAGE.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
