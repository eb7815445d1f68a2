"""Where the words of a page come from: its text layer, or OCR of its image where the layer has none or is useless.

Not here: reading the layer (`ingest.render`) and the image (`ingest.ocr`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from docqa.store.library import StoredPage
from docqa.types import Notice, Page, TextSource
from ingest.render import SPARSE_WORDS
from ingest.untrusted import OcrReading, Rendered

_FEW_WORDS = 5  #: under so many words a text layer says nothing
_MOSTLY_PICTURE = 0.5  #: a picture that covers this share of the page, with sparse words, is a scan with a stamp
_READABLE = 0.7  #: share of meaningful characters under which a text layer is useless


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as it is to be stored, and what people should know about it."""

    stored: StoredPage
    notices: tuple[Notice, ...] = ()


def read_words(rendered: Rendered, ocr: Callable[[bytes], OcrReading]) -> ReadPage:
    """The page with the words of its text layer or of its image. Raises what `ocr` raises."""
    page = rendered.stored.page
    useless = len(page.words) < _FEW_WORDS or rendered.readable < _READABLE
    stamped = len(page.words) < SPARSE_WORDS and rendered.picture > _MOSTLY_PICTURE
    if not (useless or stamped):
        return ReadPage(rendered.stored)
    read = ocr(rendered.stored.image)
    if len(read.words) <= len(page.words) and rendered.readable >= _READABLE:
        return ReadPage(rendered.stored)
    source = TextSource.OCR if read.words else TextSource.NONE
    seen = Page(page.doc, page.number, page.width, page.height, read.words, source, read.quality)
    return ReadPage(StoredPage(seen, rendered.stored.image))
