"""Quote to words to boxes: does what a reader quotes stand on the page, and where exactly?

A quote is compared with the words of its page token by token (`docqa.verify.tokens`): every word, number and sign of
it has to stand there, in this order, with nothing left out. Words may be split or glued differently (line ends,
recognition), and a letter may have been misread for one of its shape; a word that was replaced by another is no
misreading. Numbers may be grouped differently but have the same value and sign. What is nearly right about a figure is
wrong.

The page is read in three orders: as it is stored, by rows (the cells of a table side by side), and by columns. A quote
that leaves a row of a table in its middle for another row would put a figure beside somebody else's label: it is not
taken. An ellipsis may leave out up to three lines, but no word of negation. What cannot be matched gets no boxes.

Not here: whether the quote supports the answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from docqa.types import Box, Citation, Evidence, Page, Quote, TextSource, Word
from docqa.verify.order import Layout, Strand
from docqa.verify.tokens import (
    Kind,
    Token,
    decimal_mark,
    joined,
    may_begin_alike,
    printable,
    same_number,
    slips,
    tokens_of,
    values,
    words_of,
)

MIN_LETTERS = 3  #: a shorter quote is nearly on every page: it counts only as whole words
LETTERS_PER_SLIP = 8  #: of a quote for each misread one, at least: recognition errs in 1 to 3 of 100
_MOST_JOINED = 4  #: words or groups of digits that stand for one
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:\.{3}|…)\s*\]|\.{3,}|…)\s*")
_LEFT_OUT = 3  #: lines of the page that an ellipsis may stand for
MIN_PART = 3  #: words of a quote on each side of an ellipsis
_EXACT = 100  #: cost of a misread letter, against 1 for another notation: literal places come first
_CURRENCY = frozenset("$€£¥¢₹₽₺₩₪₫₱฿₴₦")
_NO_FIGURES = re.compile(r"\[\d{1,3}\]|^\s*\d{1,2}[.)]\s", re.MULTILINE)  #: marks of citations, numbers of a list
_PUNCTUATION = ".,;:!?()[]\"'“”„"
_NEGATION = re.compile(
    r"\b(no|not|cannot|never|none|nor|neither|nothing|nobody|non|without|nicht|nichts|kein|keine[nmrs]?|keinerlei|nie|"
    r"niemals|weder|ohne|ne|ni|pas|rien|jamais|aucune?|sans|niet|geen|zonder|senza|sin|nunca|except|unless|save|ausser)\b"
    r"|n't\b"
)
#: After a number they say how much it is: a quote that stops before one would say another figure.
_SCALES = re.compile(
    r"thousands?|(?:m|b|tr)illions?|mio|mrd|tsd|[mbt]n|tausend|millionen|milliarden?|milliards?|percent|prozent|%|‰"
)


@dataclass(frozen=True, slots=True)
class Match:
    """Where a quote stands: the words, first to last, and one box per line of the page they touch.

    Where the page is stored in another order than it was read in, not all words between them are part of the quote.
    """

    first: int
    last: int
    boxes: tuple[Box, ...]


def locate(quote: str, page: Page) -> Match | None:
    """Find a quote on its page; None if it is not there as quoted."""
    located = _reading(page, False).located
    if quote not in located:
        located[quote] = _located(quote, page)
    return located[quote]


def _located(quote: str, page: Page) -> Match | None:
    said = tokens_of(words_of(quote))
    if all(token.kind is Kind.SIGN for token in said):
        return next((_match(page, [n]) for n in _signs(quote.strip(), page.words)), None)
    found = _place(said, _reading(page, False))
    if found is None and len(dated := tokens_of(words_of(quote), dates=True)) != len(said):
        found = _place(dated, _reading(page, True))
    found = found or _around_ellipsis(quote, page)
    return _match(page, found) if found else None


def boxes_of(words: Sequence[Word]) -> tuple[Box, ...]:
    """One box around the words of each line."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return tuple(_around([word.box for word in line]) for line in lines.values())


def check(quote: Quote, evidence: Sequence[Evidence]) -> Citation:
    """Match a quote to its page; if the reader named the wrong one, to another page it was given."""
    named = [one for one in evidence if (one.page.doc, one.page.number) == (quote.doc, quote.page)]
    said = printable(quote.text)
    for one in [*named, *(other for other in evidence if other not in named)]:
        if match := locate(said, one.page):
            return Citation(one.page.doc, one.label, one.page.number, said, match.boxes, verified=True)
    label = named[0].label if named else ""
    return Citation(quote.doc, label, quote.page, said, (), verified=False)


def cited_pages(citations: Iterable[Citation], evidence: Sequence[Evidence]) -> list[Page]:
    """The pages that quotes were taken from, verified or not, as far as the reader was given them."""
    cited = {(citation.doc, citation.page) for citation in citations}
    return [one.page for one in evidence if (one.page.doc, one.page.number) in cited]


def unsupported_figures(answer: str, question: str, pages: Iterable[Page]) -> tuple[str, ...]:
    """The numbers and dates of an answer that stand on none of the pages, as the answer writes them.

    What the question says itself is nobody's claim, nor are marks such as [1]. Signs are not looked at: a loss of
    1,577 may be printed as (1,577).
    """
    known = {value for page in pages for dates in (False, True) for value in _reading(page, dates).values}
    asked = [token for dates in (False, True) for token in tokens_of(words_of(question), dates)]
    known |= {value for token in asked if token.kind is Kind.NUMBER for value in values(token.key)}
    written = words_of(_NO_FIGURES.sub(" ", answer))
    missing = [t for t in tokens_of(written, dates=True) if t.kind is Kind.NUMBER and not values(t.key) & known]
    named = (" ".join(written[token.word : token.last + 1]).strip(_PUNCTUATION) for token in missing)
    return tuple(dict.fromkeys(named))


# ── one page, read ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Reading:
    """The tokens of a page in each order it can be read in, made when they are needed."""

    def __init__(self, page: Page, dates: bool) -> None:
        self.page = page
        self.layout = Layout(page)
        self.located: dict[str, Match | None] = {}  #: what was looked for on it: all cells of a row quote the same line
        self.recognised = page.text_source in (TextSource.OCR, TextSource.BOTH)
        self._dates = dates

    @cached_property
    def stored(self) -> tuple[Strand, list[Token]]:
        """The words in the page's own order."""
        [strand] = self.layout.stored
        return strand, self._tokens(strand)

    @cached_property
    def others(self) -> list[tuple[Strand, list[Token]]]:
        """The words by rows and by columns, as far as that makes a difference."""
        strands = [*self.layout.by_rows, *self.layout.by_columns]
        kept = [strand for strand in strands if len(strand) > 1 and not _ascending(strand)]
        return [(strand, self._tokens(strand)) for strand in kept]

    @cached_property
    def decimal_mark(self) -> str:
        """What marks decimals on this page, as far as it shows."""
        return decimal_mark(self.stored[1])

    @cached_property
    def values(self) -> frozenset[str]:
        """What the numbers of the page mean."""
        tokens = self.stored[1]
        joint = (joined(tokens[n : n + 2]) for n in range(len(tokens) - 1) if self.one_number(tokens[n : n + 2]))
        numbers = [token for token in (*tokens, *joint) if token is not None and token.kind is Kind.NUMBER]
        return frozenset(value for number in numbers for value in values(number.key, self.decimal_mark))

    def one_number(self, tokens: Sequence[Token], strand: Strand | None = None) -> bool:
        """Whether tokens may be groups of digits of one number, as far as their places can tell."""
        words = [strand[token.word] if strand else token.word for token in tokens]
        together = all(self.layout.narrow(a, b) for a, b in zip(words, words[1:], strict=False))
        return together and all(token.kind is Kind.NUMBER for token in tokens)

    def _tokens(self, strand: Strand) -> list[Token]:
        return tokens_of((self.page.words[n].text for n in strand), self._dates)


class _Same:
    """A page that is only the same as itself: to compare all words of two takes as long as to read one."""

    __slots__ = ("page",)

    def __init__(self, page: Page) -> None:
        self.page = page

    def __hash__(self) -> int:
        return id(self.page)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.page is self.page


def _reading(page: Page, dates: bool) -> _Reading:
    return _kept_reading(_Same(page), dates)


@lru_cache(maxsize=128)  #: pages, with and without dates: of a document that is looked through for each of its values
def _kept_reading(page: _Same, dates: bool) -> _Reading:
    return _Reading(page.page, dates)


def _ascending(strand: Strand) -> bool:
    """Whether a strand is a part of the page's own order."""
    return strand[-1] - strand[0] == len(strand) - 1 and all(a < b for a, b in zip(strand, strand[1:], strict=False))


# ── where it stands ──────────────────────────────────────────────────────────────────────────────────────────────────


def _place(said: Sequence[Token], reading: _Reading) -> list[int] | None:
    """The words a quote stands on, the best place first in the page's own order, then in the others."""
    found = next(_places(said, reading, *reading.stored), None)
    if found is None:
        others = (next(_places(said, reading, *other), None) for other in reading.others)
        found = next((words for words in others if words), None)
    return found


def _places(said: Sequence[Token], reading: _Reading, strand: Strand, tokens: list[Token]) -> Iterator[list[int]]:
    """The words of each place where a quote stands, the most literal first."""
    comparison = _Comparison(said, tokens, strand, reading)
    kind = said[0].kind
    starts = (start for start, token in enumerate(tokens) if token.kind is kind and comparison.may_begin(start))
    runs = [(start, comparison.run(start)) for start in starts]
    found = [(cost, start, end) for start, run in runs if run is not None for end, cost in (run,)]
    for _, start, end in sorted(found):
        words = strand[tokens[start].word : tokens[end - 1].last + 1]
        if reading.layout.whole(words):
            yield list(words)


class _Comparison:
    """A quote's tokens against those of a page in one order."""

    def __init__(self, said: Sequence[Token], printed: Sequence[Token], strand: Strand, reading: _Reading) -> None:
        self._said, self._printed, self._strand, self._reading = said, printed, strand, reading
        self._joints: dict[tuple[int, int], Token | None] = {}
        letters = sum(len(token.key) for token in said)
        self._short = letters < MIN_LETTERS
        self._most_slips = max(1, letters // LETTERS_PER_SLIP)
        self._bare = all(token.kind is not Kind.WORD for token in said)
        self._priced = any(token.key in _CURRENCY for token in said)

    def may_begin(self, start: int) -> bool:
        """Whether it is worth looking closer at a token of the quote's first kind: at nearly every one it is not."""
        said, printed = self._said[0], self._printed[start]
        if said.key == printed.key or said.kind is Kind.SIGN:
            return True
        if said.kind is Kind.WORD:
            recognised = self._reading.recognised
            return may_begin_alike(said.key, printed.key) or slips(said.key, printed.key, recognised) is not None
        followed = any(
            place < len(tokens) and tokens[place].kind is Kind.NUMBER
            for tokens, place in ((self._said, 1), (self._printed, start + 1))
        )
        return followed or same_number(said, printed, self._reading.decimal_mark)

    def run(self, start: int) -> tuple[int, int] | None:
        """Where a quote ends that begins at a token of the page, and how much it differs; None if it does not."""
        first, place, cost, here = self._printed[start], start, 0, 0
        if not first.opens or (first.key in _CURRENCY and not self._priced):
            return None
        while here < len(self._said):
            if place == len(self._printed):
                return None
            if not self._priced and self._printed[place].key in _CURRENCY:
                place += 1
                continue
            step = self._step(here, place)
            if step is None or cost + step[2] > _EXACT * self._most_slips + len(self._said):
                return None
            here, place, cost = here + step[0], place + step[1], cost + step[2]
        slipped = cost // _EXACT
        cost += sum(not edge.whole for edge in (first, self._printed[place - 1]))
        return (place, cost) if slipped <= self._most_slips and self._ends(start, place) else None

    def _ends(self, start: int, end: int) -> bool:
        """Whether nothing is cut off at the ends that changes what is said: half a word, of a number, its unit."""
        first, last = self._printed[start], self._printed[end - 1]
        if not last.closes or (self._short and not (first.whole and last.whole)):
            return False
        before, after = self._printed[max(0, start - 1) : start + 1], self._printed[end - 1 : end + 1]
        if any(len(two) == 2 and self._one(two) and joined(two) for two in (before, after)):
            return False
        counted = last.kind is Kind.NUMBER and not self._bare
        return not (counted and len(after) == 2 and _SCALES.fullmatch(after[1].key))

    def _step(self, here: int, place: int) -> tuple[int, int, int] | None:
        """How many tokens of each agree from here on, and at what cost."""
        said, printed = self._said[here], self._printed[place]
        if said.kind is not printed.kind:
            return None
        if said.kind is Kind.SIGN:
            return (1, 1, 0) if said.key == printed.key else None
        return self._numbers(here, place) if said.kind is Kind.NUMBER else self._words(here, place)

    def _numbers(self, here: int, place: int) -> tuple[int, int, int] | None:
        said, printed = self._said[here], self._printed[place]
        mark = self._reading.decimal_mark
        if same_number(said, printed, mark):
            return 1, 1, int(said.key != printed.key)
        for a in range(1, _MOST_JOINED + 1):
            if (whole := self._joint(here, a)) is None:
                continue
            for b in range(1 if a > 1 else 2, _MOST_JOINED + 1):
                other = self._printed[place : place + b]
                whole_printed = _whole(other) if len(other) == b else None
                # Where they stand comes last: to look at it takes longest.
                if whole_printed and same_number(whole, whole_printed, mark) and self._one(other):
                    return a, b, 1
        return None

    def _joint(self, here: int, count: int) -> Token | None:
        """So many tokens of the quote as one number; None if they are none, or not there."""
        if (here, count) not in self._joints:
            said = self._said[here : here + count]
            self._joints[here, count] = _whole(said) if len(said) == count else None
        return self._joints[here, count]

    def _one(self, tokens: Sequence[Token]) -> bool:
        return self._reading.one_number(tokens, self._strand)

    def _words(self, here: int, place: int) -> tuple[int, int, int] | None:
        """Compare words; where one side has split or glued some, as many as belong together."""
        a, b, more, more_printed = self._said[here].key, self._printed[place].key, 1, 1
        while (slipped := slips(a, b, self._reading.recognised)) is None:
            if not may_begin_alike(a, b):  # nearly every word of the page: no more is joined to it
                return None
            if len(a) < len(b) and more < _MOST_JOINED and (key := _word(self._said, here + more)):
                a, more = a + key, more + 1
            elif (
                len(b) < len(a) and more_printed < _MOST_JOINED and (key := _word(self._printed, place + more_printed))
            ):
                b, more_printed = b + key, more_printed + 1
            else:
                return None
        return more, more_printed, _EXACT * slipped


def _whole(tokens: Sequence[Token]) -> Token | None:
    return tokens[0] if len(tokens) == 1 else joined(tokens) if all(t.kind is Kind.NUMBER for t in tokens) else None


def _word(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].key if place < len(tokens) and tokens[place].kind is Kind.WORD else ""


def _signs(signs: str, words: Sequence[Word]) -> Iterator[int]:
    """Words that hold a sign such as € or ☑. Punctuation alone proves nothing."""
    if signs and all(unicodedata.category(sign).startswith("S") for sign in signs):
        yield from (n for n, word in enumerate(words) if signs in word.text)


# ── ellipsis ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _around_ellipsis(quote: str, page: Page) -> list[int] | None:
    """Both parts of a quote with one ellipsis, if little stands between them and nothing that denies what is said."""
    parts = [tokens_of(words_of(part)) for part in _ELLIPSIS.split(quote)]
    if len(parts) != 2 or any(len(part) < MIN_PART for part in parts):
        return None
    reading = _reading(page, False)
    befores, afters = (list(_places(part, reading, *reading.stored)) for part in parts)
    pairs = ((before, after) for before in befores for after in afters)
    return next(([*before, *after] for before, after in pairs if _may_omit(page, before[-1], after[0])), None)


def _may_omit(page: Page, last: int, first: int) -> bool:
    between = page.words[last + 1 : first]
    near = page.words[first].line - page.words[last].line <= _LEFT_OUT
    return last < first and near and not _NEGATION.search(" ".join(word.text for word in between).casefold())


# ── boxes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _match(page: Page, words: Sequence[int]) -> Match:
    return Match(min(words), max(words), boxes_of([page.words[n] for n in sorted(words)]))


def _around(boxes: Sequence[Box]) -> Box:
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
