"""What the admission gate lets in and keeps out; writes the tables of docs/admission.md.

Usage:
    python -m benchmarks.admission --model NAME --admit FOLDER ... --refuse FOLDER ... --turn FOLDER

Each folder is scored as ``xrayscan predict`` does; "--turn" takes upright frontal films and scores
them in each of the eight postures.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import cv2

from xrayscan.intake.discover import DiscoveryOptions, discover
from xrayscan.intake.read import read_radiograph
from xrayscan.intake.resize import viewing_copy
from xrayscan.scoring.posture import POSTURES, Posture

PAGE = Path(__file__).resolve().parent.parent / "docs" / "admission.md"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"
REASONS = ("outside_training", "not_frontal_chest", "posture")
TURNED = 300  # films in each posture: enough for a percent
LONGEST = 1024  # pixels of their longer side

Row = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--admit", action="append", type=Path, default=[])
    parser.add_argument("--refuse", action="append", type=Path, default=[])
    parser.add_argument("--turn", type=Path)
    given = parser.parse_args()
    today = datetime.datetime.now(datetime.UTC).date()
    text = f"Model `{given.model}`, {today}.\n\n{_head('folder')}"
    for wanted, folders in (("in", given.admit), ("out", given.refuse)):
        for folder in folders:
            text += _line(f"{folder.parent.name}/{folder.name}", wanted, _rows(folder, given.model))
    if given.turn:
        text += f"\nPostures of films of `{given.turn.parent.name}/{given.turn.name}`:\n\n"
        text += _head("posture") + _postures(given.turn, given.model)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.split(END)[1]}", encoding="utf-8")


def _rows(folder: Path, model: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "out.csv"
        command = [sys.executable, "-m", "xrayscan", "predict", str(folder), "--model", model]
        done = subprocess.run([*command, "--csv", str(out), "-q"], check=False)
        if done.returncode not in (0, 3):  # 3: some files were unreadable, which is counted
            raise SystemExit(done.returncode)
        with out.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def _postures(folder: Path, model: str) -> str:
    films = discover([str(folder)], DiscoveryOptions()).scans
    step = max(1, len(films) // TURNED)
    text = ""
    for posture in POSTURES:
        with tempfile.TemporaryDirectory() as work:
            for index, scan in enumerate(films[::step][:TURNED]):
                _write(Path(work) / f"{index:04}.png", scan.location, posture)
            text += _line(str(posture) or "upright", "in", _rows(Path(work), model))
    return text


def _write(path: Path, location: str, posture: Posture) -> None:
    cv2.imwrite(str(path), posture.taken(viewing_copy(read_radiograph(location), LONGEST)))


def _head(what: str) -> str:
    titles = (what, "wanted", "films", "scored", "of these undone", *REASONS, "other", "median")
    return f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n"


def _line(name: str, wanted: str, rows: list[Row]) -> str:
    reasons = Counter(row["reason"] for row in rows if row["status"] != "scored")
    scored = [row for row in rows if row["status"] == "scored"]
    distances = sorted(float(row["embedding_distance"] or "inf") for row in rows)
    cells = (
        f"`{name}`",
        wanted,
        str(len(rows)),
        f"{len(scored)} ({len(scored) / len(rows):.1%})",
        str(sum("; undone" in row["detail"] for row in scored)),
        *(str(reasons.pop(reason, 0)) for reason in REASONS),
        str(sum(reasons.values())),
        f"{distances[len(distances) // 2]:.2f}",
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main()
