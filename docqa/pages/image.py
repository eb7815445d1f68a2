"""Page images as they are sent to a model: on its pixel grid, whole or a part of them enlarged.

The images are the store's own (JPEG). The store keeps a page on the grid of the largest budget, so that usually nothing
is resampled here; a close-up shows no more than the stored image has, but in more of the model's cells.
"""

from __future__ import annotations

import io

from PIL import Image

from docqa.pages.grid import grid_size
from docqa.types import Box

JPEG_QUALITY = 90  #: of what is resampled: once more after the store's 85, so a little better


def on_grid(jpeg: bytes, budget: int) -> bytes:
    """The image with the sides at which the model looks at it; as it is if it has them, or cannot be read."""
    image = _opened(jpeg)
    if image is None or image.size == grid_size(*image.size, budget):
        return jpeg
    return _resized(image, budget)


def enlarged(jpeg: bytes, box: Box, budget: int) -> bytes | None:
    """A part of an image, as large as the budget allows; None if the image cannot be read."""
    image = _opened(jpeg)
    if image is None:
        return None
    left, top, right, bottom = (round(edge * side) for edge, side in zip(box, (*image.size, *image.size), strict=True))
    return _resized(image.crop((left, top, max(right, left + 1), max(bottom, top + 1))), budget)


def _opened(jpeg: bytes) -> Image.Image | None:
    try:
        image = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
        image.load()
    except (OSError, Image.DecompressionBombError):
        return None
    return image


def _resized(image: Image.Image, budget: int) -> bytes:
    buffer = io.BytesIO()
    sides = grid_size(*image.size, budget)
    image.resize(sides, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
