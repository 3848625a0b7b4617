"""Random variations of a film that do not change its diagnosis.

Plain NumPy and OpenCV: one warp per film costs a fraction of a millisecond, runs under every Keras
backend, and a film's variation depends on (seed, epoch, film) alone, not on threads or batches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Film = NDArray[np.float32]  # (S, S), 0..255
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges of the variations; 0 switches one off.

    Attributes:
        flip: probability of a left-right flip.
        rotation: degrees to either side.
        shift: share of the side, to either direction.
        zoom: share of the size, up or down.
        shear: degrees to either side.
        aspect: natural logarithm of the width-to-height change, to either side. Published films
            were squeezed to a square from ratios that differ by class (median 1.22 against 1.50);
            a network that sees the squeeze learns the class from it.
        contrast: share, up or down.
        brightness: grey levels, up or down.
        gamma: natural logarithm of the exponent, to either side.
        blur: probability of a slight blur, as other scanners and sizes have it.
        noise: standard deviation of added noise at most, grey levels.
        jpeg: probability of another JPEG compression, quality 40 to 95.
        resample: probability that the film comes from a smaller one, of half the size or more, and
            then was sharpened or not: fine detail is what the same film has more or less of after
            every archive, and what must not tell classes.
        corner_erase: probability that each corner's marker is painted over.
        margin_erase: probability that each side's margin, up to an eighth of the film, is one grey:
            arms, shutters and markers lie there, and no lung.
        marker: probability of a drawn R or L near the border, whatever the class: the real ones
            tell hospitals and wards apart.
    """

    flip: float = 0.0
    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    aspect: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    gamma: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg: float = 0.0
    corner_erase: float = 0.0
    resample: float = 0.0
    margin_erase: float = 0.0
    marker: float = 0.0


_STRONG = Augmentation(
    flip=0.5,
    rotation=10,
    shift=0.06,
    zoom=0.15,
    shear=5,
    aspect=0.2,
    contrast=0.3,
    brightness=25,
    gamma=0.35,
    blur=0.3,
    noise=6,
    jpeg=0.3,
    corner_erase=0.15,
)
# for films that reach the model by more ways than those it learns from
_ARCHIVES = replace(_STRONG, resample=0.6)
PRESETS: dict[str, Augmentation] = {
    "none": Augmentation(),
    # as the published projects have it: rescale, zoom 0.2, shear 0.2, horizontal flip
    "seed": Augmentation(flip=0.5, zoom=0.2, shear=0.2),
    "strong": _STRONG,
    "archives": _ARCHIVES,
    # and so that what lies beside the lungs tells nothing
    "margins": replace(_ARCHIVES, margin_erase=0.25, marker=0.3),
}


def augment(film: Film, ranges: Augmentation, rng: np.random.Generator) -> Film:
    """Vary one film.

    Args:
        film: (S, S) float32, 0..255.
        ranges: how far each variation may go.
        rng: the only source of chance.

    Returns:
        (S, S) float32, 0..255.
    """
    varied = _warp(film, ranges, rng)
    varied = _tone(varied, ranges, rng)
    varied = _scanner(varied, ranges, rng)
    varied = _erase_corners(varied, ranges, rng)
    varied = _erase_margins(varied, ranges, rng)
    return _with_marker(varied, ranges, rng)


def varied(films: NDArray[np.uint8], ranges: Augmentation, seed: int) -> NDArray[np.uint8]:
    """Vary each film once; (N, S, S) uint8 in and out."""
    return np.stack(
        [
            variation(film, ranges, np.random.default_rng((seed, index)))
            for index, film in enumerate(films)
        ]
    )


def variation(
    film: NDArray[np.uint8], ranges: Augmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Vary one film; (S, S) uint8 in and out."""
    return np.rint(augment(film.astype(np.float32), ranges, rng)).astype(np.uint8)


def _warp(film: Film, ranges: Augmentation, rng: np.random.Generator) -> Film:
    """All geometry in one interpolation; what comes in from outside is black."""
    side = film.shape[0]
    angle, shear = np.radians(rng.uniform(-1, 1, 2) * (ranges.rotation, ranges.shear))
    scale = 1 + rng.uniform(-1, 1) * ranges.zoom
    stretch = np.exp(rng.uniform(-0.5, 0.5) * ranges.aspect)
    mirror = -1.0 if rng.random() < ranges.flip else 1.0
    shift = rng.uniform(-1, 1, 2) * ranges.shift * side
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sheared = np.array([[1.0, np.tan(shear)], [0.0, 1.0]])
    linear = rotation @ sheared @ np.diag([scale * stretch * mirror, scale / stretch])
    centre = np.full(2, (side - 1) / 2)
    matrix = np.column_stack([linear, centre + shift - linear @ centre])
    if np.allclose(matrix, [[1, 0, 0], [0, 1, 0]]):
        return film
    return np.asarray(
        cv2.warpAffine(film, matrix, (side, side), flags=cv2.INTER_LINEAR), np.float32
    )


def _tone(film: Film, ranges: Augmentation, rng: np.random.Generator) -> Film:
    contrast = 1 + rng.uniform(-1, 1) * ranges.contrast
    brightness = rng.uniform(-1, 1) * ranges.brightness
    gamma = np.exp(rng.uniform(-1, 1) * ranges.gamma)
    if contrast == 1 and brightness == 0 and gamma == 1:
        return film
    mean = film.mean()
    linear = np.clip((film - mean) * contrast + mean + brightness, 0, 255)
    return np.asarray(255 * (linear / 255) ** gamma, np.float32)


def _scanner(film: Film, ranges: Augmentation, rng: np.random.Generator) -> Film:
    """What another scanner, size or archive would have done to the film."""
    if ranges.resample and rng.random() < ranges.resample:
        film = _resampled(film, rng)
    if rng.random() < ranges.blur:
        film = np.asarray(cv2.GaussianBlur(film, (0, 0), rng.uniform(0.3, 1.2)), np.float32)
    if ranges.noise:
        level = rng.uniform(0, ranges.noise)
        film = np.clip(
            film + rng.standard_normal(film.shape, np.float32) * np.float32(level), 0, 255
        )
    if rng.random() < ranges.jpeg:
        quality = int(rng.integers(40, 96))
        _, code = cv2.imencode(".jpg", film.astype(np.uint8), (cv2.IMWRITE_JPEG_QUALITY, quality))
        film = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.float32)
    return film


def _resampled(film: Film, rng: np.random.Generator) -> Film:
    """The film by way of a smaller one, at times sharpened as archives do for viewing."""
    side = film.shape[0]
    small = round(side * rng.uniform(0.5, 1))
    up = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    smaller = cv2.resize(film, (small, small), interpolation=cv2.INTER_AREA)
    film = np.asarray(cv2.resize(smaller, (side, side), interpolation=up), np.float32)
    if rng.random() < 0.5:
        amount = rng.uniform(0, 1)
        film = film + np.float32(amount) * (film - cv2.GaussianBlur(film, (0, 0), 1.0))
    return np.asarray(np.clip(film, 0, 255), np.float32)


def _erase_corners(film: Film, ranges: Augmentation, rng: np.random.Generator) -> Film:
    """Paint over corners, where side markers and names are burnt in."""
    if not ranges.corner_erase:
        return film
    side = film.shape[0]
    erased = film.copy()
    for rows_end in (False, True):
        for columns_end in (False, True):
            if rng.random() < ranges.corner_erase:
                height, width = rng.integers(side // 16, side // 5, 2)
                rows = slice(side - height, None) if rows_end else slice(None, height)
                columns = slice(side - width, None) if columns_end else slice(None, width)
                erased[rows, columns] = rng.uniform(0, 255)
    return erased


def _erase_margins(film: Film, ranges: Augmentation, rng: np.random.Generator) -> Film:
    """Make margins one grey; half of them black, as shutters leave them."""
    if not ranges.margin_erase:
        return film
    side = film.shape[0]
    turned = film.copy()
    for _ in range(4):
        turned = np.rot90(turned)  # a view: four quarters bring the film back
        if rng.random() < ranges.margin_erase:
            grey = 0.0 if rng.random() < 0.5 else rng.uniform(0, 255)
            turned[: rng.integers(side // 32, side // 8, endpoint=True)] = grey
    return np.ascontiguousarray(turned)


def _with_marker(film: Film, ranges: Augmentation, rng: np.random.Generator) -> Film:
    """Draw a side's letter where technicians put it: within a quarter of the film's border."""
    if not ranges.marker or rng.random() >= ranges.marker:
        return film
    side = film.shape[0]
    letter, font = "RL"[rng.integers(2)], _FONTS[rng.integers(len(_FONTS))]
    height = rng.uniform(0.04, 0.14) * side
    thickness = int(rng.integers(1, 4))
    scale = cv2.getFontScaleFromHeight(font, max(1, round(height)), thickness)
    far = 1 - height / side  # where a letter ends at the film's edge
    along, deep = rng.uniform(0, far), rng.uniform(0, 0.25 - height / side)
    above, on_the_left, on_the_right = (along, deep), (deep, along), (far - deep, along)
    left, top = (above, on_the_left, on_the_right)[rng.integers(3)]
    base = (round(left * side), round(top * side) + round(height))
    ink = np.zeros((side, side), np.uint8)
    cv2.putText(ink, letter, base, font, scale, 255, thickness, cv2.LINE_AA)
    return film + ink / np.float32(255) * (np.float32(rng.uniform(128, 255)) - film)
