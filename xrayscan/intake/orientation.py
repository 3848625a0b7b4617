"""How stored pixels have to be turned to be seen upright: the EXIF orientation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from PIL.ExifTags import Base as Tag

from xrayscan.intake.grey import Grey

# EXIF 2.32, 4.6.4 A: what has to be done to the stored pixels to see them upright.
_UPRIGHT: dict[int, Callable[[Grey], Grey]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: np.rot90,
}


def upright(pixels: Grey, orientation: int) -> Grey:
    """Turn pixels as their orientation asks for; contiguous in memory."""
    return np.ascontiguousarray(_UPRIGHT.get(orientation, np.asarray)(pixels))


def orientation_of(picture: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where it is missing or none that exists."""
    value = picture.getexif().get(Tag.Orientation)
    return value if value in _UPRIGHT else 1


def turned(orientation: int) -> tuple[str, ...]:
    return (f"turned upright (EXIF orientation {orientation})",) if orientation in _UPRIGHT else ()
