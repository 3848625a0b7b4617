"""What the checks for damage cost on top of decoding; prints a table for benchmarks/results.md.

Usage:
    python -m benchmarks.intake_checks

Each format's film of 2000 x 2000 pixels is read with all checks and, in turns, without those that
decoding does not need; the figure is the quotient of the two shortest times.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from unittest import mock

import numpy as np
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from tests.films import (
    bmp_bytes,
    dicom_bytes,
    draw_deep_film,
    draw_film,
    jpeg_bytes,
    png_bytes,
    tiff_bytes,
)
from xrayscan.intake.read import Content, decode
from xrayscan.intake.resize import network_input, viewing_copy

SIDE, TIMES = 2000, 9
CHECKS = {
    "xrayscan.intake.jpeg": ("check_jpeg_end", "check_decoded"),
    "xrayscan.intake.pillow": ("checked_page", "check_raw_pixels"),
    "xrayscan.intake.dicom_frame": ("check_raw_pixels",),
    "xrayscan.intake.read": ("check_not_blank",),
}  # fmt: skip


def main() -> None:
    film = draw_film(1, width=SIDE, height=SIDE)
    deep = draw_deep_film(1, width=SIDE, height=SIDE)
    files = {
        "JPEG": jpeg_bytes(film),
        "JPEG, progressive": jpeg_bytes(film, progressive=True),
        "PNG": png_bytes(film),
        "PNG, 16 bits": png_bytes(deep),
        "TIFF, deflate": tiff_bytes(film, compression="tiff_adobe_deflate"),
        "BMP": bmp_bytes(film),
        "DICOM, raw": dicom_bytes(deep, bits_stored=12, WindowCenter=2048, WindowWidth=4096),
        "DICOM, JPEG": dicom_bytes(film, syntax=JPEGBaseline8Bit, frame=jpeg_bytes(film)),
        "DICOM, RLE": dicom_bytes(film, syntax=RLELossless),
    }
    print("| format | ms | decoding with checks / without | the same, ready for the network |")
    print("|---|---|---|---|")
    for name, data in files.items():
        content = Content(data, "")
        decoded, ready = (_quotient(content, ready) for ready in (False, True))
        print(f"| {name} | {1000 * decoded[0]:.0f} | {decoded[1]:.2f} | {ready[1]:.2f} |")


def _quotient(content: Content, ready: bool) -> tuple[float, float]:
    """Seconds with all checks, and how many times those without; in turns, the shortest of each."""
    shortest = [np.inf, np.inf]
    for _ in range(TIMES):
        for index, unchecked in enumerate((False, True)):
            with ExitStack() as stack:
                if unchecked:
                    for module, names in CHECKS.items():
                        for name in names:
                            stack.enter_context(mock.patch(f"{module}.{name}"))
                started = time.process_time()
                radiograph = decode(content, "film")
                if ready:
                    network_input(radiograph, 224)
                    viewing_copy(radiograph, 512)
                shortest[index] = min(shortest[index], time.process_time() - started)
    return shortest[0], shortest[0] / shortest[1]


if __name__ == "__main__":
    main()
