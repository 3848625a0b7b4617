"""How files are read, as the user wishes."""

from __future__ import annotations

from dataclasses import dataclass

# Larger than any single radiograph we know of (mammography reaches 60 megapixels); a header that
# claims more is refused before anything is decoded, so that memory stays bounded.
MAX_PIXELS = 100_000_000

# The slowest film measured, lossless JPEG 2000 of 17 megapixels, takes 4 s on a busy core.
TIME_LIMIT_S = 120.0

# Read and scored together. With half as many a night takes 5 to 8 % longer, as cores wait for the
# last films of more batches; with more of them it takes as long (benchmarks/results.md).
BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How pictures are decoded.

    Attributes:
        max_pixels: pictures that claim more are refused; decoding takes up to 16 bytes for each.
    """

    max_pixels: int = MAX_PIXELS


USUAL = DecodeOptions()
