"""Steps that a flipped bit leaves in a JPEG: what no decoder can see.

A JPEG codes each block's mean grey as the difference from the block before. One wrong difference
shifts every block that comes after it by the same step: along its upper edge from there to the
right, and along its row's lower edge from there to the left. Edges of anatomy, collimators and
labels do not follow that line, or are as strong off the blocks' grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xrayscan.errors import ScanError
from xrayscan.intake.integrity import COPY_AGAIN
from xrayscan.records import Reason

# In units of what chance would give. Of 9,369 good films of five sources none is refused.
_STEP = 8.0
_OFF_GRID = 1.3  # the step on the grid is so many times as strong as off it
# Share of the units on either part of the line that have the step; of a label only some have.
_ALL_ALONG = 0.8
_LEAST_UNITS = 20  # in a row; fewer prove nothing
_OUTLIER = 3.0  # standard deviations at which a single block's step is clipped: edges of bones
_LEAST_NOISE = 0.25  # grey levels; below it lies only rounding


def check_seams(pixels: NDArray[np.uint8], unit: tuple[int, int]) -> None:
    """Refuse a JPEG with a step along the order of its blocks.

    What is found: 119 of 384 flipped bits of full-size films, the 84 that the decoder finds among
    them.

    Args:
        pixels: (H, W) as stored, before any turn.
        unit: height and width of the units that are coded one after another, pixels.

    Raises:
        ScanError: there is one.
    """
    height, width = pixels.shape
    if height < 6 * unit[0] or width < _LEAST_UNITS * unit[1]:
        return
    step = _strongest_step(pixels, unit, 0)
    if step < _STEP:
        return
    if step > _OFF_GRID * max(_strongest_step(pixels, unit, shift) for shift in (2, 4, 6)):
        detail = f"the picture has a step within, as a changed byte leaves it; {COPY_AGAIN}"
        raise ScanError(Reason.DAMAGED, detail, "JPEG")


def _strongest_step(pixels: NDArray[np.uint8], unit: tuple[int, int], shift: int) -> float:
    """The strongest step along any line that begins at a unit, ``shift`` pixels below the grid."""
    down, across = unit
    count = pixels.shape[1] // across
    edges = len(range(down, pixels.shape[0] - 1 - shift, down))
    above, before, at, below = (
        pixels[down + shift + offset :: down, : count * across][:edges] for offset in (-2, -1, 0, 1)
    )
    # the step from one row to the next, less what the rows beside make one expect; doubled
    step, slope = (np.subtract(*pair, dtype=np.int16) for pair in ((at, before), (below, above)))
    steps = (3 * step - slope).reshape(edges, count, across)
    # of a unit; in 16 bits, as no sum of 32 steps of 4 * 255 is beyond them
    sums = np.einsum("rcu->rc", steps)
    means = sums.astype(np.float32) / (2 * across)
    sizes = np.abs(means)
    middle = count // 2
    spread = 1.4826 * np.partition(sizes, middle, axis=1)[:, middle, None]  # of a normal one
    noise = np.maximum(spread, max(_LEAST_NOISE, float(np.median(spread))))
    clipped = np.clip(means / noise, -_OUTLIER, _OUTLIER)
    left = np.cumsum(clipped, axis=1)[:, :-1]  # up to each unit; the last one begins no line
    right = clipped.sum(axis=1, keepdims=True) - left
    along, beside = right[:-1] + left[1:], left[:-1] + right[1:]
    margin = count // 20  # a line that begins near the border is an edge like any other
    strength = (np.abs(along) - np.abs(beside))[:, margin:-margin] / np.sqrt(count)
    row, place = (int(each) for each in np.unravel_index(strength.argmax(), strength.shape))
    begin = place + margin + 1
    parts = clipped[row, begin:], clipped[row + 1, :begin]
    sign = np.sign(along[row, begin - 1])
    if any(np.mean(part * sign > 0) < _ALL_ALONG for part in parts):
        return 0.0
    return float(strength[row, place])
