"""Pages to chunks: passages of about 600 characters that know what they stand under.

What finds a passage is often not in it: the name, title and date of the document, the head of the page, the headings of
the section, the heads of a table's columns. Those are its context, embedded and searched together with it. Not here:
what a title or a heading looks like (`ingest.chunks.layout`) and what a table is (`ingest.chunks.tables`).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from docqa.types import Chunk, Page
from ingest.chunks import layout
from ingest.chunks.layout import PrintedLine
from ingest.chunks.tables import Columns

CHUNK = 600  #: characters
OVERLAP = 100  #: characters a chunk repeats of the one before it
#: The embedder reads 256 tokens, and a context takes 40 to 60 of them. A letter is .18 tokens, a figure .54 and a mark
#: .98 (fitted to 4,000 chunks of filings, r = .96): in letters, a passage of figures has this size at most.
LETTERS_READ = 1_050
_DIGIT_IN_LETTERS, _MARK_IN_LETTERS = 3, 5
_SENTENCE_FROM = 0.75  #: of a chunk: from here on it ends with a line that ends a sentence

_DIGIT = re.compile(r"\d")
_MARK = re.compile(r"[^\w\s]")
_SENTENCE = re.compile(r"[.!?:][\"'”’»)]?$")
_MONTH = (
    r"(?:jan|feb|fév|mar|mär|apr|avr|may|mai|jun|juin|jul|juil|aug|aoû|sep|oct|okt|nov|dec|dez|déc)[^\W\d_]{0,7}\.?"
)
#: Dates as they are printed in English, German and French, and numeric ones.
_DATE = re.compile(
    rf"\b(?:{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? (?:19|20)\d\d"
    rf"|\d{{1,2}}(?:\.|st|nd|rd|th|er)? {_MONTH},? (?:19|20)\d\d"
    r"|(?:19|20)\d\d-\d\d-\d\d"
    r"|\d{1,2}[./]\d{1,2}[./](?:19|20)\d\d)\b",
    re.IGNORECASE,
)

Headings = tuple[str, str]  #: of the section and below it; each may be empty


@dataclass(frozen=True, slots=True)
class _Passage:
    text: str
    headings: Headings
    columns: str  #: what the rows of a table that goes on in this passage stand under


@dataclass(frozen=True, slots=True)
class _PageEnd:
    """What the next page goes on with."""

    headings: Headings
    heads: frozenset[str]  #: lines that would be running heads there


_NO_PAGE = _PageEnd(("", ""), frozenset())


class DocumentChunks:
    """Makes the chunks of one document, page after page: a page goes on under the headings of the one before it.

    The first page comes first; several runs of pages may come side by side.
    """

    def __init__(self, label: str) -> None:
        self.title: str | None = None  #: known once the first page was read
        self._name = spoken_name(label)
        self._date = ""
        self._ends: dict[int, _PageEnd] = {}  #: by number: pages whose next one has not come

    def of_page(self, page: Page, *, goes_on: bool = True) -> list[Chunk]:
        """The passages of a page, in reading order, each with its context.

        `goes_on` says that it belongs under what the page before it ended with, if that has been read.
        """
        lines = layout.printed_lines(page)
        if page.number == 1:
            self.title = _title(page, lines)
            self._date = document_date(page)
        before = self._ends.pop(page.number - 1, _NO_PAGE) if goes_on else _NO_PAGE
        headings = before.headings
        head = _head(lines, before.heads)
        chunks = []
        for number, passage in enumerate(_passages(lines, headings, before.heads), start=1):
            section, heading = headings = passage.headings
            context = _joined((self._name, self.title, self._date, head, section, heading, passage.columns))
            chunks.append(Chunk(page.doc, page.number, number, passage.text, heading or section, context))
        self._ends[page.number] = _PageEnd(headings, layout.running_heads(lines))
        return chunks


def spoken_name(label: str) -> str:
    """The words of a file name: `reports/ACME_2022-10K.pdf` → `ACME 2022 10K`."""
    return re.sub(r"[\W_]+", " ", PurePosixPath(label).stem).strip()


def document_title(first_page: Page) -> str | None:
    """What a letter names as its subject, else the tallest line of the upper half, else the first one in capitals."""
    return _title(first_page, layout.printed_lines(first_page))


def document_date(first_page: Page) -> str:
    """The first date on the first page, as printed; empty if there is none."""
    found = _DATE.search(" ".join(word.text for word in first_page.words))
    return found.group() if found else ""


def page_head(page: Page) -> str:
    """The first two lines with words in them, as far as they are no prose: title or heading of the page."""
    return _head(layout.printed_lines(page), frozenset())


def _title(page: Page, lines: Sequence[PrintedLine]) -> str | None:
    return layout.subject(lines) or layout.tallest(page, lines) or layout.first_capitals(lines)


def _head(lines: Sequence[PrintedLine], page_before: frozenset[str]) -> str:
    worded = [line for line in lines if line.worded and not layout.is_running_head(line, page_before)]
    return " ".join(line.text for line in worded[:2] if not layout.is_prose(line))[: layout.HEADING]


def _joined(parts: Sequence[str | None]) -> str:
    """The parts that say something new."""
    kept: list[str] = []
    for part in parts:
        if part and not any(part in other for other in kept):
            kept.append(part)
    return " | ".join(kept)


def _passages(lines: Sequence[PrintedLine], headings: Headings, page_before: frozenset[str]) -> Iterator[_Passage]:
    """The page's passages; a heading begins a new one as soon as the old has some size."""
    columns, told = Columns(), ""
    kept, repeated = list[str](), 0
    for line, now in _under_headings(lines, headings, page_before):
        if now != headings and _length(kept) > CHUNK / 3:
            yield _Passage("\n".join(kept), headings, told)
            kept, repeated = [], 0
        columns.read(line.text, heading=now != headings)
        told = told if kept else columns.told()
        headings = now
        for piece in _pieces(line.text):
            kept.append(piece)
            if _is_full(kept):
                yield _Passage("\n".join(kept), headings, told)
                kept, told = _tail(kept), columns.told()
                repeated = len(kept)
    if len(kept) > repeated:
        yield _Passage("\n".join(kept), headings, told)


def _under_headings(
    lines: Sequence[PrintedLine], headings: Headings, page_before: frozenset[str]
) -> Iterator[tuple[PrintedLine, Headings]]:
    """Each line with the headings it stands under, itself included."""
    usual = layout.usual(lines)
    above: PrintedLine | None = None
    for line in lines:
        if not layout.is_running_head(line, page_before):
            if layout.is_section_heading(line, usual):
                headings = (line.text, "")
            elif layout.is_heading(line, above, usual):
                headings = (headings[0], line.text)
        yield line, headings
        above = line


def _pieces(text: str) -> list[str]:
    """A line, cut where it is longer than a passage."""
    if len(text) <= CHUNK:
        return [text]
    return textwrap.wrap(text, CHUNK, break_long_words=False, break_on_hyphens=False)


def _is_full(kept: Sequence[str]) -> bool:
    """Whether a passage has its size, ends a sentence close to it, or holds as many figures as the embedder reads."""
    length = _length(kept)
    if length >= CHUNK or (length >= _SENTENCE_FROM * CHUNK and _SENTENCE.search(kept[-1])):
        return True
    return _MARK_IN_LETTERS * length >= LETTERS_READ and sum(map(_letters_read, kept)) >= LETTERS_READ


@lru_cache(maxsize=256)  # a passage is looked at again with each line it grows by
def _letters_read(line: str) -> int:
    digits, marks = len(_DIGIT.findall(line)), len(_MARK.findall(line))
    return len(line) + (_DIGIT_IN_LETTERS - 1) * digits + (_MARK_IN_LETTERS - 1) * marks


def _tail(lines: list[str]) -> list[str]:
    """The last lines, up to the overlap."""
    kept: list[str] = []
    for line in reversed(lines):
        if _length(kept) + len(line) > OVERLAP:
            break
        kept.insert(0, line)
    return kept


def _length(lines: Sequence[str]) -> int:
    return sum(map(len, lines)) + len(lines)
