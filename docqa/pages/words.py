"""A page's words in few large pieces: how they are compared, and handed to another process.

Imports no database and nothing large, so that a process that only reads fields starts in a moment; and a packed page
takes a tenth of the memory of a page, so that many can wait for it. Not here: the table that pages are kept in
(`docqa.store.library`).
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from docqa.errors import StoreDamaged
from docqa.types import Page, TextSource, Word

_STEPS = 65535  #: box edges are kept as 16-bit fractions: 0.02 pixel on the widest page image
_TEXT_SOURCES = {source.value: source for source in TextSource}


class PackedPage(NamedTuple):
    """A page with its words end to end."""

    doc: str
    number: int
    width: int
    height: int
    words: str  #: with a NUL between them
    boxes: bytes  #: x0 y0 x1 y1 of each word, in 1/65535 of the page, 16 bits each
    lines: bytes  #: the line of each word, 32 bits each
    text_source: str
    quality: float


def packed(page: Page) -> PackedPage:
    """A page as it is kept; its boxes lose what is less than half a step, or beyond the page.

    Raises ValueError if a word holds a NUL, which no reader of files lets through: it would come back as two.
    """
    words = "\0".join(word.text for word in page.words)
    if words.count("\0") != max(0, len(page.words) - 1):
        raise ValueError(f"a word on page {page.number} of document {page.doc[:12]} holds a NUL")
    return PackedPage(
        page.doc,
        page.number,
        page.width,
        page.height,
        words,
        _steps(page).tobytes(),
        array("i", (word.line for word in page.words)).tobytes(),
        page.text_source.value,
        page.quality,
    )


def _steps(page: Page) -> array[int]:
    steps = [int(edge * _STEPS + 0.5) for word in page.words for edge in word.box]
    try:
        return array("H", steps)
    except OverflowError:  # a box goes beyond the page, which no reader of files lets through
        return array("H", [min(max(step, 0), _STEPS) for step in steps])


def page_of(kept: PackedPage) -> Page:
    """The page that was kept. Raises StoreDamaged if its words, boxes and lines do not belong together."""
    lines, steps = array("i", kept.lines), array("H", kept.boxes)
    words = kept.words.split("\0") if lines else []
    if len(words) != len(lines) or len(steps) != 4 * len(lines):
        raise StoreDamaged(f"Page {kept.number} of document {kept.doc[:12]} has boxes of other words than its own.")
    edges = iter([step / _STEPS for step in steps])
    boxes = zip(edges, edges, edges, edges, strict=True)
    return Page(
        doc=kept.doc,
        number=kept.number,
        width=kept.width,
        height=kept.height,
        words=tuple(map(Word, words, boxes, lines)),
        text_source=_TEXT_SOURCES[kept.text_source],
        quality=kept.quality,
    )


def page_digest(page: Page) -> str:
    """The sha256 (hex) of a page's words, boxes as they are kept, and lines: the same before and after storing."""
    return _digest(packed(page))


def check_words(doc: str, pages: Iterable[PackedPage], known: Mapping[int, str]) -> None:
    """Compare pages with the sha256 of their words when they were read: no value is proven by altered ones.

    Raises StoreDamaged.
    """
    for page in pages:
        stored = known.get(page.number)
        if stored and _digest(page) != stored:
            raise StoreDamaged(f"The words of page {page.number} of document {doc[:12]} are not what was stored.")


def _digest(page: PackedPage) -> str:
    return hashlib.sha256(page.words.encode("utf-8") + b"\0" + page.boxes + page.lines).hexdigest()
