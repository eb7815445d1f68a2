"""What a child said, checked before anything believes it.

Whatever arrives over the pipe is called `untrusted_…` until a `check_…` here looked at it: numbers in range, texts
without control characters, images of the right kind and size. What cannot be true raises RendererLied.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from docqa.errors import RendererLied
from docqa.pages.grid import CELL, MAX_BUDGET
from docqa.store.library import StoredPage
from docqa.types import Page, TextSource, Word
from ingest.languages import LANGUAGES, UNKNOWN
from ingest.sandbox.wire import FAILURES, MAX_UNSEEN, MAX_WORD, MAX_WORDS

_FRAME_HEADERS = (0xC0, 0xC2)  #: JPEG segments that tell the size, of baseline and progressive images
_SIDES = struct.Struct(">HH")


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that could be opened: how many pages it has, and whether its end is missing."""

    pages: int
    cut_off: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """A checked page with what decides where its words come from. Its stored words are the visible ones.

    `hidden` words nobody can see. Whether the page shows `sandwiched` ones, which lie invisibly over a picture or under
    it, only the OCR can tell. `unexplained` is the share of the ink that looks like writing and is no visible word.
    """

    stored: StoredPage
    hidden: tuple[Word, ...]
    sandwiched: tuple[Word, ...]
    quality: float  #: 0..1: how far the layer makes sense as characters
    unexplained: float  #: 0..1
    blank: bool  #: nothing but paper and specks


@dataclass(frozen=True, slots=True)
class OcrReading:
    """What the OCR read on a page image, checked.

    `unread` names scripts (Unicode's names, such as "Greek") that seem to be on the page and were not read.
    """

    words: tuple[Word, ...]
    quality: float  #: 0..1, the mean confidence
    unread: tuple[str, ...] = ()


def check_failure(untrusted_header: dict[str, Any]) -> None:
    """Raise the error whose number the child sent, if it sent one."""
    if "error" not in untrusted_header:
        return
    kind = FAILURES[_integer(untrusted_header["error"], 0, len(FAILURES) - 1)]
    raise kind(_SENTENCES[kind.code])


_SENTENCES = {
    "damaged_file": "The content is damaged.",
    "needs_password": "The file is protected by a password.",
    "no_pages": "The file has no pages.",
    "too_many_pages": "The file has more pages than the settings allow.",
}


def check_opened(untrusted_header: dict[str, Any], max_pages: int) -> Opened:
    """The first frame. Raises what the child reports, or RendererLied."""
    check_failure(untrusted_header)
    pages = _integer(untrusted_header.get("pages"), 1, max_pages)
    return Opened(pages, untrusted_header.get("cut_off") is True)


def check_page(untrusted_header: dict[str, Any], untrusted_image: bytes, doc: str, number: int) -> Rendered:
    """A page frame for the page that is due. Raises what the child reports of it, or RendererLied."""
    if untrusted_header.get("page") != number:
        raise lie("pages out of order")
    check_failure(untrusted_header)
    width, height = (_integer(untrusted_header.get(side), CELL, MAX_BUDGET * CELL) for side in ("width", "height"))
    if jpeg_size(untrusted_image) != (width, height):
        raise lie("an image that is none, or of another size")
    words = check_words(untrusted_header.get("words"))
    hidden, sandwiched = (check_words(untrusted_header.get(kind), MAX_UNSEEN) for kind in ("hidden", "sandwiched"))
    quality, unexplained = (_number(untrusted_header.get(share), 0, 1) for share in ("quality", "unexplained"))
    source = TextSource.TEXT_LAYER if words else TextSource.NONE
    page = Page(doc, number, width, height, words, source, quality if words else 0.0)
    blank = untrusted_header.get("blank") is True and not words
    return Rendered(StoredPage(page, untrusted_image), hidden, sandwiched, quality, unexplained, blank)


def check_words(untrusted_words: object, most: int = MAX_WORDS) -> tuple[Word, ...]:
    """At most so many words, with boxes inside the page and line numbers that never fall."""
    if not isinstance(untrusted_words, list) or len(untrusted_words) > most:
        raise lie("an impossible number of words")
    numbers = _numbers(untrusted_words).tolist()
    texts = [_plain(word[0][:MAX_WORD]) for word in untrusted_words]
    return tuple(
        Word(text, (x0, y0, x1, y1), int(line))
        for text, (x0, y0, x1, y1, line) in zip(texts, numbers, strict=True)
        if text
    )


def check_ocr(untrusted_header: dict[str, Any]) -> OcrReading:
    """A frame of the OCR child. Raises what the child reports, or RendererLied."""
    check_failure(untrusted_header)
    words = check_words(untrusted_header.get("words"))
    quality = _number(untrusted_header.get("quality"), 0, 1)
    return OcrReading(words, quality, _scripts(untrusted_header.get("unread")))


def _scripts(untrusted_names: object) -> tuple[str, ...]:
    if not isinstance(untrusted_names, list) or len(untrusted_names) > len(LANGUAGES):
        raise lie("scripts that are none")
    for name in untrusted_names:
        if not isinstance(name, str) or name not in (*LANGUAGES, UNKNOWN):
            raise lie("scripts that are none")
    return tuple(untrusted_names)


def _numbers(untrusted_words: list[Any]) -> npt.NDArray[np.float64]:
    """The last five of what each word is, checked all at once: words are most of what a child sends."""
    if not all(type(word) is list and len(word) == 6 and type(word[0]) is str for word in untrusted_words):
        raise lie("words that are none")
    if not set(map(type, chain.from_iterable(word[1:] for word in untrusted_words))) <= {int, float}:
        raise lie("a number that is none")
    try:
        numbers = np.array([word[1:] for word in untrusted_words], np.float64).reshape(-1, 5)
    except OverflowError as error:
        raise lie("a number out of range") from error
    boxes, lines = numbers[:, :4], numbers[:, 4]
    if not ((boxes >= 0) & (boxes <= 1)).all() or not ((lines >= 0) & (lines <= MAX_WORDS)).all():  # NaN is not, either
        raise lie("a number out of range")
    if (boxes[:, :2] > boxes[:, 2:]).any():
        raise lie("a box that is none")
    if (np.diff(lines) < 0).any() or (lines % 1).any():
        raise lie("a number that is none")
    return numbers


def _plain(untrusted_text: str) -> str:
    """Text without control characters, lone surrogates and white space, which would break lines and files."""
    if untrusted_text.isprintable() and " " not in untrusted_text:  # as nearly all are: no other space is printable
        return untrusted_text
    text = untrusted_text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in text if c.isprintable() and not c.isspace())


def jpeg_size(untrusted_image: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG by its frame header, or None if it is none; nothing is decoded."""
    if not (untrusted_image.startswith(b"\xff\xd8") and untrusted_image.endswith(b"\xff\xd9")):
        return None
    at = 2
    while at + 9 <= len(untrusted_image) and untrusted_image[at] == 0xFF:
        kind, length = untrusted_image[at + 1], int.from_bytes(untrusted_image[at + 2 : at + 4])
        if kind in _FRAME_HEADERS:
            height, width = _SIDES.unpack_from(untrusted_image, at + 5)
            return width, height
        at += 2 + length
    return None


def _number(untrusted: object, low: float, high: float) -> float:
    if isinstance(untrusted, bool) or not isinstance(untrusted, int | float):
        raise lie("a number that is none")
    if not low <= untrusted <= high:  # NaN is not, either
        raise lie("a number out of range")
    return float(untrusted)


def _integer(untrusted: object, low: int, high: int) -> int:
    number = _number(untrusted, low, high)
    if not number.is_integer():
        raise lie("a number that is none")
    return int(number)


def lie(what: str) -> RendererLied:
    """The error for something that cannot be true, in words that end a sentence."""
    return RendererLied(f"The process that reads the file sent {what}.")
