"""Sample films for ``xrayscan demo``: real ones from pydicom-data, and damaged copies."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from xrayscan.errors import UsageError, XrayscanError, words_of
from xrayscan.intake.read import read_radiograph
from xrayscan.records import Radiograph

# RG1 is a chest, RG3 a lower leg, each lossless and lossy, uncompressed and as JPEG 2000. Source:
# the NEMA WG-04 compression samples, in pydicom-data (MIT).
CHESTS = ("RG1_UNCR.dcm", "RG1_J2KR.dcm", "RG1_UNCI.dcm", "RG1_J2KI.dcm")
LEGS = ("RG3_UNCR.dcm", "RG3_J2KR.dcm")
FILMS = "films"  # their folder, beside the results


def write_sample_films(out: Path) -> None:
    """Fill a folder within a new one with sample films, good ones and damaged ones.

    Raises:
        UsageError: the new one exists: somebody's own films may lie there.
        XrayscanError: pydicom-data is not installed, or the folder cannot be written.
    """
    if out.exists():
        raise UsageError(f"{out}: exists already; remove it or give another --out")
    sources = {name: sample_file(name) for name in (*CHESTS, *LEGS)}
    try:
        _write(out / FILMS, sources)
    except OSError as fault:
        path = fault.filename2 or fault.filename or out  # of a copy the first is its source
        raise XrayscanError(
            f"{path}: cannot be written ({words_of(fault)}); give another --out"
        ) from fault


def _write(folder: Path, sources: Mapping[str, Path]) -> None:
    (folder / "damaged").mkdir(parents=True)
    for name, source in sources.items():
        shutil.copyfile(source, folder / name)
    chest = read_radiograph(str(sources[CHESTS[0]]))
    for name, content in _converted(chest).items():
        (folder / name).write_bytes(content)
    for name, content in _damaged(sources[CHESTS[0]].read_bytes(), _jpeg(chest)).items():
        (folder / "damaged" / name).write_bytes(content)


def sample_file(name: str) -> Path:
    """Find one file of pydicom-data; never asks the network.

    Raises:
        XrayscanError: pydicom-data is not installed, or another version of it.
    """
    package = find_spec("data_store")
    if package is None or package.origin is None:
        raise XrayscanError("the sample films are not installed; run: pip install pydicom-data")
    path = Path(package.origin).parent / "data" / name
    if not path.is_file():
        raise XrayscanError(f"{path}: missing from pydicom-data; install pydicom-data again")
    return path


def _converted(film: Radiograph) -> Mapping[str, bytes]:
    """The same film as other programs would export it."""
    return {
        "chest, as JPEG.jpg": _jpeg(film),
        "chest, 16 bit.png": cv2.imencode(".png", film.pixels)[1].tobytes(),
        "no-extension": _jpeg(film),
    }


def _jpeg(film: Radiograph) -> bytes:
    grey = np.rint(film.pixels * (255 / film.peak)).astype(np.uint8)
    return cv2.imencode(".jpg", grey, (cv2.IMWRITE_JPEG_QUALITY, 90))[1].tobytes()


def _damaged(dicom: bytes, jpeg: bytes) -> Mapping[str, bytes]:
    """What shared drives do to films."""
    damages: Mapping[str, Callable[[], bytes]] = {
        "cut off.dcm": lambda: dicom[: len(dicom) * 2 // 3],
        "cut off.jpg": lambda: jpeg[: len(jpeg) * 2 // 3],
        "cut off, end marker forged.jpg": lambda: jpeg[: len(jpeg) * 2 // 3] + b"\xff\xd9",
        "overwritten.jpg": lambda: (
            jpeg[: len(jpeg) // 2] + b"\0" * 4096 + jpeg[len(jpeg) // 2 + 4096 :]
        ),
        "empty.dcm": lambda: b"",
        "letter.jpg": lambda: b"Dear colleague, thank you for sending us this film.\n",
    }
    return {name: damage() for name, damage in damages.items()}
