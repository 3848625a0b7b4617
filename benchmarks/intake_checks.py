"""What the checks for damage cost on top of decoding; prints a table for benchmarks/results.md.

Usage:
    python -m benchmarks.intake_checks

Each format's film of 2000 x 2000 pixels is read with all checks and, in turns, by the same decoder
without those that decoding does not need; the figure is the quotient of the two shortest times.
Beside it stands what the usual decoder takes, which checks next to nothing: OpenCV, and for DICOM
pydicom with its own plug-ins.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

import cv2
import imagecodecs
import numpy as np
import pydicom
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.films import (
    bmp_bytes,
    dicom_bytes,
    draw_deep_film,
    draw_film,
    jpeg_bytes,
    png_bytes,
    tiff_bytes,
)
from xrayscan.intake import png
from xrayscan.intake.read import Content, decode
from xrayscan.intake.resize import network_input, viewing_copy

SIDE, TIMES = 2000, 7
NOTHING = lambda *given: None  # noqa: E731
UNCHECKED: dict[str, Callable[..., Any]] = {
    "xrayscan.intake.jpeg.check_jpeg_end": NOTHING,
    "xrayscan.intake.jpeg.check_decoded": NOTHING,
    "xrayscan.intake.jpeg_strict.check_jpeg_end": NOTHING,
    "xrayscan.intake.jpeg_strict.check_decoded": NOTHING,
    "xrayscan.intake.png._checked_chunks": lambda data: list(png._chunks(data)),
    "xrayscan.intake.pillow.checked_page": NOTHING,
    "xrayscan.intake.pillow.check_raw_pixels": NOTHING,
    "xrayscan.intake.dicom_frame.check_raw_pixels": NOTHING,
    "xrayscan.intake.frame_codecs._check_size": NOTHING,
    "xrayscan.intake.jpeg_lossless._coded_bits": NOTHING,
    "xrayscan.intake.jpeg2000._with_termination_declared": lambda stream: stream,
    "xrayscan.intake.read.check_not_blank": NOTHING,
}


def main() -> None:
    print("| format | ms | with checks / without | the same, ready for the network | usual, ms |")
    print("|---|---|---|---|---|")
    for name, data in files().items():
        content = Content(data, "")
        decoded, ready = (_quotient(content, ready) for ready in (False, True))
        usual = min(_seconds(lambda: _usual(data)) for _ in range(3))  # noqa: B023
        print(
            f"| {name} | {1000 * decoded[0]:.0f} | {decoded[1]:.2f} | {ready[1]:.2f} "
            f"| {1000 * usual:.0f} |"
        )


def files() -> dict[str, bytes]:
    film = draw_film(1, width=SIDE, height=SIDE)
    deep = draw_deep_film(1, width=SIDE, height=SIDE)
    about = {"bits_stored": 12, "WindowCenter": 2048, "WindowWidth": 4096}

    def compressed(syntax: pydicom.uid.UID, frame: bytes | bytearray) -> bytes:
        return dicom_bytes(deep, syntax=syntax, frame=bytes(frame), **about)

    lossless = {"lossless": True, "predictor": 1, "bitspersample": 12}
    coded = {"codecformat": "j2k", "bitspersample": 12}
    return {
        "JPEG": jpeg_bytes(film),
        "JPEG, progressive": jpeg_bytes(film, progressive=True),
        "PNG": png_bytes(film),
        "PNG, 16 bits": png_bytes(deep),
        "TIFF, deflate": tiff_bytes(film, compression="tiff_adobe_deflate"),
        "BMP": bmp_bytes(film),
        "DICOM, raw": dicom_bytes(deep, **about),
        "DICOM, JPEG": dicom_bytes(film, syntax=JPEGBaseline8Bit, frame=jpeg_bytes(film)),
        "DICOM, RLE": dicom_bytes(film, syntax=RLELossless),
        "DICOM, JPEG Lossless": compressed(
            JPEGLosslessSV1, imagecodecs.jpeg8_encode(deep, **lossless)
        ),
        "DICOM, JPEG-LS": compressed(JPEGLSLossless, imagecodecs.jpegls_encode(deep)),
        "DICOM, JPEG 2000": compressed(JPEG2000Lossless, imagecodecs.jpeg2k_encode(deep, **coded)),
    }


def _usual(data: bytes) -> None:
    if data[128:132] == b"DICM":
        dataset = pydicom.dcmread(io.BytesIO(data))
        is_rle = dataset.file_meta.TransferSyntaxUID == RLELossless
        pixel_array(dataset, index=0, decoding_plugin="pydicom" if is_rle else "")
    else:
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _quotient(content: Content, ready: bool) -> tuple[float, float]:
    """Seconds with all checks, and how many times those without; in turns, the shortest of each."""

    def read() -> None:
        radiograph = decode(content, "film")
        if ready:
            network_input(radiograph, 224)
            viewing_copy(radiograph, 512)

    shortest = [np.inf, np.inf]
    for _ in range(TIMES):
        shortest[0] = min(shortest[0], _seconds(read))
        with ExitStack() as stack:
            for name, instead in UNCHECKED.items():
                stack.enter_context(mock.patch(name, instead))
            shortest[1] = min(shortest[1], _seconds(read))
    return shortest[0], shortest[0] / shortest[1]


if __name__ == "__main__":
    cv2.setNumThreads(1)  # as in a run: reading threads are one per core
    main()
