"""Pages to chunks: passages of about 600 characters that know what they stand under.

What finds a passage is often not in it: the name of the document, the heading of the page and of the section. Those
are its context, embedded and searched together with it.
"""

from __future__ import annotations

import re
import statistics
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from docqa.types import Chunk, Page, Word

CHUNK = 600  #: characters
OVERLAP = 100  #: characters a chunk repeats of the one before it
_HEADING = 120  #: characters a heading has at most
_TALLER = 1.2  #: times the page's usual line height: a heading
_FIGURES = re.compile(r"\d[.,]\d")  #: in capitals beside a currency, "1,360.00 EUR", that is an amount
_LETTERS = re.compile(r"[^\W\d_]{3,}")

Line = Sequence[Word]


def page_chunks(page: Page, label: str, title: str | None) -> list[Chunk]:
    """The passages of one page, in reading order, with the document's name, page head and heading as context."""
    name = spoken_name(label)
    head = page_head(page)
    chunks = []
    for number, (heading, text) in enumerate(_passages(page), start=1):
        context = " | ".join(dict.fromkeys(part for part in (name, title, head, heading) if part))
        chunks.append(Chunk(page.doc, page.number, number, text, heading, context))
    return chunks


def spoken_name(label: str) -> str:
    """The words of a file name: `reports/ACME_2022-10K.pdf` → `ACME 2022 10K`."""
    return re.sub(r"[\W_]+", " ", PurePosixPath(label).stem).strip()


def document_title(first_page: Page) -> str | None:
    """The tallest line of the upper half of the first page, if it stands out at all."""
    upper = [line for line in first_page.lines if line[0].box[1] < 0.5 and _is_title(_text(line))]
    if not upper:
        return None
    tallest = max(upper, key=_height)
    return _text(tallest) if _height(tallest) > 1.1 * _usual_height(first_page) else None


def page_head(page: Page) -> str:
    """The first two lines with words in them: running head, title, or what the page begins with."""
    worded = [text for text in map(_text, page.lines) if _LETTERS.search(text)]
    return " ".join(worded[:2])[:_HEADING]


def _passages(page: Page) -> Iterator[tuple[str, str]]:
    """(heading, text) of each passage; a heading begins a new one as soon as the old has some size."""
    usual = _usual_height(page)
    heading, lines, repeated = "", list[str](), 0
    for line in page.lines:
        text = _text(line)
        if _is_heading(line, text, usual):
            if _length(lines) > CHUNK / 3:
                yield heading, "\n".join(lines)
                lines, repeated = [], 0
            heading = text
        for piece in textwrap.wrap(text, CHUNK, break_long_words=False, break_on_hyphens=False):
            lines.append(piece)
            if _length(lines) >= CHUNK:
                yield heading, "\n".join(lines)
                lines = _tail(lines)
                repeated = len(lines)
    if len(lines) > repeated:
        yield heading, "\n".join(lines)


def _tail(lines: list[str]) -> list[str]:
    """The last lines, up to the overlap."""
    kept: list[str] = []
    for line in reversed(lines):
        if _length(kept) + len(line) > OVERLAP:
            break
        kept.insert(0, line)
    return kept


def _length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _is_heading(line: Line, text: str, usual: float) -> bool:
    if len(text) > _HEADING or not _LETTERS.search(text):
        return False
    return _height(line) > _TALLER * usual or (text.isupper() and len(text) < 60 and not _FIGURES.search(text))


def _is_title(text: str) -> bool:
    return len(text) <= _HEADING and bool(_LETTERS.search(text))


def _height(line: Line) -> float:
    return statistics.median(word.box[3] - word.box[1] for word in line)


def _usual_height(page: Page) -> float:
    return statistics.median([word.box[3] - word.box[1] for word in page.words] or [0.0])


def _text(line: Line) -> str:
    return " ".join(word.text for word in line)
