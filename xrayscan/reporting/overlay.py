"""Pictures for people: the film, and its heat map over it."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

# Perceptually even and readable without colour vision; bright where the heat is.
_COLOURS = cv2.COLORMAP_INFERNO
STRONGEST = 0.6  # share of colour at heat 1: the film under it must stay readable
_MID_GREY = 128  # of the legend: neither lung nor bone
_JPEG_QUALITY = 82
JPEG_URI = "data:image/jpeg;base64,"  # how the data URI of a JPEG begins


def overlay(film: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a heat map over a film; where there is no heat, the film stays as it is.

    Args:
        film: (H, W) uint8.
        heat: (h, w) float32, 0..1, of the whole film squeezed to a square.

    Returns:
        (H, W, 3) uint8, BGR.
    """
    height, width = film.shape
    smooth = cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC)
    return _blend(film, np.asarray(np.clip(smooth, 0, 1), np.float32))


def colour_bar(steps: int = 16) -> tuple[str, ...]:
    """CSS colours for the legend: what overlays make of mid-grey, from heat 0 to 1."""
    heat = np.linspace(0, 1, steps, dtype=np.float32)[None]
    bar = _blend(np.full((1, steps), _MID_GREY, np.uint8), heat)[0]
    return tuple(f"#{r:02x}{g:02x}{b:02x}" for b, g, r in bar)


def colour_table() -> str:
    """The colours of heat 0 to 1 in 256 steps, each as six hexadecimal digits of red, green, blue.

    Overlays are blended with them by a share of ``STRONGEST`` times the heat.
    """
    levels = np.arange(256, dtype=np.uint8)[None]
    return cv2.applyColorMap(levels, _COLOURS)[0, :, ::-1].tobytes().hex()


def _blend(grey: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colour (H, W) grey by heat of the same shape, 0..1; returns (H, W, 3) BGR."""
    colours = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), _COLOURS)
    share = (STRONGEST * heat)[:, :, None]
    film = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    return np.asarray(np.rint(film * (1 - share) + colours * share), np.uint8)


def data_uri(picture: NDArray[np.uint8]) -> str:
    """Encode a picture, (H, W) or (H, W, 3) BGR uint8, as a JPEG in a data URI."""
    return jpeg_uri(jpeg_bytes(picture))


def jpeg_uri(jpeg: bytes) -> str:
    """A JPEG as a data URI."""
    return JPEG_URI + base64.b64encode(jpeg).decode("ascii")


def jpeg_bytes(picture: NDArray[np.uint8]) -> bytes:
    """Encode a picture, (H, W) or (H, W, 3) BGR uint8, as a JPEG."""
    _, code = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    return bytes(code.tobytes())
