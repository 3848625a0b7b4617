"""The reference table of real DICOM files: what becomes of each.

Usage, after a change that is meant to change it; look at the difference before it is committed:
    python -m tests.intake.dicom_reference
"""

from __future__ import annotations

import csv
import importlib.util
import warnings
from pathlib import Path

from xrayscan.errors import ScanError
from xrayscan.intake.read import read_radiograph

TABLE = Path(__file__).with_name("dicom_reference.csv")
COLUMNS = (
    "file", "outcome", "format", "height", "width", "mean", "spread", "notes", "contradictions",
)  # fmt: skip
_SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "dicom"

Row = dict[str, str]


def files() -> dict[str, Path]:
    """Every DICOM file at hand by the name that the table has for it."""
    found = {}
    for package in ("pydicom", "data_store"):
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            root = Path(spec.origin).parent
            found |= {f"{package}/{path.name}": path for path in sorted(root.rglob("*.dcm"))}
    if _SHARED.is_dir():
        found |= {f"shared/{path.name}": path for path in sorted(_SHARED.rglob("*.dcm"))}
    return found


def outcome(path: Path) -> Row:
    """What becomes of one file; grey statistics as shares of white, so that inversion shows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            film = read_radiograph(str(path))
        except ScanError as fault:
            return dict.fromkeys(COLUMNS[2:], "") | {"outcome": str(fault.reason)}
    return {
        "outcome": "read",
        "format": film.format,
        "height": str(film.height),
        "width": str(film.width),
        "mean": f"{film.pixels.mean() / film.peak:.3f}",
        "spread": f"{film.pixels.std() / film.peak:.3f}",
        "notes": "; ".join(film.notes),
        "contradictions": "; ".join(film.contradictions),
    }


def read_table() -> dict[str, Row]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def main() -> None:
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for name, path in files().items():
            writer.writerow({"file": name, **outcome(path)})


if __name__ == "__main__":
    main()
