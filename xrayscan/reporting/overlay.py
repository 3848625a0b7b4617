"""Pictures for people: the film, and its heat map over it."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

# Perceptually even and readable without colour vision; bright where the heat is.
_COLOURS = cv2.COLORMAP_INFERNO
_STRONGEST = 0.6  # share of colour at heat 1: the film under it must stay readable
_JPEG_QUALITY = 82


def overlay(film: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a heat map over a film; where there is no heat, the film stays as it is.

    Args:
        film: (H, W) uint8.
        heat: (h, w) float32, 0..1, of the whole film squeezed to a square.

    Returns:
        (H, W, 3) uint8, BGR.
    """
    height, width = film.shape
    smooth = np.clip(cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    colours = cv2.applyColorMap(np.rint(smooth * 255).astype(np.uint8), _COLOURS)
    share = (_STRONGEST * smooth)[:, :, None]
    grey = cv2.cvtColor(film, cv2.COLOR_GRAY2BGR)
    return np.asarray(np.rint(grey * (1 - share) + colours * share), np.uint8)


def colour_bar(steps: int = 16) -> tuple[str, ...]:
    """The overlay's colours from heat 0 to 1 as CSS colours, for the legend."""
    ramp = cv2.applyColorMap(np.linspace(0, 255, steps).astype(np.uint8)[None], _COLOURS)[0]
    return tuple(f"#{r:02x}{g:02x}{b:02x}" for b, g, r in ramp)


def data_uri(picture: NDArray[np.uint8]) -> str:
    """Encode a picture, (H, W) or (H, W, 3) BGR uint8, as a JPEG in a data URI."""
    _, code = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    return "data:image/jpeg;base64," + base64.b64encode(code.tobytes()).decode("ascii")
