"""The values that travel between the parts: frozen, plain, without behaviour that needs the store.

Two conventions hold everywhere. Page numbers are 1-based. Boxes are fractions 0..1 of the page as displayed
(rotation applied), in the order x0, y0, x1, y1 with the origin at the top left.

Not here: how any of these is stored (`docqa.store`) or made (`ingest`, `docqa.find`, `docqa.readers`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

MAX_ATTEMPTS = 3  #: after so many starts that ended badly, a document is set aside until somebody asks for it again

Box = tuple[float, float, float, float]


class Status(StrEnum):
    """Where a document stands. `duplicate` is not here: it is a result of an intake, not a state of a document."""

    QUEUED = "queued"  #: the original is kept, its pages are not there yet (or not all of them)
    READY = "ready"  #: every page is stored and can be found
    PARTIAL = "partial"  #: some pages are stored and can be found, others could not be read: see the problem
    FAILED = "failed"  #: no page could be read: see the problem
    NEEDS_PASSWORD = "needs_password"  #: encrypted; nothing was read


class TextSource(StrEnum):
    """Where the words of a page came from."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"
    BOTH = "both"  #: a text layer, and OCR of what it leaves out, such as a scan under a stamp
    NONE = "none"  #: a page without any text: blank, or a picture in which the OCR found no writing


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with one document or one cell: a stable code, a sentence, and what to do about it."""

    code: str
    message: str
    hint: str


class NoticeCode(StrEnum):
    """What people should know about a page that was read without a problem."""

    BLANK_PAGE = "blank_page"  #: nothing on it, neither text nor picture
    HIDDEN_TEXT = "hidden_text"  #: the file says more than the page shows; the detail is what was hidden
    UNREAD_SCRIPT = "unread_script"  #: writing that the OCR cannot read; the detail names the script


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about one page that is no failure but would be lost if nobody said it."""

    code: NoticeCode
    page: int
    detail: str = ""


class Word(NamedTuple):
    """One word as it is read on the page: printable, without white space, so that a NUL may part words.

    `line` numbers the page's lines in reading order, from 0.
    """

    text: str
    box: Box
    line: int


@dataclass(frozen=True)
class Page:
    """One page: its words in reading order and the size in pixels of its stored image."""

    doc: str
    number: int
    width: int
    height: int
    words: tuple[Word, ...]
    text_source: TextSource
    quality: float  #: 0..1: mean OCR confidence, or the share of readable characters of a text layer

    @cached_property
    def lines(self) -> tuple[tuple[Word, ...], ...]:
        """The words grouped by line, in reading order."""
        grouped: dict[int, list[Word]] = {}
        for word in self.words:
            grouped.setdefault(word.line, []).append(word)
        return tuple(tuple(words) for words in grouped.values())

    @cached_property
    def text(self) -> str:
        """One text line per line of the page."""
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Document:
    """One content (sha256 of its bytes, in hex) under the label it is shown by.

    The same bytes taken in twice are one document with two labels; `label` and `collection` are those of the
    first, unless a filter asked for another.
    """

    doc: str
    label: str
    collection: str
    status: Status
    bytes: int
    media_type: str | None  #: None until the content was looked at
    pages: int | None  #: pages of the file; None until it was opened
    pages_done: int
    attempts: int
    problem: Problem | None
    title: str | None
    added_at: str  #: ISO 8601, UTC
    seconds: float | None  #: how long reading it took
    chunks: int | None = None  #: None in a store of an earlier docqa
    embedded: bool = False  #: found by meaning, too; before that by words only
    notices: tuple[NoticeCode, ...] = ()  #: what its pages are noted for, each once; the catalog has the details


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of one page, about 600 characters, with the context it is searched by."""

    doc: str
    page: int
    number: int  #: 1-based within the page
    text: str
    heading: str  #: the heading the passage stands under, may be empty
    context: str  #: document title and heading: what the passage does not say itself


@dataclass(frozen=True, slots=True)
class Hit:
    """One page that was found for a question. `score` ranks; it is not a probability."""

    doc: str
    label: str
    page: int
    score: float
    snippet: str  #: the best passage of the page
    why: str  #: which search found it, e.g. "words and meaning"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A page as a reader is given it: its words, the label of its document, and its image on demand."""

    page: Page
    label: str
    image: Callable[[], bytes]  #: returns the stored page image (JPEG)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a reader says stands on a page. Nobody has checked it: see `docqa.verify`."""

    doc: str
    page: int
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote after the check: `boxes` are the words it was matched to, empty when `verified` is False."""

    doc: str
    label: str
    page: int
    quote: str
    boxes: tuple[Box, ...]
    verified: bool


class Verdict(StrEnum):
    """Whether the documents answer the question."""

    FOUND = "found"  #: there is an answer, and at least one quote of it stands on its page
    UNVERIFIED = "unverified"  #: there is an answer, and nothing that could be checked proves it
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request cost, as the model server counts it."""

    prompt_tokens: int
    cached_tokens: int | None  #: of the prompt, those computed before; None where the server does not say
    answer_tokens: int

    @property
    def cached_share(self) -> float | None:
        """The share of the prompt that was computed before, 0..1."""
        return None if self.cached_tokens is None or not self.prompt_tokens else self.cached_tokens / self.prompt_tokens


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a page."""

    doc: str
    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class Draft:
    """A reader's own answer, quotes unchecked."""

    verdict: Verdict
    text: str
    quotes: tuple[Quote, ...]
    close_up: Region | None = None  #: what the answer was read from once more, larger; None: from the pages alone
    #: (doc, page) in the order they were read, those of an earlier turn included; empty: the pages that were given
    pages_read: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    usage: Usage | None = field(default=None, compare=False)  #: of the first request; None without a model server


@dataclass(frozen=True, slots=True)
class NotRead:
    """A document that a question about every document could not be asked of, or not of all of it."""

    doc: str
    label: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was read for a question about every document: `read` of `of` documents, the others named in `failed`."""

    read: int
    of: int
    failed: tuple[NotRead, ...]
    matching: int  #: documents that the reader says are meant
    pages: int  #: pages read; of a long document the best ones


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose quotes were checked against their pages."""

    question: str
    verdict: Verdict
    text: str
    citations: tuple[Citation, ...]
    pages_read: tuple[tuple[str, int], ...]  #: (doc, page), in the order the reader saw them
    reader: str
    seconds: float
    unsupported: tuple[str, ...] = ()  #: figures and dates of the text that stand on none of the cited pages
    receipt: Receipt | None = None  #: of a question that was asked of every document


class FieldType(StrEnum):
    """What kind of value a field holds; decides how it is read, checked and normalised."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    AMOUNT = "amount"  #: a number; the currency beside it is kept apart from the value
    DATE = "date"  #: ISO 8601 in the output
    CHOICE = "choice"
    BOOLEAN = "boolean"  #: "true" or "false" in the output
    LIST = "list"  #: several texts, joined by "; " in the output
    TABLE = "table"  #: rows of typed columns, such as the items of an invoice


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field to be filled for every document. `pattern` is a regular expression the whole value must match.

    A field of type table has columns, which are fields themselves but for tables and lists.
    """

    name: str
    type: FieldType
    description: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    columns: tuple[FieldSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader read for one field: the value as printed and where. Nobody has checked it yet.

    `score` is 0..1 and only ranks readings of one reader; it is no probability. `margin` is how far behind the next
    best other value came. `words` are those of the page, by their number on it, that the value was read from; only a
    reader that works on words knows them.
    """

    field: str
    text: str
    page: int
    quote: str
    score: float
    margin: float = 0.0
    row: int = 0  #: of a table, from 1; 0 outside of tables
    column: str = ""  #: of a table
    words: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of one document in the ledger. `value` is None when nothing was found or a check failed.

    A table's value is the number of its rows; the cells of each row are in `rows`, in the order of the columns.
    """

    doc: str
    field: str
    value: str | None  #: normalised: ISO date, decimal point, …
    text: str | None  #: as printed
    page: int | None
    quote: str | None
    boxes: tuple[Box, ...] = ()
    score: float = 0.0
    reader: str = ""
    problem: Problem | None = None  #: why there is no value
    currency: str | None = None  #: ISO 4217, of an amount; the sign where several share it ("$") and none is known
    confidence: float | None = None  #: calibrated chance that the value is right; None where nobody estimated it
    doubts: tuple[Problem, ...] = ()  #: checks the value failed: it is kept, but somebody should look
    rows: tuple[tuple[Cell, ...], ...] = ()  #: of a table
    signs: tuple[tuple[str, float], ...] = ()  #: what the confidence was estimated from, by name
    #: of the reader: its rules, or prompts, model and image budget; "" within a table, and of cells of an earlier docqa
    version: str = dataclasses.field(default="", compare=False)
    attempt: int = dataclasses.field(default=0, compare=False)  #: at the document, from 1; 0 where nobody counted
    filled_at: str = dataclasses.field(default="", compare=False)  #: ISO 8601, UTC; "" until it is in the ledger


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says a field of a document holds, kept beside the machine's value.

    It belongs to a document and a field's name, not to a reading: whoever reads the document again, it stays. The
    newest one counts; one that is `withdrawn` takes those before it back. A `value` of None says that the document
    does not have it; of a whole row, whose `column` is empty, that it is no row of the table.
    """

    doc: str
    field: str
    value: str | None  #: normalised as a cell's
    who: str
    at: str  #: ISO 8601, UTC
    note: str = ""
    row: int = 0  #: of a table, from 1; 0 outside of tables
    column: str = ""  #: of a table
    withdrawn: bool = False
    read: str | None = None  #: what the machine had read when the person looked
    currency: str | None = (
        None  #: ISO 4217, of an amount, if the person named one; else the one the machine read counts
    )
