"""The pixel grid on which the model looks at a page image.

Gemma 4 resizes every image, up or down, to sides that are multiples of 48 pixels and whose cells fit its budget; one
cell costs one soft token. A page that is stored on exactly that grid reaches the model without a second resampling.

The formula is `get_aspect_ratio_preserving_size` of transformers 5.23.0
(`models/gemma4_unified/image_processing_gemma4_unified.py`), its guard against extreme aspect ratios included. Every
common paper size is a fixed point of it; some odd proportions the model stretches by one more cell, which does no harm.
Not here: the resizing itself (`ingest.child.render`).
"""

from __future__ import annotations

import math

CELL = 48  #: pixels: patches of 16, pooled 3 by 3
MAX_BUDGET = 1120  #: soft tokens; the largest of 70, 140, 280, 560, 1120
FRAME_TOKENS = 2  #: begin and end of image, on top of the cells


def grid_size(width: float, height: float, budget: int = MAX_BUDGET) -> tuple[int, int]:
    """Return the width and height in pixels at which the model sees a page of these proportions.

    The unit of `width` and `height` does not matter. A4 gives 1344 x 1872 at the largest budget.
    """
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise ValueError(f"A page cannot be {width} x {height}.")
    scale = math.sqrt(budget * CELL**2 / (width * height))
    columns, rows = math.floor(scale * width / CELL), math.floor(scale * height / CELL)
    if rows == 0:
        columns, rows = _strip(width / height, budget), 1
    elif columns == 0:
        columns, rows = 1, _strip(height / width, budget)
    return columns * CELL, rows * CELL


def soft_tokens(width: int, height: int) -> int:
    """Return what an image on the grid costs of the context: its cells and their frame."""
    return (width // CELL) * (height // CELL) + FRAME_TOKENS


def _strip(ratio: float, budget: int) -> int:
    """Cells of a page so long that its other side would be less than one cell."""
    return math.floor(min(ratio, budget))
