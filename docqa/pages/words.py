"""A page as a row of plain numbers and texts: how it is kept, compared, and handed to another process.

Imports no database and nothing large, so that a process that only reads fields starts in a moment. Not here: the table
of the rows (`docqa.store.library`).
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping
from typing import TypedDict

from docqa.errors import StoreDamaged
from docqa.types import Page, TextSource, Word

_STEPS = 65535  #: box edges are kept as 16-bit fractions: 0.02 pixel on the widest page image
_TEXT_SOURCES = {source.value: source for source in TextSource}


class PageRow(TypedDict):
    """A page as it is kept."""

    doc: str
    page: int
    width: int
    height: int
    words: list[str]
    boxes: list[int]  #: x0 y0 x1 y1 of each word, in 1/65535 of the page
    lines: list[int]  #: the line of each word
    text_source: str
    quality: float


def row_of(page: Page) -> PageRow:
    """A page as it is kept; its boxes lose what is less than half a step, or beyond the page."""
    return {
        "doc": page.doc,
        "page": page.number,
        "width": page.width,
        "height": page.height,
        "words": [word.text for word in page.words],
        "boxes": [min(max(round(edge * _STEPS), 0), _STEPS) for word in page.words for edge in word.box],
        "lines": [word.line for word in page.words],
        "text_source": page.text_source.value,
        "quality": page.quality,
    }


def page_of(row: PageRow) -> Page:
    """The page that was kept."""
    edges = iter([step / _STEPS for step in row["boxes"]])
    boxes = zip(edges, edges, edges, edges, strict=True)
    return Page(
        doc=row["doc"],
        number=row["page"],
        width=row["width"],
        height=row["height"],
        words=tuple(map(Word, row["words"], boxes, row["lines"])),
        text_source=_TEXT_SOURCES[row["text_source"]],
        quality=row["quality"],
    )


def page_digest(page: Page) -> str:
    """The sha256 (hex) of a page's words, boxes as they are kept, and lines: the same before and after storing."""
    return _digest(row_of(page))


def check_words(doc: str, rows: Iterable[PageRow], known: Mapping[int, str]) -> None:
    """Compare pages with the sha256 of their words when they were read: no value is proven by altered ones.

    Raises StoreDamaged.
    """
    for row in rows:
        stored = known.get(row["page"])
        if stored and _digest(row) != stored:
            raise StoreDamaged(f"The words of page {row['page']} of document {doc[:12]} are not what was stored.")


def _digest(row: PageRow) -> str:
    boxes, lines = array("H", row["boxes"]), array("i", row["lines"])
    texts = "\0".join(row["words"]).encode("utf-8")
    return hashlib.sha256(texts + b"\0" + boxes.tobytes() + lines.tobytes()).hexdigest()
