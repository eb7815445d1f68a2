"""Where on the pages to look closer: the lines that speak of the question most, and what stands around them.

Words and their boxes decide, so a page without words has no such place. The image is cut out elsewhere
(`docqa.pages.image`).
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from docqa.pages.grid import grid_size
from docqa.readers.quote import terms
from docqa.types import Box, Evidence, Page, Word

HEIGHT = 0.25  #: of the page, over its whole width: a table keeps its row headings, and letters are twice as large
#: Pixels of a word's box on the model's grid, below which print is small: 6 points are 13 pixels high on A4 at the
#: largest budget, and a box with room for ascenders and descenders is 1.2 times as high.
SMALL_PRINT = 16.0


@dataclass(frozen=True, slots=True)
class Place:
    """A part of one of the pages."""

    page: int  #: index into the pages, from 0
    box: Box
    print_height: float  #: of its words, in fractions of the page


def best_place(question: str, pages: Sequence[Evidence]) -> Place | None:
    """The part of the pages whose lines hold most of the question's words, rare ones counting more; None if none do."""
    lines = [[(line, terms(" ".join(word.text for word in line))) for line in one.page.lines] for one in pages]
    asked = terms(question)
    holding = Counter(term for page in lines for _, found in page for term in found & asked)
    weight = {term: math.log(1 + sum(holding.values()) / count) for term, count in holding.items()}
    best, score = None, 0.0
    for index, page in enumerate(lines):
        for line, found in page:
            if not found & asked:
                continue
            top, bottom = _window(line)
            inside = [(words, own) for words, own in page if top <= _middle(words) <= bottom]
            spoken = frozenset[str]().union(*(own & asked for _, own in inside))
            # What one line says together counts more than the same words all over the place.
            worth = sum(weight[term] for term in spoken) + sum(weight[term] for term in found & asked)
            if worth > score:
                heights = [word.box[3] - word.box[1] for words, _ in inside for word in words]
                best, score = Place(index, (0.0, top, 1.0, bottom), statistics.median(heights)), worth
    return best


def is_small(place: Place, page: Page, budget: int) -> bool:
    """Whether its print is too small to be read reliably in an image of the page at this budget (soft tokens)."""
    return place.print_height * grid_size(page.width, page.height, budget)[1] < SMALL_PRINT


def _window(line: Sequence[Word]) -> tuple[float, float]:
    top = min(max(_middle(line) - HEIGHT / 2, 0.0), 1 - HEIGHT)
    return top, top + HEIGHT


def _middle(line: Sequence[Word]) -> float:
    return statistics.fmean((word.box[1] + word.box[3]) / 2 for word in line)
