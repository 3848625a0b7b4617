"""How much damage is found in each format; prints a table for docs/intake.md.

Usage:
    python -m benchmarks.damage_found FOLDER [CASES]

Takes four full-size films from below a folder, writes each in every format, damages it CASES times
(8) in each way, and counts what is refused.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.damage import DAMAGES
from tests.films import bmp_bytes, dicom_bytes, jpeg_bytes, png_bytes, tiff_bytes
from xrayscan.errors import ScanError
from xrayscan.intake.read import Content, decode
from xrayscan.records import Status

FILMS = 4


def main() -> None:
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    paths = sorted(Path(sys.argv[1]).rglob("*.jpeg"))
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for number, path in enumerate(paths[:: len(paths) // FILMS][:FILMS]):
        film = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
        for name, data in written(film).items():
            assert not is_refused(data), f"{path} as {name}"
            for damage, do in DAMAGES.items():
                rng = np.random.default_rng((1, number))
                damaged = (do(data, rng) for _ in range(cases))
                found[name, damage] += [is_refused(each) for each in damaged if each != data]
    print("| format |", " | ".join(DAMAGES), "|")
    print("|---|" + "---|" * len(DAMAGES))
    for name in dict.fromkeys(name for name, _ in found):
        shares = (np.mean(found[name, damage]) for damage in DAMAGES)
        print(f"| {name} |", " | ".join(f"{share:.0%}" for share in shares), "|")
    print(f"\n{len(next(iter(found.values())))} cases each")


def written(film: NDArray[np.uint8]) -> dict[str, bytes]:
    """One film in every format."""
    deep = film.astype(np.uint16) << 4
    about = {"bits_stored": 12, "WindowCenter": 2048, "WindowWidth": 4096}

    def compressed(syntax: UID, frame: bytes | bytearray) -> bytes:
        return dicom_bytes(deep, syntax=syntax, frame=bytes(frame), **about)

    lossless = imagecodecs.jpeg8_encode(deep, lossless=True, predictor=1, bitspersample=12)
    wavelets = imagecodecs.jpeg2k_encode(deep, codecformat="j2k", bitspersample=12)
    lossy = imagecodecs.jpeg2k_encode(
        deep, level=50, reversible=False, codecformat="j2k", bitspersample=12
    )
    return {
        "PNG": png_bytes(film),
        "JPEG": jpeg_bytes(film),
        "JPEG, progressive": jpeg_bytes(film, progressive=True),
        "TIFF, deflate": tiff_bytes(film, compression="tiff_adobe_deflate"),
        "TIFF, LZW": tiff_bytes(film, compression="tiff_lzw"),
        "TIFF, PackBits": tiff_bytes(film, compression="packbits"),
        "TIFF, JPEG": tiff_bytes(film, compression="jpeg", quality=90),
        "BMP": bmp_bytes(film),
        "DICOM, raw": dicom_bytes(deep, **about),
        "DICOM, deflated": dicom_bytes(deep, syntax=DeflatedExplicitVRLittleEndian, **about),
        "DICOM, RLE": dicom_bytes(deep, syntax=RLELossless, **about),
        "DICOM, JPEG": dicom_bytes(film, syntax=JPEGBaseline8Bit, frame=jpeg_bytes(film)),
        "DICOM, JPEG Lossless": compressed(JPEGLosslessSV1, lossless),
        "DICOM, JPEG-LS": compressed(JPEGLSLossless, imagecodecs.jpegls_encode(deep)),
        "DICOM, JPEG 2000": compressed(JPEG2000Lossless, wavelets),
        "DICOM, JPEG 2000 lossy": compressed(JPEG2000Lossless, lossy),
    }


def is_refused(data: bytes) -> bool:
    try:
        decode(Content(data, ""), "film")
    except ScanError as fault:
        return fault.reason.status is Status.UNREADABLE
    return False


if __name__ == "__main__":
    main()
